/**
 * Active health checking: asking every host whether it is well.
 *
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/health_checking
 */
import type { HealthCheckJson } from "../gen/envoy/config/core/v3/health_check_pb.d.ts";
import type { HealthCheck, Service } from "../model/intent-service.ts";
import { unreachable } from "../support/assert.ts";
import { duration } from "./duration.ts";

/** Envoy has no defaults for these four; every 5 s with a second's patience notices a dead host in about 15 s. */
const defaults = { intervalMs: 5_000, timeoutMs: 1_000, healthyThreshold: 2, unhealthyThreshold: 3 };

/**
 * The check of a cluster; `protocol` decides whether an HTTP check speaks HTTP/2. Endpoints of HTTP/3 are asked over
 * TCP, on the port of the same number: a check in HTTP/3 ends the whole Envoy (1.36 and 1.40).
 */
export function translateHealthCheck(health: HealthCheck, protocol: Service["protocol"]): HealthCheckJson {
  const interval = duration(health.intervalMs ?? defaults.intervalMs);
  return {
    timeout: duration(health.timeoutMs ?? defaults.timeoutMs),
    interval,
    // Envoy checks a cluster without traffic once a minute; a canary at weight 0 has to be known well before it gets any.
    noTrafficInterval: interval,
    ...(health.intervalJitterMs === undefined ? {} : { intervalJitter: duration(health.intervalJitterMs) }),
    ...(health.unhealthyIntervalMs === undefined ? {} : { unhealthyInterval: duration(health.unhealthyIntervalMs) }),
    ...(health.reuseConnection === undefined ? {} : { reuseConnection: health.reuseConnection }),
    unhealthyThreshold: health.unhealthyThreshold ?? defaults.unhealthyThreshold,
    healthyThreshold: health.healthyThreshold ?? defaults.healthyThreshold,
    ...checker(health.check, protocol),
  };
}

function checker(check: HealthCheck["check"], protocol: Service["protocol"]): HealthCheckJson {
  switch (check.kind) {
    case "http":
      return {
        httpHealthCheck: {
          path: check.path,
          codecClientType: protocol === "http2" || protocol === "grpc" ? "HTTP2" : "HTTP1",
          ...(check.host === undefined ? {} : { host: check.host }),
          ...(check.expectedStatuses === undefined
            ? {}
            : {
                // Envoy's ranges end before their end.
                expectedStatuses: check.expectedStatuses.map(({ first, last }) => ({
                  start: `${first}`,
                  end: `${last + 1}`,
                })),
              }),
        },
      };
    case "tcp":
      return { tcpHealthCheck: {} };
    case "grpc":
      return { grpcHealthCheck: check.serviceName === undefined ? {} : { serviceName: check.serviceName } };
    default:
      return unreachable(check);
  }
}
