/**
 * The part of the intent about texts that are matched, in requests and in answers.
 */

/** One header or query parameter. */
export interface ValueMatch {
  readonly name: string;
  readonly value:
    | { readonly kind: "exact"; readonly text: string }
    | { readonly kind: "prefix"; readonly text: string }
    | { readonly kind: "suffix"; readonly text: string }
    | { readonly kind: "contains"; readonly text: string }
    | { readonly kind: "regex"; readonly pattern: string }
    | { readonly kind: "present" }
    | { readonly kind: "absent" };
}
