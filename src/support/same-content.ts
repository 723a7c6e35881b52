/**
 * Whether two plain values (as JSON has them) hold the same, whatever the order of keys.
 */

type Fields = Readonly<Record<string, unknown>>;

/** Compares by identity first, so that what is shared costs nothing. */
export function sameContent(a: unknown, b: unknown): boolean {
  // Of the two zeros an Envoy gets different bytes.
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Fields, b as Fields];
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && sameContent(left[key], right[key]))
  );
}

/** The same objects in the same order. */
export function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a === b || (a.length === b.length && a.every((item, index) => item === b[index]));
}
