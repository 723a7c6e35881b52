/**
 * What an edit of a file left as it was stays the same object, so that later stages recognise it.
 *
 * A file is parsed whole, and most edits change one of its many services or routes. An item whose place moved
 * is another one: its place is in diagnostics and resources.
 */
import { sameContent, sameItems } from "../support/same-content.ts";
import type { DocumentParts } from "./build-document.ts";

/** The parts, with the items of before in the place of equal ones. */
export function reuseParts(
  before: readonly DocumentParts[] | undefined,
  after: readonly DocumentParts[],
): readonly DocumentParts[] {
  if (before === undefined) return after;
  // A document of a file has no other name than its position.
  return after.map((part, index) => {
    const old = before[index];
    return old === undefined ? part : { ...part, ...sharedItems(old, part) };
  });
}

/** Secrets, raw resources and patches hold their document, or are few. */
function sharedItems(old: DocumentParts, part: DocumentParts): Partial<DocumentParts> {
  return {
    groups: shared(old.groups, part.groups),
    gateways: shared(old.gateways, part.gateways),
    services: shared(old.services, part.services),
    routes: shared(old.routes, part.routes),
    l4Routes: shared(old.l4Routes, part.l4Routes),
    splits: shared(old.splits, part.splits),
    policies: shared(old.policies, part.policies),
  };
}

function shared<Item extends { readonly name: string }>(
  before: readonly Item[],
  after: readonly Item[],
): readonly Item[] {
  const known = new Map(before.map((item) => [item.name, item]));
  const items = after.map((item) => {
    const old = known.get(item.name);
    return old !== undefined && sameContent(old, item) ? old : item;
  });
  return sameItems(before, items) ? before : items;
}
