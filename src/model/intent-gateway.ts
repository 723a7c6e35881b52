/**
 * The part of the intent about `gateways`: what Envoys listen on, and the names that gRPC clients ask for.
 */
import type { AddressRange } from "./address.ts";
import type { Place } from "./diagnostic.ts";
import type { AccessLog } from "./intent-access-log.ts";
import type { HeaderChanges } from "./intent-filter.ts";
import type { AttachedPolicy } from "./intent-policy.ts";
import type { GatewayTracing } from "./intent-tracing.ts";

/** A set of listeners on the Envoys of some groups. */
export interface Gateway {
  readonly name: string;
  readonly at: Place;
  /** Names of node groups. */
  readonly groups: readonly string[];
  readonly listeners: readonly GatewayListener[];
  /** Those of `protocol: GRPC_XDS`; their names are none of `listeners`. */
  readonly grpcListeners: readonly GrpcListener[];
  /** Those of `protocol: TCP`, `TLS` and `UDP`; their names are none of the others. */
  readonly l4Listeners: readonly L4Listener[];
  /** Hold for what its listeners route. */
  readonly policies: readonly AttachedPolicy[];
  readonly drain?: GatewayDrain;
  /** Of what its HTTP listeners take, in the order written. */
  readonly accessLogs: readonly AccessLog[];
  readonly tracing?: GatewayTracing;
  readonly timeouts?: GatewayTimeouts;
  readonly clients?: ClientTraffic;
  /** As the group has it that the listeners are made for; `translate` says so, because groups differ. */
  readonly onDemandClusters?: { readonly timeoutMs?: number };
  /** Likewise: the Envoys of the group read the weights of splits from their runtime layer. */
  readonly weightsByRuntime?: true;
  /** Likewise: the names of the services with `protocol: auto`; never empty. */
  readonly autoServices?: ReadonlySet<string>;
  /** Likewise: the Envoys of the group tell of single requests while a rollout is on. */
  readonly routeReports?: true;
}

/** What is made of requests before anything else looks at them; what is absent is as it was without. */
export interface ClientTraffic {
  /** The client is who connects when absent. */
  readonly detection?: ClientDetection;
  readonly escapedSlashesAction?: "KeepUnchanged" | "RejectRequest" | "UnescapeAndForward" | "UnescapeAndRedirect";
  readonly disableMergeSlashes?: boolean;
  readonly withUnderscoresAction?: "Allow" | "RejectRequest" | "DropHeader";
  readonly requestID?: "PreserveOrGenerate" | "Preserve" | "Generate" | "Disable";
  readonly serverHeader?: "OVERWRITE" | "APPEND_IF_ABSENT" | "PASS_THROUGH";
  /** The header is taken away when absent. */
  readonly xForwardedClientCert?: {
    readonly mode: "Sanitize" | "ForwardOnly" | "AppendForward" | "SanitizeSet" | "AlwaysForwardOnly";
    readonly certDetailsToAdd?: readonly ("Subject" | "Cert" | "Chain" | "DNS" | "URI")[] | undefined;
  };
  readonly earlyRequestHeaders?: HeaderChanges;
}

/** Where the client's address is read. */
export type ClientDetection =
  | { readonly kind: "hops"; readonly count: number }
  | { readonly kind: "ranges"; readonly ranges: readonly AddressRange[] }
  | { readonly kind: "header"; readonly name: string; readonly failClosed: boolean };

/** How long clients may take; 0 is for ever. */
export interface GatewayTimeouts {
  /** Of a connection without requests. */
  readonly idleMs?: number;
  /** Of a request of which nothing moves. */
  readonly streamIdleMs?: number;
  readonly requestHeadersMs?: number;
  readonly maxStreamDurationMs?: number;
  readonly maxConnectionDurationMs?: number;
}

/** How long connections live on when their listener was changed or removed: a flag of the Envoy, written down here. */
export interface GatewayDrain {
  readonly at: Place;
  /** Whole seconds. */
  readonly timeMs: number;
}

/** One listener: of HTTPS when it has `tls`, else of HTTP. */
export interface GatewayListener {
  readonly name: string;
  readonly at: Place;
  readonly address?: string;
  readonly port: number;
  /** In lower case, sorted; absent means all. */
  readonly hostnames?: readonly string[];
  readonly tls?: ListenerTls;
  /** Requests over HTTP/2 may change the protocol of their stream, where a route allows it. */
  readonly extendedConnect?: true;
  /** Beside TCP, on UDP; only with `tls`. */
  readonly http3?: ListenerHttp3;
  /** Connections begin with the PROXY protocol; when it is optional, not all of them. */
  readonly proxyProtocol?: { readonly optional: boolean };
  /** What comes beyond is closed, at once or after a delay. */
  readonly connectionLimit?: { readonly maxConnections: number; readonly delayMs?: number };
  /** The firewall leads connections here, and the kernel knows where they wanted to go; some are handed to the listener of that port. */
  readonly originalDestination?: { readonly handsOver: boolean };
  /** Absent, Envoy opens the port; else other listeners hand connections over. */
  readonly bindToPort?: false;
}

/** What clients are told of HTTP/3. */
export interface ListenerHttp3 {
  /** Absent: that of the listener. */
  readonly advertisedPort?: number;
  /** Whole seconds. */
  readonly maxAgeMs?: number;
}

/** A listener whose bytes nobody reads. Of TLS it is one without `tls` when the connections pass through encrypted. */
export interface L4Listener extends GatewayListener {
  readonly protocol: "TCP" | "TLS" | "UDP";
}

/** Names that gRPC clients ask for as `xds:///name`; no address, because the clients do themselves what an Envoy would. */
export interface GrpcListener {
  readonly name: string;
  readonly at: Place;
  /** As written, because clients ask letter by letter; sorted, never empty and without wildcards. */
  readonly hostnames: readonly string[];
  /** Clients write it behind the name: `xds:///orders:50051`. */
  readonly port?: number;
}

/** TLS for clients; secrets by name, versions in Envoy's words. */
export interface ListenerTls {
  readonly certificates: readonly string[];
  /** Clients must have a certificate that one of these authorities signed. */
  readonly clientCa?: string;
  /** And it must have one of these names; never empty. */
  readonly clientSubjectAltNames?: readonly string[];
  readonly minVersion?: TlsVersion;
  readonly maxVersion?: TlsVersion;
  /** In the order written: the first that the client knows is taken. */
  readonly alpn?: readonly string[];
}

export type TlsVersion = "TLSv1_0" | "TLSv1_1" | "TLSv1_2" | "TLSv1_3";
