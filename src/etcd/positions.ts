/**
 * How far into the history of etcd something is, by prefix: each is followed by itself, and hears nothing of the others.
 *
 * Two answers are needed of everything that is made of what is in etcd. Whoever compares two of them asks for the last
 * change that is in each: it is the same for all who have the same. Whoever waits for a change asks up to where nothing
 * is missing: that goes on with etcd while others write what is no part of it.
 */

/** By prefix, a revision; one that is not here is not followed, and one that was not read yet is 0. */
export type Positions = ReadonlyMap<string, number>;

/** Of a state that was read, a build, or what is served. */
export interface Progress {
  /** The last change that is in it. */
  readonly changed: Positions;
  /** Up to here nothing is missing in it. The map goes on with etcd, until something comes that is not in it. */
  readonly reached: Positions;
}

/** Whether something that is at `own` has all that is in `of`, as far as it follows the same prefixes. */
export function hasAll(own: Positions, of: Positions): boolean {
  for (const [prefix, revision] of of) if ((own.get(prefix) ?? Infinity) < revision) return false;
  return true;
}

/** Whether it has anything that `than` has not. */
export function hasMore(own: Positions, than: Positions): boolean {
  for (const [prefix, revision] of own) if (revision > (than.get(prefix) ?? -1)) return true;
  return false;
}

/** Of each prefix the newest. */
export function newest(...all: readonly Positions[]): Positions {
  const merged = new Map<string, number>();
  for (const positions of all) {
    for (const [prefix, revision] of positions) merged.set(prefix, Math.max(merged.get(prefix) ?? 0, revision));
  }
  return merged;
}
