/**
 * What the config files mean, after parsing, checking and resolving: the input of `translate`.
 *
 * Nothing here knows Envoy's messages. Optional stays optional: a default is written by `translate`, as an
 * explicit Envoy value. Durations are milliseconds. Everything that ends up in a resource carries the
 * place that caused it. All lists are sorted by name unless order has a meaning, so that the same files
 * give the same intent in whatever order they were read.
 */
import type { Place } from "./diagnostic.ts";

/** The meaning of all documents together. */
export interface Intent {
  readonly groups: readonly NodeGroup[];
  readonly gateways: readonly Gateway[];
  readonly services: readonly Service[];
  readonly routes: readonly Route[];
  readonly rawResources: readonly RawResource[];
}

/** Who gets what: Envoys that share one snapshot. Without a `nodes` map there is one group named `default` that matches all. */
export interface NodeGroup {
  readonly name: string;
  readonly at: Place;
  /** All given conditions must hold; an absent one matches anything. */
  readonly match: NodeMatch;
  /** Services of this group; absent means every service that something of the group refers to, and all unreferenced ones. */
  readonly services?: readonly string[];
  readonly consistency: "strict" | "warn";
  /** The mass-removal guard; absent fields mean 20 % and 3. */
  readonly removalGuard: { readonly mode: "on" | "off"; readonly percent?: number; readonly minimum?: number };
  readonly updates: {
    readonly graceMs?: number;
    readonly deadlineMs?: number;
    readonly onDeadline?: "hold" | "proceed";
  };
}

/** What a node must be like; `metadata` holds dotted paths and the values they must equal. */
export interface NodeMatch {
  readonly ids?: readonly string[];
  readonly clusters?: readonly string[];
  readonly metadata?: Readonly<Record<string, string | number | boolean>>;
  readonly locality?: { readonly region?: string; readonly zone?: string; readonly subZone?: string };
}

/** A set of listeners on the Envoys of some groups. */
export interface Gateway {
  readonly name: string;
  readonly at: Place;
  /** Names of node groups. */
  readonly groups: readonly string[];
  readonly listeners: readonly GatewayListener[];
}

/** One HTTP listener. */
export interface GatewayListener {
  readonly name: string;
  readonly at: Place;
  readonly address?: string;
  readonly port: number;
}

/** A set of endpoints and how to treat them. */
export interface Service {
  readonly name: string;
  readonly at: Place;
  readonly protocol?: "http1" | "http2" | "grpc";
  readonly endpoints: readonly Endpoint[];
  readonly subsets: readonly Subset[];
  readonly policy: ServicePolicy;
}

/** One host and port. */
export interface Endpoint {
  readonly at: Place;
  /** An IP address. */
  readonly host: string;
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly locality?: { readonly region: string; readonly zone?: string; readonly subZone?: string };
  readonly weight?: number;
  readonly priority?: number;
}

/** The endpoints of a service whose labels match, as an Envoy cluster of their own; its policy wins over the service's field by field. */
export interface Subset {
  readonly name: string;
  readonly at: Place;
  readonly labels: Readonly<Record<string, string>>;
  readonly policy: ServicePolicy;
}

/** How Envoy treats the endpoints; each part is absent unless someone wrote it. */
export interface ServicePolicy {
  readonly connectTimeoutMs?: number;
  readonly loadBalancer?: LoadBalancer;
  readonly circuitBreaker?: CircuitBreaker;
  readonly outlierDetection?: OutlierDetection;
  readonly healthCheck?: HealthCheck;
}

/** Load balancing; the policies' names are Envoy's. */
export interface LoadBalancer {
  readonly policy: "ROUND_ROBIN" | "LEAST_REQUEST" | "RANDOM" | "RING_HASH" | "MAGLEV";
  readonly choiceCount?: number;
  readonly healthyPanicThresholdPercent?: number;
}

/** Thresholds of the DEFAULT priority, in Envoy's words. */
export interface CircuitBreaker {
  readonly at: Place;
  readonly maxConnections?: number;
  readonly maxPendingRequests?: number;
  readonly maxRequests?: number;
  readonly maxRetries?: number;
  readonly maxConnectionPools?: number;
  readonly trackRemaining?: boolean;
}

/** Passive health checking: every field of envoy.config.cluster.v3.OutlierDetection, by its own name in lowerCamelCase; durations as text such as `3s`. */
export interface OutlierDetection {
  readonly at: Place;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

/** Active health checking. */
export interface HealthCheck {
  readonly at: Place;
  readonly check:
    | {
        readonly kind: "http";
        readonly path: string;
        readonly host?: string;
        readonly expectedStatuses?: readonly number[];
      }
    | { readonly kind: "tcp" }
    | { readonly kind: "grpc"; readonly serviceName?: string };
  readonly intervalMs?: number;
  readonly timeoutMs?: number;
  readonly healthyThreshold?: number;
  readonly unhealthyThreshold?: number;
}

/** Rules for the requests of some hostnames on some gateways. */
export interface Route {
  readonly name: string;
  readonly at: Place;
  /** Names of gateways, or `gateway/listener`. */
  readonly gateways: readonly string[];
  /** `example.com`, `*.example.com`, or `*` when none is written. */
  readonly hostnames: readonly string[];
  /** In the order written. */
  readonly rules: readonly Rule[];
}

/** What is matched, and what happens then. */
export interface Rule {
  /** Written or made from the position: `rule-0`. */
  readonly name: string;
  readonly at: Place;
  /** Any of them suffices; never empty (an absent list means the prefix `/`). */
  readonly matches: readonly RuleMatch[];
  readonly target: RuleTarget;
  readonly timeouts: { readonly requestMs?: number; readonly idleMs?: number };
  readonly retry?: Retry;
}

/** All conditions must hold. */
export interface RuleMatch {
  readonly path: PathMatch;
  readonly method?: string;
  readonly headers: readonly ValueMatch[];
  readonly queryParams: readonly ValueMatch[];
}

/** `prefix` matches whole path elements, as in Gateway API: `/a` matches `/a/b`, not `/ab`. */
export type PathMatch =
  | { readonly kind: "exact"; readonly path: string }
  | { readonly kind: "prefix"; readonly path: string }
  | { readonly kind: "regex"; readonly pattern: string };

/** One header or query parameter. */
export interface ValueMatch {
  readonly name: string;
  readonly value:
    | { readonly kind: "exact"; readonly text: string }
    | { readonly kind: "prefix"; readonly text: string }
    | { readonly kind: "regex"; readonly pattern: string }
    | { readonly kind: "present" };
}

/** Where a matched request goes. A split is resolved to its weights; its name stays for people. */
export interface RuleTarget {
  readonly split?: string;
  /** In the order written; weights may be 0, but not all of them. */
  readonly backends: readonly Backend[];
}

/** A service or one subset of it, with its share. */
export interface Backend {
  readonly at: Place;
  readonly service: string;
  readonly subset?: string;
  readonly weight: number;
}

/** When a request is tried again; conditions in Envoy's `retry_on` words. */
export interface Retry {
  readonly at: Place;
  readonly attempts: number;
  readonly on: readonly string[];
  readonly perTryTimeoutMs?: number;
  readonly backoff?: { readonly baseMs: number; readonly maxMs?: number };
}

/** An Envoy resource as somebody wrote it: proto3 JSON with `@type`, checked against the Envoy API. */
export interface RawResource {
  readonly at: Place;
  /** Names of node groups; absent means all. */
  readonly groups?: readonly string[];
  readonly typeUrl: string;
  readonly name: string;
  readonly json: { readonly [key: string]: JsonValue };
}

/** A JSON value. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };
