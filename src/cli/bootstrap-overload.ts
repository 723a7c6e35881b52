/**
 * What an Envoy does before it has no memory left, and how many connections it takes: its overload manager.
 *
 * The steps are those of Envoy's guide for edge deployments. How much memory there is nobody knows here, so that they
 * are taken only when `--max-heap` says it.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
 */
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { JsonObject } from "./bootstrap-node.ts";

/** What was asked for; without a heap nothing watches it. */
export interface OverloadLimits {
  readonly maxHeapBytes?: number;
  readonly maxConnections?: number;
}

/** Without a limit Envoy warns at start; this one is beyond what one gateway serves and below usual file limits. */
const DOWNSTREAM_CONNECTIONS_MAX = 50_000;

/** Below that an Envoy that does nothing is over its limit already. */
const HEAP_MIB_MIN = 64;
const MIB = 1024 * 1024;
const units = { MiB: MIB, GiB: 1024 * MIB } as const;

const HEAP = "envoy.resource_monitors.fixed_heap";
const CONNECTIONS = "envoy.resource_monitors.global_downstream_max_connections";
const monitors = "type.googleapis.com/envoy.extensions.resource_monitors";

/** At which share of the heap Envoy gives back what it holds in reserve, and at which it answers 503. */
const steps = [
  { action: "envoy.overload_actions.shrink_heap", threshold: 0.95 },
  { action: "envoy.overload_actions.stop_accepting_requests", threshold: 0.98 },
];

/** The field of the bootstrap. */
export function overloadManager({ maxHeapBytes, maxConnections }: OverloadLimits): JsonObject {
  const connections = {
    name: CONNECTIONS,
    typed_config: {
      "@type": `${monitors}.downstream_connections.v3.DownstreamConnectionsConfig`,
      max_active_downstream_connections: maxConnections ?? DOWNSTREAM_CONNECTIONS_MAX,
    },
  };
  if (maxHeapBytes === undefined) return { refresh_interval: "0.25s", resource_monitors: [connections] };
  const heap = {
    name: HEAP,
    typed_config: {
      "@type": `${monitors}.fixed_heap.v3.FixedHeapConfig`,
      max_heap_size_bytes: maxHeapBytes,
    },
  };
  return {
    refresh_interval: "0.25s",
    resource_monitors: [connections, heap],
    actions: steps.map(({ action, threshold }) => ({
      name: action,
      triggers: [{ name: HEAP, threshold: { value: threshold } }],
    })),
  };
}

/** `512MiB` or `2GiB`. */
export function readMaxHeap(text: string): Result<number, string> {
  const { number, unit } = /^(?<number>[1-9][0-9]{0,5})(?<unit>MiB|GiB)$/.exec(text)?.groups ?? {};
  if (number === undefined || (unit !== "MiB" && unit !== "GiB")) {
    return err(`--max-heap: ${JSON.stringify(text)} is no size; write 512MiB or 2GiB`);
  }
  const bytes = Number(number) * units[unit];
  if (bytes >= HEAP_MIB_MIN * MIB) return ok(bytes);
  return err(`--max-heap: ${text} is less than ${HEAP_MIB_MIN}MiB, which an Envoy needs for itself`);
}

/** A whole number of connections. */
export function readMaxConnections(text: string): Result<number, string> {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return ok(Number(text));
  return err(`--max-connections: ${JSON.stringify(text)} is no whole number from 1 to 999999999`);
}
