/**
 * How config documents lie in etcd: one key each, and a mark while a push that takes several transactions is under way.
 */

/** Where documents are; behind it stands what would be the path of a file. */
export const CONFIG_PREFIX = "/fairway/config/";

/**
 * While this key is there the documents are between two states, and nobody takes them over. It stays when a push dies:
 * half a config must not come into force because time has passed.
 */
export const PUSH_MARK = `${CONFIG_PREFIX}.push`;

/** What people see in diagnostics. */
export function placeOfKey(key: string, revision: number): string {
  return `etcd:${key}@${revision}`;
}
