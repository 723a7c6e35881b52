/**
 * What instances have registered in etcd: keys and bytes, never meaning.
 */

/** A key as it is in etcd. */
export interface RegistryEntry {
  readonly key: string;
  readonly value: Uint8Array;
  /** Of its last change. */
  readonly revision: number;
}

/** What came and went since the last time. */
export interface RegistryChange {
  readonly upserted: readonly RegistryEntry[];
  readonly removed: readonly string[];
}

/** Everything up to the last slash of a key: the prefix of the service that it belongs to. */
export function folderOf(key: string): string {
  return key.slice(0, key.lastIndexOf("/") + 1);
}
