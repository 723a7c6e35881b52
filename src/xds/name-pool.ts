/**
 * Sets of names that many streams share: a thousand Envoys that ask for the same thousand names keep them once.
 *
 * Two sets with the same names are the same object, so identity says whether two subscriptions are equal.
 * Interned by content and never by the bytes or the order of a request: Envoy's hash maps have none.
 */
import type { ResourceName } from "../snapshot/resource.ts";
import { brand } from "../support/brand.ts";
import { hashOfText } from "../support/hash.ts";

/** Immutable, and shared. */
export type NameSet = ReadonlySet<ResourceName>;

/** One for each server. */
export interface NamePool {
  /** The set of these names, in any order and with repetitions. */
  of(names: readonly string[]): NameSet;
  /** `set` with some names more and some less. */
  change(set: NameSet, change: { readonly added: readonly string[]; readonly dropped: readonly string[] }): NameSet;
}

/** The set of nothing, which every pool knows. */
export const noNames: NameSet = new Set();

/** Lists for which the set is remembered; a decoder that sees the same bytes again hands out the same list. */
const LISTS_MIN = 16;

/** A pool that forgets what nobody holds. */
export function createNamePool(): NamePool {
  const sets = new Map<string, WeakRef<NameSet>>();
  const forgotten = new FinalizationRegistry<string>((key) => {
    if (sets.get(key)?.deref() === undefined) sets.delete(key);
  });
  const byList = new WeakMap<readonly string[], NameSet>();
  const changes = new WeakMap<NameSet, Map<string, WeakRef<NameSet>>>();

  const intern = (sorted: readonly string[]): NameSet => {
    if (sorted.length === 0) return noNames;
    const text = sorted.join("\n");
    const key = text.length > 64 ? hashOfText(text) : text;
    const known = sets.get(key)?.deref();
    // The hash is short, and a client chooses its names.
    if (known !== undefined && isSame(known, sorted)) return known;
    const made: NameSet = new Set(sorted.map((name) => brand<ResourceName>(name)));
    if (known === undefined) {
      sets.set(key, new WeakRef(made));
      forgotten.register(made, key);
    }
    return made;
  };

  return {
    of(names) {
      const known = byList.get(names);
      if (known !== undefined) return known;
      const set = intern([...new Set(names)].sort());
      if (names.length >= LISTS_MIN) byList.set(names, set);
      return set;
    },
    change(set, { added, dropped }) {
      if (added.length + dropped.length === 0) return set;
      const key = `+${added.join("\n")}\n-${dropped.join("\n")}`;
      const known = changes.get(set)?.get(key)?.deref();
      if (known !== undefined) return known;
      const names = new Set<string>(set);
      for (const name of dropped) names.delete(name);
      for (const name of added) names.add(name);
      const changed = intern([...names].sort());
      remember(changes, set, { key, changed });
      return changed;
    },
  };
}

/** What most streams do next is the same; what one does alone need not be kept. */
const CHANGES_MAX = 64;

function remember(
  changes: WeakMap<NameSet, Map<string, WeakRef<NameSet>>>,
  set: NameSet,
  made: { readonly key: string; readonly changed: NameSet },
): void {
  let ofSet = changes.get(set);
  if (ofSet === undefined) changes.set(set, (ofSet = new Map()));
  ofSet.set(made.key, new WeakRef(made.changed));
  for (const oldest of ofSet.keys()) {
    if (ofSet.size <= CHANGES_MAX) break;
    ofSet.delete(oldest);
  }
}

function isSame(set: NameSet, sorted: readonly string[]): boolean {
  if (set.size !== sorted.length) return false;
  for (const name of sorted) if (!set.has(brand<ResourceName>(name))) return false;
  return true;
}
