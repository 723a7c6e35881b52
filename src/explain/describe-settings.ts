/**
 * What is in force for a request on its way, apart from where it goes: timeouts, retries, copies, headers
 * that are changed, and filters.
 */
import type {
  RouteActionJson,
  RouteJson,
  VirtualHostJson,
} from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { RouteConfigurationJson } from "../gen/envoy/config/route/v3/route_pb.d.ts";
import { extensionCode } from "../model/extension-code.ts";
import { isExtensionName } from "../translate/http-filter-extensions.ts";
import type { AnyJson } from "../gen/google/protobuf/any_pb.d.ts";
import type { FractionalPercentJson } from "../gen/envoy/type/v3/percent_pb.d.ts";
import type { HttpConnectionManagerJson } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.d.ts";
import { describeHash } from "./describe-balancer.ts";
import { describeHeaders } from "./describe-headers.ts";
import type { Setting } from "./explanation.ts";
import type { RuleOrigin } from "./origins.ts";
import { describeClients } from "./request-headers.ts";

/** The levels at which a setting can be written, the nearest last. */
export interface SettingLevels {
  readonly http: HttpConnectionManagerJson;
  readonly config: RouteConfigurationJson;
  readonly virtualHost: VirtualHostJson;
  readonly route: RouteJson;
  /** Where the parts of the rule are written, when Fairway made the route. */
  readonly origin: RuleOrigin | undefined;
}

/** Every setting that is in force, in the order in which people ask for them. */
export function describeSettings(levels: SettingLevels): readonly Setting[] {
  const { route, http } = levels;
  return [
    ...(route.route === undefined ? [] : timeouts(route.route, levels)),
    ...(route.route === undefined ? [] : retries(route.route, levels)),
    ...upgrades(levels),
    ...mirrors(levels),
    ...hashPolicy(route.route),
    ...headers(levels),
    ...describeClients(http),
    ...tracing(levels),
    ...filters(http, levels),
  ];
}

function timeouts(action: RouteActionJson, { http, origin }: SettingLevels): readonly Setting[] {
  const stream = action.maxStreamDuration;
  // With a limit of the stream Envoy reads no other.
  const timeout = stream === undefined ? (action.timeout ?? "15s") : "0s";
  const headerMax = stream?.grpcTimeoutHeaderMax;
  const idle = action.idleTimeout ?? http.streamIdleTimeout ?? "300s";
  const duration = stream?.maxStreamDuration ?? http.commonHttpProtocolOptions?.maxStreamDuration;
  return [
    ...(headerMax === undefined
      ? [{ name: "timeout", text: off(timeout), ...origin?.timeout }]
      : [{ name: "timeout", text: calls(headerMax, duration), ...origin?.grpcTimeout }]),
    { name: "idle timeout", text: off(idle), ...(action.idleTimeout === undefined ? {} : origin?.idleTimeout) },
    ...(duration === undefined || headerMax !== undefined ? [] : [{ name: "longest stream", text: off(duration) }]),
  ];
}

/** A call may take what its client says, up to a limit; another limit is for calls that do not say it. */
function calls(headerMax: string, duration = "0s"): string {
  const most = headerMax === "0s" ? "" : `, at most ${headerMax}`;
  return `as grpc-timeout says${most}; ${off(duration)} without it`;
}

function off(duration: string): string {
  return duration === "0s" ? "none" : duration;
}

function retries(action: RouteActionJson, { virtualHost, origin }: SettingLevels): readonly Setting[] {
  const policy = action.retryPolicy ?? virtualHost.retryPolicy;
  if (policy === undefined) return [{ name: "retry", text: "none" }];
  const backOff = policy.retryBackOff;
  const hedge = action.hedgePolicy ?? virtualHost.hedgePolicy;
  const waits = policy.rateLimitedRetryBackOff?.resetHeaders ?? [];
  const { numRetries = 1, retryOn = "" } = policy;
  const parts = [
    // A policy without retries is how a single try gets a timeout.
    numRetries === 0 || retryOn === "" ? "none" : `${numRetries} on ${retryOn}`,
    ...(policy.retriableStatusCodes === undefined ? [] : [`status ${policy.retriableStatusCodes.join(", ")}`]),
    ...(policy.retriableHeaders ?? []).map(({ name }) => `answers with ${name}`),
    ...(policy.perTryTimeout === undefined ? [] : [`${policy.perTryTimeout} each`]),
    ...(hedge?.hedgeOnPerTryTimeout === true ? ["then another beside it"] : []),
    ...(policy.retryHostPredicate === undefined ? [] : ["on another host"]),
    ...(policy.retryPriority === undefined ? [] : ["then on another priority"]),
    ...(backOff === undefined
      ? []
      : [
          `waiting from ${backOff.baseInterval}${backOff.maxInterval === undefined ? "" : ` to ${backOff.maxInterval}`}`,
        ]),
    ...waits.map(({ name }) => `or as long as ${name} says`),
  ];
  return [{ name: "retry", text: parts.join(", "), ...origin?.retry }];
}

