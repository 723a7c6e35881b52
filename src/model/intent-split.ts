/**
 * The part of the intent about `splits`: backends that share requests, and how their weights may be changed while
 * everything runs.
 */
import type { Place } from "./diagnostic.ts";
import type { Mirror } from "./intent-filter.ts";
import type { Backend } from "./intent-route.ts";

/** A split as the files say it. */
export interface Split {
  readonly name: string;
  readonly at: Place;
  /** In the order written, with their default weights; at least one is above 0. */
  readonly backends: readonly SplitBackend[];
  /** Who keeps their backend while weights change; nobody when absent. */
  readonly sticky?: Sticky;
  readonly onLeaseExpiry: "default" | "keep";
  /** Copies of its requests that a rollout wants at the moment; no file says so. */
  readonly mirror?: Mirror;
  /** Present while a rollout moves it. */
  readonly watch?: SplitWatch;
}

/** What Envoys shall tell of single requests to a split, beside those that fail. */
export interface SplitWatch {
  /** Those that take longer, too. */
  readonly slowerThanMs?: number;
}

/** One backend, under the name that weights are given to. */
export interface SplitBackend extends Backend {
  readonly name: string;
  readonly limit?: WeightLimit;
}

/** How far a weight may go, in percent. */
export interface WeightLimit {
  readonly max?: number;
  /** Upwards; to shrink is always allowed. */
  readonly maxStep?: number;
}

/** What says who a user is. */
export type Sticky =
  | { readonly kind: "header"; readonly name: string }
  /** Whoever comes without it is given one. */
  | { readonly kind: "cookie"; readonly name: string };
