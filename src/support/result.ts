/**
 * A value or the reasons why there is none.
 *
 * The mistakes of users and peers are values of this type, never exceptions, so that a caller cannot
 * forget them and so that all of them can be collected before anyone is told.
 */
export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

/** The success side. */
export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

/** The failure side. */
export function err<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error };
}
