/**
 * What instances have registered in etcd: keys and bytes, never meaning.
 */
import type { Entry } from "../etcd/etcd-port.ts";

/** A key as it is in etcd. */
export interface RegistryEntry {
  readonly key: string;
  readonly value: Uint8Array;
  /** Of its last change. */
  readonly revision: number;
  /** Since when it has been there; of two instances with one address the one that came first counts. */
  readonly createdRevision: number;
}

/** The order in which keys came; of those that one transaction brought, the order of their names. */
export function compareAges(left: Aged, right: Aged): number {
  return left.createdRevision - right.createdRevision || (left.key < right.key ? -1 : 1);
}

type Aged = Pick<RegistryEntry, "key" | "createdRevision">;

export function registryEntry({ key, value, modRevision, createRevision }: Entry): RegistryEntry {
  return { key, value, revision: modRevision, createdRevision: createRevision };
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
  readonly createdRevisions: Float64Array<ArrayBuffer>;
  /** Where each value ends in `values`. */
  readonly ends: Uint32Array<ArrayBuffer>;
  readonly values: Uint8Array<ArrayBuffer>;
}

export function packEntries(entries: readonly RegistryEntry[]): PackedEntries {
  const ends = new Uint32Array(entries.length);
  const revisions = new Float64Array(entries.length);
  const createdRevisions = new Float64Array(entries.length);
  const values = new Uint8Array(entries.reduce((bytes, { value }) => bytes + value.byteLength, 0));
  let end = 0;
  for (const [index, { value, revision, createdRevision }] of entries.entries()) {
    values.set(value, end);
    end += value.byteLength;
    ends[index] = end;
    revisions[index] = revision;
    createdRevisions[index] = createdRevision;
  }
  return { keys: entries.map(({ key }) => key), revisions, createdRevisions, ends, values };
}

/** The same entries; their values are views of what was packed. */
export function* unpackEntries(packed: PackedEntries): Iterable<RegistryEntry> {
  const { keys, revisions, createdRevisions, ends, values } = packed;
  let start = 0;
  for (const [index, key] of keys.entries()) {
    const end = ends[index] ?? start;
    const [revision = 0, createdRevision = 0] = [revisions[index], createdRevisions[index]];
    yield { key, value: values.subarray(start, end), revision, createdRevision };
    start = end;
  }
}
