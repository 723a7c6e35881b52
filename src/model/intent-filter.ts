/**
 * The part of the intent about `filters`: what a rule or a backend changes, answers or copies.
 *
 * The words and their meaning are Gateway API's; `translate` knows how Envoy is made to do it.
 */
import type { Place } from "./diagnostic.ts";
import type { FilterParts } from "./filter-parts.ts";

/** Everything that the filters of a rule say; each kind is there at most once, mirrors as often as written. */
export interface RuleFilters extends HeaderFilters {
  /** Answered at once; such a rule has no backends. */
  readonly redirect?: Redirect;
  /** Answered at once; such a rule has no backends. */
  readonly respond?: DirectResponse;
  readonly rewrite?: Rewrite;
  /** In the order written. */
  readonly mirrors: readonly Mirror[];
  /** Those parts of policies that are written at the rule; never empty. */
  readonly httpFilters?: FilterParts;
}

/** The filters that a backend can have as well. */
export interface HeaderFilters {
  readonly requestHeaders?: HeaderChanges;
  readonly responseHeaders?: HeaderChanges;
}

/** Names are in lower case, sorted, and each is in one of the three lists. */
export interface HeaderChanges {
  readonly at: Place;
  /** Whatever was there is replaced. */
  readonly set: readonly HeaderValue[];
  /** Whatever was there stays beside it. */
  readonly add: readonly HeaderValue[];
  readonly remove: readonly string[];
}

/** A header and its value, taken literally. */
export interface HeaderValue {
  readonly name: string;
  readonly value: string;
}

/** An answer that sends the client elsewhere; what is absent stays as the client asked for it, but for the port. */
export interface Redirect {
  readonly at: Place;
  readonly scheme?: "http" | "https";
  readonly hostname?: string;
  /** When absent, the scheme's well-known port, and without a scheme the listener's. */
  readonly port?: number;
  readonly path?: PathChange;
  readonly status?: RedirectStatus;
}

export type RedirectStatus = 301 | 302 | 303 | 307 | 308;

/** The request as the backend sees it. */
export interface Rewrite {
  readonly at: Place;
  readonly hostname?: string;
  readonly path?: PathChange;
}

/** A new path, or a new prefix in the place of the one that matched. */
export type PathChange =
  | { readonly kind: "full"; readonly path: string }
  | { readonly kind: "prefix"; readonly path: string };

/** A copy of the request, whose answer nobody waits for. */
export interface Mirror {
  readonly at: Place;
  readonly service: string;
  readonly subset?: string;
  /** Of all requests; all of them when absent. */
  readonly percent?: number;
}

/** An answer that no backend gives. */
export interface DirectResponse {
  readonly at: Place;
  readonly status: number;
  readonly body?: string;
}
