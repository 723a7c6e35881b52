/**
 * From a checked and merged `healthCheck` block to that of the intent.
 */
import { assert } from "../support/assert.ts";
import { durationMs } from "./duration.ts";
import type { HealthCheck, StatusRange } from "./intent-service.ts";
import type { PolicyValue } from "./merge-policy.ts";
import { defined } from "./sort.ts";

type HealthCheckValue = NonNullable<PolicyValue["healthCheck"]>;

/** Builds the block. */
export function buildHealthCheck(block: HealthCheckValue): Omit<HealthCheck, "at"> {
  const { port, interval, intervalJitter, unhealthyInterval, timeout, healthyThreshold, unhealthyThreshold } = block;
  return {
    check: checkKind(block),
    ...(interval === undefined ? {} : { intervalMs: durationMs(interval) }),
    ...(intervalJitter === undefined ? {} : { intervalJitterMs: durationMs(intervalJitter) }),
    ...(unhealthyInterval === undefined ? {} : { unhealthyIntervalMs: durationMs(unhealthyInterval) }),
    ...(timeout === undefined ? {} : { timeoutMs: durationMs(timeout) }),
    ...defined({ port, healthyThreshold, unhealthyThreshold, reuseConnection: block.reuseConnection }),
  };
}

function checkKind(block: HealthCheckValue): HealthCheck["check"] {
  const { http, tcp, grpc } = block;
  if (http !== undefined) {
    const { path, host, expectedStatuses } = http;
    const ranges = expectedStatuses?.map(statusRange).toSorted((a, b) => a.first - b.first || a.last - b.last);
    return { kind: "http", path, ...defined({ host, expectedStatuses: ranges }) };
  }
  if (grpc !== undefined) return { kind: "grpc", ...defined({ serviceName: grpc.serviceName }) };
  assert(tcp !== undefined, "checkService demands one kind");
  return { kind: "tcp" };
}

/** `200`, or `200-299`. */
function statusRange(written: number | string): StatusRange {
  const [first = 0, last = first] = String(written).split("-").map(Number);
  return { first, last };
}
