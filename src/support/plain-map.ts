/**
 * An object without any key but its own, so that no text can reach `Object.prototype`.
 *
 * `Object.create(null)` would be one as well, but the engine keeps it as a hash table, which is larger and slower; this
 * one has the layout of an object that a class makes.
 */

/** Nothing is in it and nothing can come. */
const emptyPrototype: object = Object.freeze(Object.create(null));

function PlainMap(): void {}
PlainMap.prototype = emptyPrototype;

/** A map that is empty. */
export const plainMap = function plainMap<T>(): Record<string, T> {
  return new (PlainMap as unknown as new () => Record<string, T>)();
};
