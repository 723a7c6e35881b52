/**
 * Strings that must not be mixed up.
 *
 * A branded string is an ordinary string at run time; the type checker keeps a nonce from being passed
 * where a version is meant. `brand` is the one place where a plain string becomes one.
 */
declare const tag: unique symbol;

/** A string that is only assignable to strings of the same brand. */
export type Brand<Name extends string> = string & { readonly [tag]: Name };

/** Marks a plain string; the caller vouches for what it is. */
export function brand<B extends Brand<string>>(value: string): B {
  return value as B;
}
