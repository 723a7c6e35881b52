/**
 * From a checked and merged `connection` block to that of the intent.
 */
import { durationMs } from "./duration.ts";
import type { ServiceConnection } from "./intent-service.ts";
import type { PolicyValue } from "./merge-policy.ts";
import { defined } from "./sort.ts";

/** Builds the block. */
export function buildConnection(block: NonNullable<PolicyValue["connection"]>): Omit<ServiceConnection, "at"> {
  const { maxRequestsPerConnection, maxConcurrentStreams, bufferLimit, proxyProtocol, tcpKeepalive } = block;
  return defined({
    maxRequestsPerConnection,
    maxConcurrentStreams,
    proxyProtocol,
    idleTimeoutMs: optionalMs(block.idleTimeout),
    maxConnectionDurationMs: optionalMs(block.maxConnectionDuration),
    bufferLimitBytes: bufferLimit,
    tcpKeepalive:
      tcpKeepalive &&
      defined({
        timeMs: optionalMs(tcpKeepalive.time),
        intervalMs: optionalMs(tcpKeepalive.interval),
        probes: tcpKeepalive.probes,
      }),
  });
}

function optionalMs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : durationMs(text);
}
