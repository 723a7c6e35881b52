/**
 * The HTTP filters of a listener, and what its routes say to them.
 *
 * The order is that of what has to be known first: who may be answered without further ado, who the client is, what it
 * may do, how much of it; what changes the request comes last, right before the router.
 */
import type { AnyJson } from "../gen/google/protobuf/any_pb.d.ts";
import type { HttpFilterJson } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.d.ts";
import type { FilterPlace } from "../model/filter-extensions.ts";
import type { FilterPartName } from "../model/filter-parts.ts";
import type { Gateway } from "../model/intent-gateway.ts";
import type { Route, Rule } from "../model/intent-route.ts";
import type { EffectiveFilter } from "./effective-filters.ts";
import { gatewayFilters, ruleFilters } from "./effective-filters.ts";
import type { HttpFilterKind } from "./http-filter.ts";
import { adaptiveConcurrencyFilter } from "./http-filter-adaptive-concurrency.ts";
import { admissionControlFilter } from "./http-filter-admission-control.ts";
import { alternateProtocolsFilters } from "./alternate-protocols.ts";
import { bufferFilter } from "./http-filter-buffer.ts";
import { compressorFilters } from "./http-filter-compressor.ts";
import { apiKeyFilter } from "./http-filter-api-key.ts";
import { authorizationFilter } from "./http-filter-authorization.ts";
import { bandwidthFilters } from "./http-filter-bandwidth-limit.ts";
import { basicAuthFilter } from "./http-filter-basic-auth.ts";
import { corsFilter } from "./http-filter-cors.ts";
import { csrfFilter } from "./http-filter-csrf.ts";
import { extAuthFilter } from "./http-filter-ext-auth.ts";
import { extProcFilter } from "./http-filter-ext-proc.ts";
import { extensionsAt, extensionsOfRoute, isExtensionName } from "./http-filter-extensions.ts";
import { faultFilter } from "./http-filter-fault.ts";
import { globalRateLimitFilter } from "./http-filter-global-rate-limit.ts";
import { grpcJsonFilter } from "./http-filter-grpc-json.ts";
import { grpcStatsFilter } from "./http-filter-grpc-stats.ts";
import { grpcWebFilter } from "./http-filter-grpc-web.ts";
import { localRateLimitFilter } from "./http-filter-local-rate-limit.ts";
import { jwtFilter } from "./http-filter-jwt.ts";
import { luaFilters } from "./http-filter-lua.ts";
import { wasmFilter } from "./http-filter-wasm.ts";
import { oidcFilter } from "./http-filter-oidc.ts";
import { onDemandFilters } from "./on-demand-clusters.ts";
import { packAny } from "./pack-any.ts";

/** In the order in which Envoy runs them. */
const chain = [
  corsFilter,
  grpcWebFilter,
  grpcJsonFilter,
  grpcStatsFilter,
  faultFilter,
  csrfFilter,
  oidcFilter,
  jwtFilter,
  apiKeyFilter,
  basicAuthFilter,
  authorizationFilter,
  extAuthFilter,
  localRateLimitFilter,
  globalRateLimitFilter,
  admissionControlFilter,
  adaptiveConcurrencyFilter,
  // Before the compressors, so that it counts what clients get.
  ...bandwidthFilters,
  bufferFilter,
  ...compressorFilters,
  // Behind the compressors, so that they see answers before those do.
  ...luaFilters,
  extProcFilter,
  wasmFilter,
] as unknown as readonly AnyFilter[];

type AnyFilter = Omit<HttpFilterKind<FilterPartName>, "chain" | "route"> & {
  readonly chain:
    | { readonly one: "for all"; readonly config: AnyJson }
    | { readonly one: "each"; readonly config: (settings: object) => AnyJson | undefined };
  readonly route?: (settings: object) => AnyJson | undefined;
};

/** The parts in that order. */
export const partsOfChain: readonly FilterPartName[] = [...new Set(chain.map(({ part }) => part))];

/** Switches a filter on that is off in the chain. */
const on: AnyJson = packAny("envoy.config.route.v3.FilterConfig", { config: {} });
const off: AnyJson = packAny("envoy.config.route.v3.FilterConfig", { disabled: true });

/** `typed_per_filter_config` of a route configuration or route; undefined when it has nothing to say. */
export type PerFilterConfig = { readonly typedPerFilterConfig?: Readonly<Record<string, AnyJson>> };

/** What a route configuration of the gateway says to the filters, for all its routes. */
export function perGateway(gateway: Gateway): PerFilterConfig {
  return perFilterConfig(gatewayFilters(gateway), []);
}

/** What the routes of a rule say: all that is not said for the whole gateway, or said otherwise. */
export function perRoute(route: Route, rule: Rule, gateway: Gateway): PerFilterConfig {
  const own = ruleFilters(route, rule);
  return own.length === 0 ? {} : perFilterConfig(own, gatewayFilters(gateway));
}

