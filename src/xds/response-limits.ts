/**
 * What holds for every response, whoever it is composed for.
 */

/**
 * A response that may be split is ended after about this much and the rest follows after the ACK: Envoy's and gRPC's
 * limits are per message, and one slow reader must not pin much memory.
 */
export const RESPONSE_BYTES_MAX = 1024 * 1024;

/** The order of resources in what is sent whole, and in what a version is the hash of. */
export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
