/**
 * The part of the intent about `policies`: what is written once and attached to gateways, routes and rules.
 *
 * Which of several policies holds for a rule depends on the gateway, so it is worked out by `translate`
 * (`effective-policy.ts`).
 */
import type { Place } from "./diagnostic.ts";
import type { FilterParts } from "./filter-parts.ts";
import type { HeaderFilters } from "./intent-filter.ts";
import type { ValueMatch } from "./intent-match.ts";
import type { RuleTracing } from "./intent-tracing.ts";

/** What a policy can hold and a rule can say itself; a part holds as a whole or not at all. */
export interface PolicyParts extends HeaderFilters {
  readonly timeouts?: Timeouts;
  readonly retry?: Retry;
  readonly upgrades?: Upgrades;
  readonly tracing?: RuleTracing;
  /** What Envoy does with HTTP filters; never empty. */
  readonly httpFilters?: FilterParts;
}

/** Parts with a name. */
export interface Policy extends PolicyParts {
  readonly name: string;
  readonly at: Place;
}

/** A policy at a gateway, route or rule, and where that says so. */
export interface AttachedPolicy {
  readonly at: Place;
  readonly policy: Policy;
}

/** How long things may take; 0 is for ever. */
export interface Timeouts {
  readonly at: Place;
  /** From the end of the request to the end of the response, all tries together. */
  readonly requestMs?: number;
  /** The same for one try. */
  readonly backendRequestMs?: number;
  /** How long nothing may move, in either direction. */
  readonly idleMs?: number;
  /** Calls may take as long as their `grpc-timeout` says, up to this; 0 is as long as they say. */
  readonly grpcTimeoutHeaderMaxMs?: number;
}

/** Protocols that a connection may change to, as written; empty keeps those of policies away. */
export interface Upgrades {
  readonly at: Place;
  readonly types: readonly string[];
}

/** When a request is tried again; conditions in Envoy's `retry_on` words. */
export interface Retry {
  readonly at: Place;
  readonly attempts: number;
  readonly on: readonly string[];
  /** Sorted. */
  readonly statusCodes?: readonly number[];
  /** Of answers, sorted by name. */
  readonly headers?: readonly ValueMatch[];
  readonly perTryTimeoutMs?: number;
  /** A try that reaches `perTryTimeoutMs` goes on beside the next. */
  readonly hedges?: true;
  /** A retry looks for a host that was not tried. */
  readonly avoidTriedHosts?: boolean;
  /** After so many tries a priority is left out. */
  readonly avoidTriedPriorities?: number;
  readonly backoff?: { readonly baseMs: number; readonly maxMs?: number };
  /** The wait that an answer asks for. */
  readonly rateLimitedBackoff?: {
    readonly resetHeaders: readonly { readonly name: string; readonly format: "seconds" | "unixTimestamp" }[];
    readonly maxMs?: number;
  };
}
