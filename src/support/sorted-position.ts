/**
 * Where a text stands, or would stand, in a list that is sorted by code units.
 */

/** Of the first item whose text is not smaller. */
export function sortedPosition<Item>(text: string, sorted: readonly Item[], textOf: (item: Item) => string): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (textOf(sorted[middle] as Item) < text) from = middle + 1;
    else to = middle;
  }
  return from;
}
