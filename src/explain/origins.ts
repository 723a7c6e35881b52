/**
 * Which lines of the config made a part of a resource: from Envoy's names back to rules, listeners and services.
 */
import { socketPath } from "../model/address.ts";
import type { Place } from "../model/diagnostic.ts";
import type { Gateway, GatewayListener } from "../model/intent-gateway.ts";
import type { HeaderFilters } from "../model/intent-filter.ts";
import type { Route, Rule } from "../model/intent-route.ts";
import type { Service, ServicePolicy } from "../model/intent-service.ts";
import { l4RoutesOn } from "../model/l4-attachments.ts";
import type { Intent } from "../model/intent.ts";
import { patchIndex } from "../snapshot/apply-patches.ts";
import { effectiveFilters } from "../translate/effective-filters.ts";
import type { EffectivePart } from "../translate/effective-policy.ts";
import { effectivePolicy } from "../translate/effective-policy.ts";
import { partOfFilter } from "../translate/http-filters.ts";
import { clusterName, envoyRouteName, fallbackClusterName, l4ChainName, listenerName } from "../translate/names.ts";
import { definedAt } from "./defined-at.ts";
import type { Setting } from "./explanation.ts";

/** Where something is written, and why it is in force. */
export type Origin = Pick<Setting, "at" | "origin">;

/** Where a change of a header is written; each name on its own, because a backend's are laid over its rule's. */
export type HeaderOrigin = (kind: keyof HeaderFilters, header: string) => Origin | undefined;

/** The rule and its parts; a part that nobody wrote has no place. */
export interface RuleOrigin {
  readonly at: Place;
  /** Of the route that the rule is in. */
  readonly routeAt: Place;
  readonly split?: { readonly name: string; readonly at: Place };
  readonly timeout?: Origin;
  readonly idleTimeout?: Origin;
  readonly grpcTimeout?: Origin;
  readonly retry?: Origin;
  readonly upgrades?: Origin;
  readonly tracing?: Origin;
  readonly headers: HeaderOrigin;
  /** Of an HTTP filter, by Envoy's name. */
  readonly filter: (name: string) => Origin | undefined;
  /** In the order of the backends, which is that of weighted clusters. */
  readonly backendHeaders: readonly HeaderOrigin[];
}

/** A route whose connections nobody reads, and the listener that it is on. */
export interface ConnectionOrigin {
  readonly name: string;
  readonly at: Place;
  readonly listenerAt: Place;
  readonly split?: { readonly name: string; readonly at: Place };
}

/** Where the parts of a service, or of one subset of it, are written. */
export interface ClusterOrigin {
  /** Of an endpoint by `10.0.0.1:8080` or `[::1]:8080`. */
  endpoint(address: string): Place | undefined;
  /** Of a block by the name that explanations give it. */
  readonly blocks: Readonly<Record<string, Place>>;
}

/** Where a resource is defined and which patches changed it, in their order. */
export interface ResourceOrigin {
  /** Absent when it is not known. */
  readonly at?: Place;
  readonly patchedAt: readonly Place[];
}

/** Finds the lines behind names; nothing for what somebody wrote as an Envoy resource. */
export interface Origins {
  rule(routeConfiguration: string, envoyRoute: string): RuleOrigin | undefined;
  /** Of a listener by the name of its routes; HTTPS listeners of one port are one resource with several chains. */
  listener(routeConfiguration: string): Place | undefined;
  /** Of a route of TCP or TLS by the name of its TCP proxy's statistics. */
  connectionRoute(statPrefix: string): ConnectionOrigin | undefined;
  /** Of a cluster that Fairway made of a service. */
  cluster(name: string): ClusterOrigin | undefined;
  /** Of a resource that patches changed; others have the place of their definition themselves. */
  patched(typeUrl: string, name: string): ResourceOrigin | undefined;
}

/** When the intent is not known, such as for a snapshot from the disk. */
export const noOrigins: Origins = {
  rule: () => undefined,
  listener: () => undefined,
  connectionRoute: () => undefined,
  cluster: () => undefined,
  patched: () => undefined,
};

/** Finds lines in an intent, for what one node group gets. */
export function originsIn(intent: Intent, group: string): Origins {
  const patchesOf = patchIndex(intent.patches);
  return {
    listener: (name) => findListener(intent, name)?.listener.at,
    rule: (routeConfiguration, envoyRoute) => {
      const found = findListener(intent, routeConfiguration);
      return found === undefined ? undefined : findRule(intent, found.gateway, envoyRoute);
    },
    connectionRoute: (statPrefix) => findConnectionRoute(intent, statPrefix),
    cluster: (name) => findCluster(intent, name),
    patched: (typeUrl, name) => {
      const patches = patchesOf(group, { typeUrl, name });
      if (patches.length === 0) return undefined;
      const at = definedAt(intent, group, { typeUrl, name });
      return { ...(at === undefined ? {} : { at }), patchedAt: patches.map((patch) => patch.at) };
    },
  };
}

function findCluster(intent: Intent, name: string): ClusterOrigin | undefined {
  for (const service of intent.services) {
    if (service.name === name) return clusterOrigin(service, service.policy);
    const subset = service.subsets.find(
      (each) =>
        clusterName(service.name, each.name) === name ||
        (each.fallbacks !== undefined && fallbackClusterName(service.name, each.name) === name),
    );
    if (subset !== undefined) return clusterOrigin(service, subset.policy);
  }
  return undefined;
}

