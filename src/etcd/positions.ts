/**
 * How far into the history of etcd something is, by prefix: each is followed by itself, and hears nothing of the others.
 */

/** By prefix, the revision of the last change that is in it. */
export type Positions = ReadonlyMap<string, number>;

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
