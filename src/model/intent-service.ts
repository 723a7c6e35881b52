/**
 * The part of the intent about `services`: where requests can go, and how Envoy treats what is there.
 */
import type { Place } from "./diagnostic.ts";
import type { TlsVersion } from "./intent-gateway.ts";

/** A set of endpoints and how to treat them. */
export interface Service {
  readonly name: string;
  readonly at: Place;
  /** With `http3` and `auto` every part has `tls`; `auto` is HTTP/3 where endpoints say that they take it. */
  readonly protocol?: "http1" | "http2" | "http3" | "grpc" | "auto";
  /** Empty when the hosts are found by DNS or are where connections wanted to go; those that have registered when they come from etcd. */
  readonly endpoints: readonly Endpoint[];
  readonly dns?: DnsDiscovery;
  readonly registry?: RegistryDiscovery;
  /** Its hosts are where the connections wanted to go; `port` is in the place of theirs. */
  readonly originalDestination?: { readonly port?: number };
  readonly subsets: readonly Subset[];
  readonly policy: ServicePolicy;
}

/** A name that each Envoy looks up itself. */
export interface DnsDiscovery {
  readonly name: string;
  readonly port: number;
  /** `strict`: every address is a host. `logical`: all of them are one. */
  readonly mode: "strict" | "logical";
  /** Absent: when the answer's time to live is over. */
  readonly refreshMs?: number;
  readonly family: "v4" | "v6" | "v4-preferred" | "v6-preferred" | "all";
}

/** Instances register themselves in etcd. */
export interface RegistryDiscovery {
  /** Where their keys begin; ends with `/`. */
  readonly prefix: string;
}

/** One host and port. */
export interface Endpoint {
  readonly at: Place;
  /** An IP address, or `unix:` and the path of a Unix domain socket. */
  readonly host: string;
  /** 0 of a socket. */
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly locality?: { readonly region: string; readonly zone?: string; readonly subZone?: string };
  readonly weight?: number;
  readonly priority?: number;
  readonly health?: "healthy" | "draining" | "unhealthy";
}

/** The endpoints of a service whose labels match, as an Envoy cluster of their own; its policy wins over the service's field by field. */
export interface Subset {
  readonly name: string;
  readonly at: Place;
  readonly labels: Readonly<Record<string, string>>;
  /** The subsets that take over, one after the other; never itself, and absent when there is none. */
  readonly fallbacks?: readonly string[];
  readonly policy: ServicePolicy;
}

/** How Envoy treats the endpoints; each part is absent unless someone wrote it. */
export interface ServicePolicy {
  readonly connectTimeoutMs?: number;
  readonly loadBalancer?: LoadBalancer;
  readonly circuitBreaker?: CircuitBreaker;
  readonly outlierDetection?: OutlierDetection;
  readonly healthCheck?: HealthCheck;
  readonly connection?: ServiceConnection;
  readonly tls?: ServiceTls;
}

/** How connections to the endpoints are kept. */
export interface ServiceConnection {
  readonly at: Place;
  readonly maxRequestsPerConnection?: number;
  /** 0 is for ever. */
  readonly idleTimeoutMs?: number;
  readonly maxConnectionDurationMs?: number;
  /** HTTP/2 and HTTP/3 only. */
  readonly maxConcurrentStreams?: number;
  readonly bufferLimitBytes?: number;
  /** Tells the endpoint who the client is. */
  readonly proxyProtocol?: "V1" | "V2";
  /** Whole seconds; what is absent is the system's. */
  readonly tcpKeepalive?: { readonly timeMs?: number; readonly intervalMs?: number; readonly probes?: number };
}

/** TLS to the endpoints; secrets by name, versions in Envoy's words. */
export interface ServiceTls {
  /** Absent: any certificate will do. */
  readonly ca?: string;
  /** Absent: the name of the DNS discovery, else the host of each request. */
  readonly sni?: string;
  /** Absent: the name that was asked for. */
  readonly subjectAltNames?: readonly string[];
  readonly clientCertificate?: string;
  readonly minVersion?: TlsVersion;
  readonly maxVersion?: TlsVersion;
}

/** Load balancing; the policies' names are Envoy's. A field is absent where the policy has no use for it. */
export interface LoadBalancer {
  readonly policy: "ROUND_ROBIN" | "LEAST_REQUEST" | "RANDOM" | "RING_HASH" | "MAGLEV";
  readonly choiceCount?: number;
  readonly healthyPanicThresholdPercent?: number;
  /** What requests are hashed on, for RING_HASH and MAGLEV: the first that a request has. */
  readonly hashOn?: readonly HashKey[];
  readonly ringHash?: { readonly minimumRingSize?: number; readonly maximumRingSize?: number };
  readonly maglev?: { readonly tableSize?: number };
  readonly slowStart?: SlowStart;
  readonly zoneAware?: ZoneAware;
  /** By `region/zone/subZone`; of a locality that is absent, 1. */
  readonly localityWeights?: Readonly<Record<string, number>>;
  readonly overprovisioningPercent?: number;
}

/** Envoy prefers endpoints of its own zone. */
export interface ZoneAware {
  readonly routingPercent?: number;
  readonly minClusterSize?: number;
  readonly failTrafficOnPanic?: boolean;
}

/** A part of a request that decides which host it goes to. */
export type HashKey =
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "cookie"; readonly name: string; readonly ttlMs?: number; readonly path?: string }
  | { readonly kind: "queryParam"; readonly name: string }
  | { readonly kind: "sourceIp" };

/** How a new host comes to its full share. */
export interface SlowStart {
  readonly windowMs: number;
  readonly aggression?: number;
  readonly minWeightPercent?: number;
}

/** Thresholds of the DEFAULT priority, in Envoy's words, and what counts apart from them. */
export interface CircuitBreaker extends Thresholds {
  readonly at: Place;
  /** Of the HIGH priority. */
  readonly high?: Thresholds;
  readonly perEndpoint?: { readonly maxConnections?: number };
}

/** The thresholds of one priority. */
export interface Thresholds {
  readonly maxConnections?: number;
  readonly maxPendingRequests?: number;
  readonly maxRequests?: number;
  readonly maxRetries?: number;
  /** Instead of `maxRetries`. */
  readonly retryBudget?: { readonly percent?: number; readonly minConcurrency?: number };
  readonly maxConnectionPools?: number;
  readonly trackRemaining?: boolean;
  /** Over the others, by Envoy's runtime: a change of them makes no new cluster. */
  readonly live?: LiveThresholds;
}

export type LiveThresholds = Pick<
  Thresholds,
  "maxConnections" | "maxPendingRequests" | "maxRequests" | "maxRetries" | "maxConnectionPools"
>;

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
        readonly expectedStatuses?: readonly StatusRange[];
      }
    | { readonly kind: "tcp" }
    | { readonly kind: "grpc"; readonly serviceName?: string };
  /** Where it is not the endpoint's own. */
  readonly port?: number;
  readonly intervalMs?: number;
  /** Each wait is longer by up to this. */
  readonly intervalJitterMs?: number;
  /** Instead of the interval, for a host that failed. */
  readonly unhealthyIntervalMs?: number;
  readonly reuseConnection?: boolean;
  readonly timeoutMs?: number;
  readonly healthyThreshold?: number;
  readonly unhealthyThreshold?: number;
}

/** Both ends belong to it. */
export interface StatusRange {
  readonly first: number;
  readonly last: number;
}