/** What the route allows beside what the listener does. */
function upgrades({ route, http, origin }: SettingLevels): readonly Setting[] {
  const ofRoute = route.route?.upgradeConfigs ?? [];
  const all = [...ofRoute, ...(http.upgradeConfigs ?? [])].filter(({ enabled }) => enabled !== false);
  const types = [...new Set(all.map(({ upgradeType = "" }) => upgradeType))];
  if (types.length === 0) return [];
  const ends = ofRoute.some(({ connectConfig }) => connectConfig !== undefined) ? ", ended here" : "";
  // Of CONNECT the rule itself speaks.
  const written = types.includes("CONNECT") ? {} : origin?.upgrades;
  // A plain CONNECT comes over HTTP/2 anyway.
  const isOverHttp2 = http.http2ProtocolOptions?.allowConnect === true && !types.includes("CONNECT");
  return [
    { name: "upgrades", text: `${types.join(", ")}${ends}${isOverHttp2 ? ", also over HTTP/2" : ""}`, ...written },
  ];
}

function mirrors({ config, virtualHost, route }: SettingLevels): readonly Setting[] {
  const policies =
    route.route?.requestMirrorPolicies ?? virtualHost.requestMirrorPolicies ?? config.requestMirrorPolicies ?? [];
  return policies.map(({ cluster, clusterHeader, runtimeFraction }) => {
    const { numerator = 0, denominator = "HUNDRED" } = runtimeFraction?.defaultValue ?? { numerator: 100 };
    const share = `${numerator}${denominator === "HUNDRED" ? " %" : ` of ${denominator.toLowerCase()}`}`;
    return { name: "mirror", text: `${share} also to ${cluster ?? `the cluster that header ${clusterHeader} names`}` };
  });
}

function hashPolicy(action: RouteActionJson | undefined): readonly Setting[] {
  return (action?.hashPolicy ?? []).map((policy) => ({ name: "hash", text: describeHash(policy) }));
}

/** Envoy applies the nearest level first, and all of them. */
function headers({ config, virtualHost, route, origin }: SettingLevels): readonly Setting[] {
  return [...describeHeaders(route, origin?.headers), ...describeHeaders(virtualHost), ...describeHeaders(config)];
}

/** Only where spans are sent anywhere; a route that says nothing of shares has those of the listener. */
function tracing({ http, route, origin }: SettingLevels): readonly Setting[] {
  if (http.tracing === undefined) return [];
  const { randomSampling } = http.tracing;
  const random = route.tracing === undefined ? (randomSampling?.value ?? 100) : percentOf(route.tracing.randomSampling);
  const operation = route.decorator?.operation;
  const parts = [
    `${random} % of requests without a traceparent`,
    ...(operation === undefined ? [] : [`named ${operation}`]),
  ];
  return [{ name: "tracing", text: parts.join(", "), ...origin?.tracing }];
}

const partsOf = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 } as const;

function percentOf(share: FractionalPercentJson | undefined): number {
  const { numerator = 0, denominator = "HUNDRED" } = share ?? { numerator: 100 };
  return (numerator * 100) / partsOf[denominator];
}

const router = ".router.v3.Router";

/** Those before the router, which may answer or change the request; the nearest level configures them. */
function filters(
  http: HttpConnectionManagerJson,
  { config, virtualHost, route, origin }: SettingLevels,
): readonly Setting[] {
  return (http.httpFilters ?? [])
    .filter(({ typedConfig }) => typedConfig?.["@type"]?.endsWith(router) !== true)
    .map(({ name = "", disabled, typedConfig }) => {
      const level = [
        [route, "the route"],
        [virtualHost, "the virtual host"],
        [config, "the route configuration"],
      ] as const;
      const found = level.find(([each]) => each.typedPerFilterConfig?.[name] !== undefined);
      const isOff = found === undefined ? disabled === true : isSwitchedOff(found[0].typedPerFilterConfig?.[name]);
      const by = found === undefined ? "" : `, ${isOff ? "switched off" : "configured"} by ${found[1]}`;
      const state = isOff && found === undefined ? ", disabled" : "";
      return {
        name: "filter",
        text: `${name}${isOff ? "" : mark(name, typedConfig)}${state}${by}`,
        ...(isOff ? {} : origin?.filter(name)),
      };
    });
}

/** What a filter does that runs the code of others nobody can tell here. */
function mark(name: string, typedConfig: AnyJson | undefined): string {
  const code = extensionCode(typedConfig?.["@type"] ?? "");
  if (code !== undefined) return ` [extension code: ${code}]`;
  return isExtensionName(name) ? " [extension]" : "";
}

function isSwitchedOff(config: AnyJson | undefined): boolean {
  const { disabled } = (config ?? {}) as { readonly disabled?: unknown };
  return config?.["@type"]?.endsWith(".route.v3.FilterConfig") === true && disabled === true;
}