function clusterOrigin({ endpoints }: Service, policy: ServicePolicy): ClusterOrigin {
  const { circuitBreaker, outlierDetection, healthCheck, connection } = policy;
  return {
    endpoint: (address) => endpoints.find(({ host, port }) => hostAndPort(host, port) === address)?.at,
    blocks: {
      ...(circuitBreaker === undefined ? {} : { "circuit breaker": circuitBreaker.at }),
      ...(outlierDetection === undefined ? {} : { "outlier detection": outlierDetection.at }),
      ...(connection === undefined ? {} : { connection: connection.at }),
      ...(healthCheck === undefined ? {} : { "health check": healthCheck.at }),
    },
  };
}

function hostAndPort(host: string, port: number): string {
  const path = socketPath(host);
  if (path !== undefined) return path;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function findListener(
  intent: Intent,
  name: string,
): { readonly gateway: Gateway; readonly listener: GatewayListener } | undefined {
  for (const gateway of intent.gateways) {
    const listener = [...gateway.listeners, ...gateway.l4Listeners].find(
      (each) => listenerName(gateway, each) === name,
    );
    if (listener !== undefined) return { gateway, listener };
  }
  return undefined;
}

function findConnectionRoute({ gateways, l4Routes }: Intent, statPrefix: string): ConnectionOrigin | undefined {
  for (const gateway of gateways) {
    for (const listener of gateway.l4Listeners) {
      const found = l4RoutesOn(gateway, listener, l4Routes).find(
        ({ route }) =>
          (route.kind === "tls" ? l4ChainName(gateway, listener, route) : listenerName(gateway, listener)) ===
          statPrefix,
      );
      if (found === undefined) continue;
      const { name, at, target } = found.route;
      const { split } = target;
      return {
        name,
        at,
        listenerAt: listener.at,
        ...(split === undefined ? {} : { split: { name: split.name, at: split.definedAt } }),
      };
    }
  }
  return undefined;
}

function findRule(intent: Intent, gateway: Gateway, name: string): RuleOrigin | undefined {
  for (const route of intent.routes) {
    const rule = route.rules.find((each) => envoyRouteName(route, each) === name);
    if (rule !== undefined) return ruleOrigin(gateway, route, rule);
  }
  return undefined;
}

function ruleOrigin(gateway: Gateway, route: Route, rule: Rule): RuleOrigin {
  const { split, backends } = rule.target;
  const policy = effectivePolicy(gateway, route, rule);
  const { timeouts, retry, upgrades, tracing } = policy;
  const names = { gateway: gateway.name, route: route.name, rule: rule.name };
  const filters = effectiveFilters(gateway, route, rule);
  const origin = ({ at, from }: Pick<EffectivePart, "at" | "from">): Origin =>
    from.kind === "inline"
      ? { at }
      : { at, origin: `policy ${from.policy}, attached to ${from.level} ${names[from.level]}` };
  const ofRule: HeaderOrigin = (kind) => {
    const part = policy[kind];
    return part === undefined ? undefined : origin(part);
  };
  const backendHeaders = backends.map((backend) => headersOver(backend, ofRule));
  const [only, ...others] = backendHeaders;
  return {
    at: rule.at,
    routeAt: route.at,
    ...(split === undefined ? {} : { split: { name: split.name, at: split.definedAt } }),
    ...(timeouts?.value.requestMs === undefined ? {} : { timeout: origin(timeouts) }),
    ...(timeouts?.value.grpcTimeoutHeaderMaxMs === undefined ? {} : { grpcTimeout: origin(timeouts) }),
    ...(timeouts?.value.idleMs === undefined ? {} : { idleTimeout: origin(timeouts) }),
    ...(retry === undefined ? {} : { retry: origin(retry) }),
    ...(upgrades === undefined ? {} : { upgrades: origin(upgrades) }),
    ...tracingOrigin(gateway, tracing === undefined ? undefined : origin(tracing)),
    // What an only backend changes is written at its route.
    filter: (name) => {
      const part = partOfFilter(name);
      const found = filters.find((filter) => filter.name === part);
      return found === undefined ? undefined : origin({ at: found.part.at, from: found.from });
    },
    headers: only !== undefined && others.length === 0 ? only : ofRule,
    backendHeaders,
  };
}

/** A rule that says nothing has what the gateway says. */
function tracingOrigin({ tracing }: Gateway, ofRule: Origin | undefined): { readonly tracing?: Origin } {
  if (tracing === undefined) return {};
  return { tracing: ofRule ?? { at: tracing.at } };
}

function headersOver(backend: HeaderFilters, ofRule: HeaderOrigin): HeaderOrigin {
  return (kind, header) => {
    const changes = backend[kind];
    const names = [...(changes?.set ?? []), ...(changes?.add ?? [])].map(({ name }) => name);
    const isOwn = [...names, ...(changes?.remove ?? [])].includes(header.toLowerCase());
    return changes !== undefined && isOwn ? { at: changes.at } : ofRule(kind, header);
  };
}
