/**
 * Checks of what must hold if our own code is right.
 *
 * A failing assertion is a bug of ours and ends what is going on; a user's mistake is a `Result`, and the
 * environment's failure a `FairwayError`.
 */

/** Ends the current work when `condition` is false; `reason` says why it must hold. */
export function assert(condition: boolean, reason: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${reason}`);
}

/** The value, which is never absent here; `reason` says why. */
export function present<T>(value: T | undefined | null, reason: string): T {
  if (value === undefined || value === null) throw new Error(`assertion failed: ${reason}`);
  return value;
}

/** Marks the end of an exhaustive switch: the type checker refuses a forgotten case. */
export function unreachable(value: never): never {
  throw new Error(`assertion failed: unexpected case ${JSON.stringify(value)}`);
}
