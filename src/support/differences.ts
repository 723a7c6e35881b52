/**
 * What left a list and what came into it, by identity: a pointer for each item that stayed.
 */

/** So far is looked ahead for where two lists meet again. */
const LOOK_AHEAD = 64;

/** The first list without `gone` and with `come` has the items of the second. An item far from its old position may be in both. */
export function differences<Item>(
  before: readonly Item[],
  after: readonly Item[],
): { readonly gone: readonly Item[]; readonly come: readonly Item[] } {
  const gone: Item[] = [];
  const come: Item[] = [];
  let [left, right] = [0, 0];
  while (left < before.length && right < after.length) {
    if (before[left] === after[right]) {
      left += 1;
      right += 1;
      continue;
    }
    const added = distance(after, right, before[left] as Item);
    const removed = distance(before, left, after[right] as Item);
    if (added !== undefined && (removed === undefined || added <= removed)) {
      come.push(...after.slice(right, right + added));
      right += added;
    } else if (removed !== undefined) {
      gone.push(...before.slice(left, left + removed));
      left += removed;
    } else {
      gone.push(before[left] as Item);
      come.push(after[right] as Item);
      left += 1;
      right += 1;
    }
  }
  for (const item of before.slice(left)) gone.push(item);
  for (const item of after.slice(right)) come.push(item);
  return { gone, come };
}

/** How far behind `from` the item is. */
function distance<Item>(list: readonly Item[], from: number, item: Item): number | undefined {
  const end = Math.min(list.length, from + LOOK_AHEAD);
  for (let index = from + 1; index < end; index += 1) if (list[index] === item) return index - from;
  return undefined;
}
