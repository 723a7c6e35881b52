/**
 * Whether a cluster sends requests to a host by a hash of theirs: then a change of its hosts moves some of them.
 */
import type { JsonMap } from "./field-changes.ts";

/** Envoy's balancers with a ring or a table, by their types and by the words of the field of old. */
const patterns = /\.(?:ring_hash|maglev)\.v3\.|"(?:RING_HASH|MAGLEV)"/;

export function isHashing(cluster: JsonMap | undefined): boolean {
  const { load_balancing_policy: policy, lb_policy: word } = cluster ?? {};
  return patterns.test(JSON.stringify([policy ?? null, word ?? null]));
}
