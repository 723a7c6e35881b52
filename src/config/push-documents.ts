/**
 * Writes a set of documents to etcd as a whole: what is below `/fairway/config/` afterwards is this set and nothing else.
 *
 * Everything happens only if nobody has changed anything there since it was read. What fits into one transaction goes
 * in one. For more there is a mark: it is set first and taken away last, each write asks for it, and whoever reads
 * takes nothing over while it is there. Who dies in between leaves the mark, and the next push begins anew.
 */
import type { Condition, Entry, EtcdPort, Listing, Write } from "../etcd/etcd-port.ts";
import { EtcdError } from "../etcd/etcd-error.ts";
import { CONFIG_PREFIX, PUSH_MARK, pushMarkText } from "./etcd-documents.ts";

/** etcd takes 128 operations and 1.5 MiB in one request, unless told otherwise. */
const WRITES_MAX = 100;
const BYTES_MAX = 1024 * 1024;

/** What a push is about. */
export interface Push {
  /** By the path below the prefix. */
  readonly documents: ReadonlyMap<string, Uint8Array>;
  /** Who pushes, for whoever finds the mark. */
  readonly by: string;
  /** When that began, for the same: ISO 8601. */
  readonly begunAt?: string;
  /** The revision that the documents were last read at; undefined for whatever is there. */
  readonly since?: number | undefined;
  /** Only say what would be written. */
  readonly dryRun?: boolean | undefined;
}

/** What became of it. */
export type PushOutcome =
  | {
      readonly kind: "pushed";
      readonly revision: number;
      readonly written: readonly string[];
      readonly removed: readonly string[];
    }
  /** What a push would do to what there is at this revision. */
  | {
      readonly kind: "planned";
      readonly revision: number;
      readonly added: readonly string[];
      readonly changed: readonly string[];
      readonly removed: readonly string[];
    }
  /** Since the change of one of them at `changedAt` at the latest. */
  | { readonly kind: "unchanged"; readonly revision: number; readonly changedAt: number }
  /** Somebody else has written; nothing of this push is in force. */
  | { readonly kind: "conflict"; readonly revision: number; readonly changed: readonly string[] };

/** Pushes; rejects with an `EtcdError`. */
export async function pushDocuments(etcd: EtcdPort, push: Push): Promise<PushOutcome> {
  const listing = await etcd.list(CONFIG_PREFIX);
  const mark = listing.entries.find(({ key }) => key === PUSH_MARK);
  if (push.since !== undefined && push.since > listing.revision) {
    throw new EtcdError("refused", `etcd is at revision ${listing.revision}, and has never been at ${push.since}`);
  }
  const conflict = changedSince(listing, push.since);
  if (conflict.length > 0) return { kind: "conflict", revision: listing.revision, changed: conflict };
  const writes = difference(listing, push.documents);
  if (writes.length === 0 && mark === undefined) {
    const changedAt = Math.max(0, ...listing.entries.map(({ modRevision }) => modRevision));
    return { kind: "unchanged", revision: listing.revision, changedAt };
  }
  const tooLarge = writes.find((write) => bytesOf(write) > BYTES_MAX);
  if (tooLarge !== undefined) {
    throw new EtcdError("too-large", `${tooLarge.key} has more than ${BYTES_MAX} bytes; split it into several files`);
  }
  if (push.dryRun === true) return planOf(listing, writes);
  const isWhole = writes.length <= WRITES_MAX && writes.reduce((sum, write) => sum + bytesOf(write), 0) <= BYTES_MAX;
  const done =
    isWhole && mark === undefined ? await inOne(etcd, listing, writes) : await inSeveral(etcd, listing, writes, push);
  if (done.kind === "conflict") return done;
  const names = (kind: Write["kind"]) => writes.filter((write) => write.kind === kind).map(({ key }) => key);
  return { kind: "pushed", revision: done.revision, written: names("put"), removed: names("delete") };
}