/** The filters of a listener before its router; `routes` are those attached to it. */
export function chainOf(gateway: Gateway, routes: readonly Route[]): readonly HttpFilterJson[] {
  return [...partsChain(gateway, routes), ...onDemandFilters(gateway), ...alternateProtocolsFilters(gateway, routes)];
}

function partsChain(gateway: Gateway, routes: readonly Route[]): readonly HttpFilterJson[] {
  const used = new Map<string, EffectiveFilter>();
  const note = (filter: EffectiveFilter): void => {
    if (filter.part.settings !== "none") used.set(`${filter.name} ${filter.source}`, filter);
  };
  for (const filter of gatewayFilters(gateway)) note(filter);
  for (const route of routes) for (const filter of filtersOf(route)) note(filter);
  if (used.size === 0) return [];
  const filters = [...used.values()].toSorted((a, b) => (a.source < b.source ? -1 : 1));
  const own = chain.flatMap((kind, index) => {
    const configs = new Map<string, AnyJson>();
    for (const { name, part, source } of filters) {
      if (name !== kind.part || part.settings === "none") continue;
      const config = kind.chain.one === "for all" ? kind.chain.config : kind.chain.config(part.settings);
      const isUsed = kind.route === undefined || kind.route(part.settings) !== undefined;
      if (config !== undefined && isUsed) configs.set(nameOf(kind, source), config);
    }
    const made = [...configs].map(([name, typedConfig]): HttpFilterJson => ({ name, typedConfig, disabled: true }));
    // A part may have several filters, side by side.
    const at = (side: "before" | "after", neighbour: AnyFilter | undefined): readonly HttpFilterJson[] =>
      neighbour?.part === kind.part ? [] : extensionsAt(filters, { side, part: kind.part as FilterPlace });
    return [...at("before", chain[index - 1]), ...made, ...at("after", chain[index + 1])];
  });
  return [...own, ...extensionsAt(filters)];
}

/** The part of a policy that a filter in a chain is there for; undefined for one that somebody patched in. */
export function partOfFilter(name: string): FilterPartName | undefined {
  if (isExtensionName(name)) return "extensions";
  const [envoyName = ""] = name.split("/", 1);
  return chain.find((kind) => kind.name === envoyName)?.part;
}

const byRoute = new WeakMap<Route, readonly EffectiveFilter[]>();

/** Of all rules of a route; remembered, because a listener is asked about all of its routes at every edit. */
function filtersOf(route: Route): readonly EffectiveFilter[] {
  const known = byRoute.get(route);
  if (known !== undefined) return known;
  const filters = route.rules.flatMap((rule) => ruleFilters(route, rule));
  byRoute.set(route, filters);
  return filters;
}

function perFilterConfig(own: readonly EffectiveFilter[], outer: readonly EffectiveFilter[]): PerFilterConfig {
  const config: Record<string, AnyJson> = {};
  for (const kind of chain) {
    const mine = own.find(({ name }) => name === kind.part);
    if (mine === undefined) continue;
    const before = outer.find(({ name }) => name === kind.part);
    const name = nameOf(kind, mine.source);
    const outerName = before === undefined ? undefined : nameOf(kind, before.source);
    const said = spoken(kind, mine);
    if (said !== undefined) config[name] = said;
    // The gateway's own has to be kept away where another is meant, or none.
    const isOn = before !== undefined && spoken(kind, before) !== undefined;
    if (isOn && outerName !== undefined && (said === undefined || outerName !== name)) config[outerName] = off;
  }
  addExtensions(config, own, outer);
  return Object.keys(config).length === 0 ? {} : { typedPerFilterConfig: config };
}

/** The nearest list holds alone: those of another are kept away. */
function addExtensions(
  config: Record<string, AnyJson>,
  own: readonly EffectiveFilter[],
  outer: readonly EffectiveFilter[],
): void {
  const [mine, before] = [own, outer].map((filters) => filters.find(({ name }) => name === "extensions"));
  if (mine === undefined) return;
  const said = extensionsOfRoute(mine, on);
  for (const name of Object.keys(extensionsOfRoute(before, on))) if (said[name] === undefined) config[name] = off;
  Object.assign(config, said);
}

/** What a route says to the filter for the sake of a part; undefined when the part does without it. */
function spoken(kind: AnyFilter, { part: { settings } }: EffectiveFilter): AnyJson | undefined {
  if (settings === "none") return undefined;
  if (kind.chain.one === "each" && kind.chain.config(settings) === undefined) return undefined;
  return kind.route === undefined ? on : kind.route(settings);
}

function nameOf(kind: AnyFilter, source: string): string {
  return kind.chain.one === "each" ? `${kind.name}/${source}` : kind.name;
}
