/**
 * Items of many lists, sorted by name; most lists are the same objects as the time before, and then so is
 * what was sorted.
 */
import { sortedPosition } from "../support/sorted-position.ts";
import { byName } from "./sort.ts";

/** Keep one for each kind of item. */
export class SortedItems<Item extends { readonly name: string }> {
  #lists: ReadonlySet<readonly Item[]> = new Set();
  #sorted: readonly Item[] = [];

  /** The items of all lists; names are unique. The same list as before if no item is another. */
  update(lists: readonly (readonly Item[])[]): readonly Item[] {
    const before = this.#lists;
    this.#lists = new Set(lists);
    const gone = new Set([...before].filter((list) => !this.#lists.has(list)).flat());
    const come: Item[] = [];
    for (const item of lists.filter((list) => !before.has(list)).flat()) if (!gone.delete(item)) come.push(item);
    if (gone.size === 0 && come.length === 0) return this.#sorted;
    const left = gone.size === 0 ? this.#sorted : this.#sorted.filter((item) => !gone.has(item));
    this.#sorted = merge(left, come.sort(byName));
    return this.#sorted;
  }
}

/** Above this, sorting what is mostly in order costs less than moving the rest for each. */
const FEW = 100;

function merge<Item extends { readonly name: string }>(left: readonly Item[], right: readonly Item[]): readonly Item[] {
  if (left.length === 0) return right;
  if (right.length > FEW) return [...left, ...right].sort(byName);
  const merged = [...left];
  for (const item of right)
    merged.splice(
      sortedPosition(item.name, merged, ({ name }) => name),
      0,
      item,
    );
  return merged;
}
