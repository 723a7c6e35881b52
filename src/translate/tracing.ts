/**
 * Tracing: the spans that an Envoy sends to an OpenTelemetry collector, for a listener and for each of its routes.
 *
 * What comes out is what OpenTelemetry calls a parent-based ratio, and a ratio for each route: whoever sends a
 * `traceparent` has decided, and of all others Envoy takes its own share. Envoy's samplers cannot do that, because there
 * is one for all routes of a listener. Without a sampler Envoy 1.36 follows a parent, and 1.40 only as often as the share
 * says. So a request with a parent is made one that forces its trace, which both follow where the parent is sampled, and
 * ignore where it is not; `test/envoy/tracing.test.ts` holds that.
 *
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/observability/tracing
 */
import type { OpenTelemetryConfigJson } from "../gen/envoy/config/trace/v3/opentelemetry_pb.d.ts";
import type { RouteJson, TracingJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type {
  HttpConnectionManagerJson,
  HttpConnectionManager_TracingJson,
} from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.d.ts";
import type { CustomTagJson } from "../gen/envoy/type/tracing/v3/custom_tag_pb.d.ts";
import type { GatewayTracing, RuleTracing, TraceProvider, TraceTag } from "../model/intent-tracing.ts";
import { duration } from "./duration.ts";
import { fractionalPercent } from "./http-filter.ts";
import { clusterName } from "./names.ts";
import { packAny } from "./pack-any.ts";

/** How long a collector may take to answer over HTTP; spans that it does not take are dropped. */
const exportTimeoutMs = 5_000;
/** Envoy's default for `random_sampling`. */
const samplingRateDefault = 100;

/** By this a client forces its trace; how often that works is Envoy's `client_sampling`. */
const forceHeader = "x-client-trace-id";

/** What `tracing` of a gateway makes of an HttpConnectionManager. */
export function translateTracing(
  gateway: string,
  tracing: GatewayTracing,
): Pick<HttpConnectionManagerJson, "tracing" | "earlyHeaderMutationExtensions"> {
  const { samplingRate, maxPathTagLength, customTags, upstreamSpans } = tracing;
  const json: HttpConnectionManager_TracingJson = {
    provider: {
      name: "envoy.tracers.opentelemetry",
      typedConfig: packAny("envoy.config.trace.v3.OpenTelemetryConfig", exporter(gateway, tracing)),
    },
    clientSampling: { value: forcedShare(tracing) },
    randomSampling: { value: samplingRate ?? samplingRateDefault },
    spawnUpstreamSpan: upstreamSpans,
    ...(maxPathTagLength === undefined ? {} : { maxPathTagLength }),
    customTags: [{ tag: "fairway.gateway", literal: { value: gateway } }, ...customTags.map(customTag)],
  };
  return { tracing: json, earlyHeaderMutationExtensions: [changeContext(tracing)] };
}

/** What of it a route says for itself: at least what its spans are called. */
export function routeTracing(
  gateway: GatewayTracing,
  name: string,
  rule: RuleTracing | undefined,
): Pick<RouteJson, "decorator" | "tracing"> {
  // Not told on: to clients it would be one more header of the answer.
  const decorator = { operation: rule?.operation ?? name, propagate: false };
  if (rule === undefined) return { decorator };
  // To Envoy what a route leaves out is 100 %, not what the listener has.
  const tracing: TracingJson = {
    clientSampling: fractionalPercent(forcedShare(gateway)),
    randomSampling: fractionalPercent(rule.samplingRate ?? gateway.samplingRate ?? samplingRateDefault),
    ...(rule.customTags.length === 0 ? {} : { customTags: rule.customTags.map(customTag) }),
  };
  return { decorator, tracing };
}

function exporter(gateway: string, { provider, serviceName = gateway }: GatewayTracing): OpenTelemetryConfigJson {
  const cluster = clusterName(provider.service, provider.subset);
  if (provider.kind === "grpc") return { grpcService: { envoyGrpc: { clusterName: cluster } }, serviceName };
  const httpUri = { uri: exportUri(provider), cluster, timeout: duration(exportTimeoutMs) };
  return { httpService: { httpUri }, serviceName };
}

function exportUri({ service, path = "/v1/traces" }: TraceProvider & { readonly kind: "http" }): string {
  return `http://${service}${path}`;
}

function customTag({ name, value }: TraceTag): CustomTagJson {
  switch (value.kind) {
    case "literal":
      return { tag: name, literal: { value: value.text } };
    case "header":
      return { tag: name, requestHeader: { name: value.header, ...defaultValue(value) } };
    case "environment":
      return { tag: name, environment: { name: value.variable, ...defaultValue(value) } };
    case "metadata": {
      const metadataKey = { key: value.namespace, path: value.path.map((key) => ({ key })) };
      return { tag: name, metadata: { kind: { [value.of]: {} }, metadataKey, ...defaultValue(value) } };
    }
  }
}

function defaultValue(value: { readonly default?: string }): { readonly defaultValue?: string } {
  return value.default === undefined ? {} : { defaultValue: value.default };
}

/** All or nothing, because requests with a parent are among them. */
function forcedShare({ clientForce, trustsClients }: GatewayTracing): number {
  return clientForce || trustsClients ? 100 : 0;
}

/** Headers that backends do not get: what is put there for the sake of a parent's decision. */
export function headersOfTracing({ clientForce, trustsClients }: GatewayTracing): readonly string[] {
  return trustsClients && !clientForce ? [forceHeader] : [];
}

/** Before the tracer looks at the request. */
function changeContext({
  clientForce,
  trustsClients,
}: GatewayTracing): NonNullable<HttpConnectionManagerJson["earlyHeaderMutationExtensions"]>[number] {
  const header = { key: forceHeader, value: "%REQ(traceparent)%" };
  const mutations = [
    ...(clientForce ? [] : [{ remove: forceHeader }]),
    // Without a parent there is no value, and so no header.
    ...(trustsClients
      ? [{ append: { header, appendAction: "ADD_IF_ABSENT" } }]
      : [{ remove: "traceparent" }, { remove: "tracestate" }]),
  ];
  const type = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation";
  return { name: "envoy.http.early_header_mutation.header_mutation", typedConfig: packAny(type, { mutations }) };
}
