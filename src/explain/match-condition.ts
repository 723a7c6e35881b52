/**
 * One condition of a match and whether it holds for a request.
 *
 * Three-valued: some conditions ask for what only a running Envoy knows, such as a runtime key or a header
 * that Envoy itself sets. Such a condition is `unsure`, and what follows from it is told as a possibility.
 */

export interface Condition {
  readonly state: "holds" | "fails" | "unsure";
  /** What is asked for: `path begins with /cart`. Lazy: most conditions are never shown. */
  readonly asks: () => string;
  /** What the request has instead, or what is not known. */
  readonly because?: () => string;
}

/** The state of all conditions together. */
export function stateOfAll(conditions: readonly Condition[]): Condition["state"] {
  if (conditions.some(({ state }) => state === "fails")) return "fails";
  return conditions.some(({ state }) => state === "unsure") ? "unsure" : "holds";
}

/** A condition that is known to hold or not. */
export function known(holds: boolean, asks: () => string, because: () => string): Condition {
  return { state: holds ? "holds" : "fails", asks, because };
}

/** A condition of which only a running Envoy knows whether it holds, and why. */
export function unsure(asks: () => string, because: string): Condition {
  return { state: "unsure", asks, because: () => because };
}

/** `path is "/a", but it is "/b"`. */
export function describeCondition({ state, asks, because }: Condition): string {
  if (state === "holds" || because === undefined) return asks();
  return state === "fails" ? `${asks()}, but ${because()}` : `${asks()}: ${because()}`;
}
