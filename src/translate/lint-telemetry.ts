/**
 * Warnings about logs and spans that never arrive: receivers that are spoken to in a protocol that they do not know, and
 * settings of traces where nothing is traced.
 */
import type { Diagnostic, Place } from "../model/diagnostic.ts";
import type { Gateway } from "../model/intent-gateway.ts";
import type { Intent } from "../model/intent.ts";

/** Told once for each log and each gateway with traces. */
export function lintTelemetry(intent: Intent): readonly Diagnostic[] {
  const protocols = new Map(intent.services.map(({ name, protocol }) => [name, protocol]));
  const http1 = intent.gateways
    .flatMap(grpcReceivers)
    // One that is not defined is told elsewhere.
    .filter(({ service }) => protocols.has(service) && (protocols.get(service) ?? "http1") === "http1");
  return [...http1.map(notGrpc), ...lintUntraced(intent)];
}

interface Receiver {
  readonly at: Place;
  readonly service: string;
  readonly what: string;
}

/** Who is sent something over gRPC. */
function grpcReceivers({ name, accessLogs, tracing }: Gateway): readonly Receiver[] {
  const logs = accessLogs.flatMap(({ at, sink }) =>
    "service" in sink ? [{ at, service: sink.service, what: `access logs of \`${name}\`` }] : [],
  );
  if (tracing?.provider.kind !== "grpc") return logs;
  return [...logs, { at: tracing.at, service: tracing.provider.service, what: `spans of \`${name}\`` }];
}

function notGrpc({ at, service, what }: Receiver): Diagnostic {
  return {
    code: "receiver-not-grpc",
    severity: "warning",
    message: `the ${what} never arrive: they are sent over gRPC, and \`${service}\` speaks HTTP/1.1`,
    at,
    hint: `write \`protocol: grpc\` at the service \`${service}\``,
  };
}

/** What rules and policies say of traces when no gateway has any. */
function lintUntraced({ gateways, routes }: Intent): readonly Diagnostic[] {
  if (gateways.some(({ tracing }) => tracing !== undefined)) return [];
  const parts = [
    ...gateways.flatMap(({ policies }) => policies.map(({ policy }) => policy)),
    ...routes.flatMap(({ policies, rules }) => [
      ...policies.map(({ policy }) => policy),
      ...rules.flatMap((rule) => [rule, ...rule.policies.map(({ policy }) => policy)]),
    ]),
  ];
  const places = new Set(parts.flatMap(({ tracing }) => (tracing === undefined ? [] : [tracing.at])));
  return [...places].map((at) => ({
    code: "untraced-rule",
    severity: "warning",
    message: "nothing is traced here: no gateway says where spans go",
    at,
    hint: "write `tracing: { provider: { grpc: { service: … } } }` at the gateway",
  }));
}
