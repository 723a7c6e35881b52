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
  readonly upserted: Iterable<RegistryEntry>;
  readonly removed: readonly string[];
}

/** Everything up to the last slash of a key: the prefix of the service that it belongs to. */
export function folderOf(key: string): string {
  return key.slice(0, key.lastIndexOf("/") + 1);
}

/** Entries as few large objects, for the way to another thread: a hundred thousand small ones take long and much. */
export interface PackedEntries {
  readonly keys: readonly string[];
  readonly revisions: Float64Array<ArrayBuffer>;
  /** Where each value ends in `values`. */
  readonly ends: Uint32Array<ArrayBuffer>;
  readonly values: Uint8Array<ArrayBuffer>;
}

export function packEntries(entries: readonly RegistryEntry[]): PackedEntries {
  const ends = new Uint32Array(entries.length);
  const revisions = new Float64Array(entries.length);
  const values = new Uint8Array(entries.reduce((bytes, { value }) => bytes + value.byteLength, 0));
  let end = 0;
  for (const [index, { value, revision }] of entries.entries()) {
    values.set(value, end);
    end += value.byteLength;
    ends[index] = end;
    revisions[index] = revision;
  }
  return { keys: entries.map(({ key }) => key), revisions, ends, values };
}

/** The same entries; their values are views of what was packed. */
export function* unpackEntries({ keys, revisions, ends, values }: PackedEntries): Iterable<RegistryEntry> {
  let start = 0;
  for (const [index, key] of keys.entries()) {
    const end = ends[index] ?? start;
    yield { key, value: values.subarray(start, end), revision: revisions[index] ?? 0 };
    start = end;
  }
}
