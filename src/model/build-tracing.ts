/**
 * From checked `tracing` blocks to those of the intent.
 */
import type { GatewayTracing, RuleTracing, TraceProvider, TraceTag } from "./intent-tracing.ts";
import type { Path, SourceDocument } from "./position.ts";
import { placeOf } from "./position.ts";
import type { GatewayTracingValue, RuleTracingValue } from "./schema-tracing.ts";
import { byName, defined } from "./sort.ts";

/** That of a gateway; `path` is that of the block. */
export function buildGatewayTracing(document: SourceDocument, path: Path, value: GatewayTracingValue): GatewayTracing {
  const { provider, clientContext, clientForce, spawnUpstreamSpan, customTags, ...rest } = value;
  return {
    at: placeOf(document, path, "key"),
    provider: buildProvider(provider),
    ...defined(rest),
    clientForce: clientForce ?? false,
    trustsClients: clientContext !== "ignore",
    upstreamSpans: spawnUpstreamSpan ?? true,
    customTags: buildTags(customTags),
  };
}

/** That of a rule or policy; `path` is that of the block. */
export function buildRuleTracing(document: SourceDocument, path: Path, value: RuleTracingValue): RuleTracing {
  const { customTags, ...rest } = value;
  return { at: placeOf(document, path, "key"), ...defined(rest), customTags: buildTags(customTags) };
}

function buildProvider({ grpc, http }: GatewayTracingValue["provider"]): TraceProvider {
  const { service = "", subset } = grpc ?? http ?? {};
  const receiver = { service, ...defined({ subset }) };
  return http === undefined
    ? { kind: "grpc", ...receiver }
    : { kind: "http", ...receiver, ...defined({ path: http.path }) };
}

function buildTags(written: RuleTracingValue["customTags"] = {}): readonly TraceTag[] {
  return Object.entries(written)
    .map(([name, value]): TraceTag => ({ name, value: buildValue(value) }))
    .toSorted(byName);
}

function buildValue(value: NonNullable<RuleTracingValue["customTags"]>[string]): TraceTag["value"] {
  const { literal = "", header, environment, metadata } = value;
  const otherwise = defined({ default: value.default });
  if (header !== undefined) return { kind: "header", header: header.toLowerCase(), ...otherwise };
  if (environment !== undefined) return { kind: "environment", variable: environment, ...otherwise };
  if (metadata === undefined) return { kind: "literal", text: literal };
  const { namespace, path } = metadata;
  return { kind: "metadata", of: metadata.of ?? "request", namespace, path, ...otherwise };
}
