/**
 * The part of the intent about `routes`: which request goes where.
 */
import type { Place } from "./diagnostic.ts";
import type { HeaderFilters, Mirror, RuleFilters } from "./intent-filter.ts";
import type { ValueMatch } from "./intent-match.ts";
import type { AttachedPolicy, PolicyParts } from "./intent-policy.ts";
import type { SplitWatch, Sticky } from "./intent-split.ts";

/** Rules for the requests of some hostnames on some gateways. */
export interface Route {
  readonly name: string;
  readonly at: Place;
  /** Names of gateways, or `gateway/listener`. */
  readonly gateways: readonly string[];
  /** `example.com`, `*.example.com`, or `*` when none is written. */
  readonly hostnames: readonly string[];
  /** Hold for its rules on every gateway. */
  readonly policies: readonly AttachedPolicy[];
  /** In the order written. */
  readonly rules: readonly Rule[];
}

/** What is matched, and what happens then; its parts of a policy are those written at the rule itself. */
export interface Rule extends RuleFilters, PolicyParts {
  /** Written or made from the position: `rule-0`. */
  readonly name: string;
  readonly at: Place;
  /** Any of them suffices; never empty (an absent list means the prefix `/`). */
  readonly matches: readonly RuleMatch[];
  readonly target: RuleTarget;
  readonly policies: readonly AttachedPolicy[];
  /** Which thresholds of circuit breakers count its requests. */
  readonly priority?: "default" | "high";
  /** It takes CONNECT requests and no others: its backends get the bytes inside, or the request as it is. */
  readonly connect?: "terminate" | "forward";
}

/** All conditions must hold. */
export interface RuleMatch {
  readonly at: Place;
  readonly path: PathMatch;
  readonly method?: string;
  /** Only gRPC requests; which of them `path` says as well. */
  readonly grpc?: GrpcMatch;
  readonly headers: readonly ValueMatch[];
  readonly queryParams: readonly ValueMatch[];
}

/** Every service or method when one is absent. */
export interface GrpcMatch {
  /** `package.Service`. */
  readonly service?: GrpcName;
  readonly method?: GrpcName;
}

/** A service or method, or a regular expression for the whole of its name. */
export interface GrpcName {
  readonly kind: "exact" | "regex";
  readonly text: string;
}

/** `prefix` matches whole path elements, as in Gateway API: `/a` matches `/a/b`, not `/ab`. */
export type PathMatch =
  | { readonly kind: "exact"; readonly path: string }
  | { readonly kind: "prefix"; readonly path: string }
  | { readonly kind: "regex"; readonly pattern: string };

/** Where a matched request goes. A split is resolved to its weights; its name stays for people. */
export interface RuleTarget {
  readonly split?: SplitReference;
  /** In the order written; weights may be 0, but not all of them. Empty when the rule answers itself (`redirect`, `respond`). */
  readonly backends: readonly Backend[];
  /** Copies of requests that a rollout of the split wants at the moment. */
  readonly mirror?: Mirror;
}

/** Where a rule names its split, and where that is defined. */
export interface SplitReference {
  readonly name: string;
  readonly at: Place;
  readonly definedAt: Place;
  /** Who keeps their backend while its weights change. */
  readonly sticky?: Sticky;
  /** Present while a rollout moves it. */
  readonly watch?: SplitWatch;
}

/** A service or one subset of it, with its share. */
export interface Backend extends HeaderFilters {
  readonly at: Place;
  readonly service: string;
  readonly subset?: string;
  /** Other subsets take over when too few hosts of this one are healthy. */
  readonly hasFallback?: true;
  readonly weight: number;
  /** What the file says, where somebody has set another weight since. */
  readonly fileWeight?: number;
}