function planOf({ entries, revision }: Listing, writes: readonly Write[]): PushOutcome {
  const known = new Set(entries.map(({ key }) => key));
  const put = writes.filter(({ kind }) => kind === "put").map(({ key }) => key);
  return {
    kind: "planned",
    revision,
    added: put.filter((key) => !known.has(key)),
    changed: put.filter((key) => known.has(key)),
    removed: writes.filter(({ kind }) => kind === "delete").map(({ key }) => key),
  };
}

type Done = { readonly kind: "done"; readonly revision: number } | (PushOutcome & { readonly kind: "conflict" });

async function inOne(etcd: EtcdPort, listing: Listing, writes: readonly Write[]): Promise<Done> {
  const outcome = await etcd.transact([...untouched(listing), ...asRead(listing, writes)], writes);
  return outcome.ok ? { kind: "done", revision: outcome.revision } : await conflictOf(etcd, listing);
}

async function inSeveral(
  etcd: EtcdPort,
  listing: Listing,
  writes: readonly Write[],
  { by, begunAt }: Pick<Push, "by" | "begunAt">,
): Promise<Done> {
  const standing = listing.entries.find(({ key }) => key === PUSH_MARK);
  const value = Buffer.from(pushMarkText({ by, ...(begunAt === undefined ? {} : { since: begunAt }) }));
  const begun = await etcd.transact(
    [...untouched(listing), { kind: "revision", key: PUSH_MARK, modRevision: standing?.modRevision ?? 0 }],
    [{ kind: "put", key: PUSH_MARK, value }],
  );
  if (!begun.ok) return await conflictOf(etcd, listing);
  const mine: Condition = { kind: "revision", key: PUSH_MARK, modRevision: begun.revision };
  for (const some of inParts(writes)) {
    const outcome = await etcd.transact([mine], some);
    if (!outcome.ok) return await conflictOf(etcd, listing);
  }
  const ended = await etcd.transact([mine], [{ kind: "delete", key: PUSH_MARK }]);
  return ended.ok ? { kind: "done", revision: ended.revision } : await conflictOf(etcd, listing);
}

/** Nothing has come or changed below the prefix since the listing; what has gone is seen key by key. */
function untouched(listing: Listing): readonly Condition[] {
  return [{ kind: "unchanged", prefix: CONFIG_PREFIX, sinceRevision: listing.revision }];
}

/** What is written over is what was read. */
function asRead(listing: Listing, writes: readonly Write[]): readonly Condition[] {
  const known = new Map(listing.entries.map(({ key, modRevision }) => [key, modRevision]));
  return writes.map(({ key }) => ({ kind: "revision", key, modRevision: known.get(key) ?? 0 }));
}

async function conflictOf(etcd: EtcdPort, before: Listing): Promise<PushOutcome & { readonly kind: "conflict" }> {
  const now = await etcd.list(CONFIG_PREFIX);
  return { kind: "conflict", revision: now.revision, changed: changedSince(now, before.revision) };
}

function changedSince({ entries }: Listing, revision: number | undefined): readonly string[] {
  if (revision === undefined) return [];
  return entries.filter(({ modRevision }) => modRevision > revision).map(({ key }) => key);
}

function difference({ entries }: Listing, documents: Push["documents"]): readonly Write[] {
  const known = new Map<string, Entry>(entries.map((entry) => [entry.key, entry]));
  const writes: Write[] = [];
  for (const [path, value] of documents) {
    const key = `${CONFIG_PREFIX}${path}`;
    const before = known.get(key);
    if (before === undefined || Buffer.compare(before.value, value) !== 0) writes.push({ kind: "put", key, value });
    known.delete(key);
  }
  for (const key of known.keys()) if (key !== PUSH_MARK) writes.push({ kind: "delete", key });
  return writes;
}

function* inParts(writes: readonly Write[]): Iterable<readonly Write[]> {
  let part: Write[] = [];
  let bytes = 0;
  for (const write of writes) {
    if (part.length >= WRITES_MAX || (part.length > 0 && bytes + bytesOf(write) > BYTES_MAX)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(write);
    bytes += bytesOf(write);
  }
  if (part.length > 0) yield part;
}

function bytesOf(write: Write): number {
  return write.key.length + (write.kind === "put" ? write.value.byteLength : 0);
}
