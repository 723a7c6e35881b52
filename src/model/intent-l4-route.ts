/**
 * The part of the intent about `tcpRoutes`, `tlsRoutes` and `udpRoutes`: which connection or session goes where, unread.
 */
import type { Place } from "./diagnostic.ts";
import type { RuleTarget } from "./intent-route.ts";

/** Where connections of some listeners go, byte by byte. */
export interface L4Route {
  /** A route of TCP takes all connections of a TCP listener, one of TLS those that ask for its hostnames, one of UDP all datagrams. */
  readonly kind: L4Kind;
  readonly name: string;
  readonly at: Place;
  /** Names of gateways, or `gateway/listener`. */
  readonly gateways: readonly string[];
  /** Names that clients ask for (SNI), in lower case; `*` when none is written. */
  readonly hostnames: readonly string[];
  readonly target: RuleTarget;
  /** Of a connection, or a session of UDP, on which nothing moves; 0 is for ever. */
  readonly idleMs?: number;
  readonly maxConnectionDurationMs?: number;
  readonly maxConnectAttempts?: number;
}

export type L4Kind = "tcp" | "tls" | "udp";
