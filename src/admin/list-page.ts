/**
 * A page of a list that is sorted by name.
 */

/** `next` is the `after` of the following page, absent on the last. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | undefined;
}

/** The first `limit` items whose name sorts after `after`. */
export function listPage<Item extends { readonly name: string }>(
  sorted: readonly Item[],
  query: { readonly limit: number; readonly after?: string | undefined },
): Page<Item> {
  const { after } = query;
  const rest = after === undefined ? sorted : sorted.filter(({ name }) => name > after);
  const items = rest.slice(0, query.limit);
  return { items, next: rest.length > items.length ? items.at(-1)?.name : undefined };
}
