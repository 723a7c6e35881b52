/**
 * The snapshots that were served to each group, by whichever replica: the last ten, for people who ask on any of them, and
 * after a restart.
 *
 * It is written behind the pushes, never before one, and at most every few seconds: of what comes more often the newest.
 * Secrets stay on the machines that serve them. Of a very large snapshot only its version, time and cause are kept.
 */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { z } from "zod";
import { restoreSnapshot, snapshotTexts } from "../snapshot/persisted-snapshot.ts";
import type { GroupName, Snapshot, SnapshotCause, SnapshotVersion } from "../snapshot/snapshot.ts";
import { createSnapshot } from "../snapshot/snapshot.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import type { StateStore, StateWatch } from "../store/state-store.ts";
import { updateState } from "../store/state-store.ts";
import { brand } from "../support/brand.ts";

const ENTRIES_MAX = 10;

/** A group whose instances come and go all the time makes one entry in this time. */
const WRITE_EVERY_MS = 5_000;

/** Beyond that making the text would hold up the streams. */
const BODY_BYTES_MAX = 8 * 1024 * 1024;

/** A snapshot as a list of them shows it. */
export interface PastSnapshot {
  readonly version: SnapshotVersion;
  readonly cause: SnapshotCause;
}

export interface SharedHistoryOptions {
  readonly store: StateStore;
  readonly random: () => number;
  /** What is older than what others serve is no news. */
  isBehind(group: GroupName): boolean;
  /** Whatever else is kept of what is served now. */
  keep(snapshot: Snapshot): Promise<void>;
  onWarning(text: string): void;
}

/** What a newer Fairway says more is written back with the rest. */
const entriesSchema = z.array(
  z.looseObject({ version: z.string(), cause: z.looseObject({ text: z.string(), atMs: z.number() }) }),
);

type Entry = z.infer<typeof entriesSchema>[number];

const deflate = promisify(gzip);

export class SharedHistory {
  readonly #options: SharedHistoryOptions;
  readonly #watch: StateWatch;
  readonly #known = new Map<string, readonly Entry[]>();
  /** By group what was served last and is not written yet. */
  readonly #unwritten = new Map<GroupName, Snapshot>();
  #timer: NodeJS.Timeout | undefined;
  #isWriting = false;
  #hasFailed = false;
  #isClosed = false;

  constructor(options: SharedHistoryOptions) {
    this.#options = options;
    this.#watch = options.store.watch("history/", (change) => {
      const key = change.kind === "put" ? change.document.key : change.key;
      const entries = change.kind === "put" ? readEntries(change.document.bytes) : [];
      this.#known.set(key.slice("history/".length), entries);
    });
  }

  /** These are served now. */
  served(snapshots: readonly Snapshot[]): void {
    for (const snapshot of snapshots) this.#unwritten.set(snapshot.group, snapshot);
    if (snapshots.length > 0) this.#writeIn(0);
  }

  /** Newest first. */
  of(group: GroupName): readonly PastSnapshot[] {
    const entries = this.#known.get(group) ?? [];
    return entries.map(({ version, cause }) => ({ version: brand<SnapshotVersion>(version), cause }));
  }

  /** A snapshot of some group, without its secrets; undefined when it is not kept, or etcd does not answer. */
  async find(version: string): Promise<Snapshot | undefined> {
    for (const [group, entries] of this.#known) {
      if (!entries.some((entry) => entry.version === version)) continue;
      const kept = await this.#kept(group, version);
      // Its own version is that of what is left without the secrets.
      if (kept !== undefined) return { ...kept, version: brand<SnapshotVersion>(version) };
    }
    return undefined;
  }

  /** A snapshot as it was served: undefined also when it had secrets. */
  async whole(group: GroupName, version: string): Promise<Snapshot | undefined> {
    const kept = await this.#kept(group, version);
    return kept?.version === version ? kept : undefined;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#watch.close();
  }

  async #kept(group: string, version: string): Promise<Snapshot | undefined> {
    const document = await this.#options.store.get(contentKey(group, version)).catch(() => undefined);
    const restored = document && restoreSnapshot(document.bytes);
    return restored?.ok === true ? restored.value : undefined;
  }

  #writeIn(waitMs: number): void {
    if (this.#timer !== undefined || this.#isWriting || this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#write(), waitMs);
    this.#timer.unref();
  }

  async #write(): Promise<void> {
    this.#timer = undefined;
    this.#isWriting = true;
    for (const [group, snapshot] of [...this.#unwritten]) {
      try {
        if (!this.#options.isBehind(group)) await this.#add(snapshot);
        if (this.#unwritten.get(group) === snapshot) this.#unwritten.delete(group);
        this.#hasFailed = false;
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        if (!this.#hasFailed) this.#options.onWarning(`the history of snapshots cannot be written: ${why}`);
        this.#hasFailed = true;
        break;
      }
    }
    this.#isWriting = false;
    // Also when there is nothing: what comes in the next seconds waits for their end.
    if (!this.#isClosed) this.#timer = setTimeout(() => this.#rested(), WRITE_EVERY_MS);
    this.#timer?.unref();
  }

  #rested(): void {
    this.#timer = undefined;
    if (this.#unwritten.size > 0) this.#writeIn(0);
  }

  async #add(snapshot: Snapshot): Promise<void> {
    const { store, random } = this.#options;
    const { group, version, cause } = snapshot;
    await this.#options.keep(snapshot);
    if (bodyBytes(snapshot) <= BODY_BYTES_MAX) {
      const packed: Uint8Array[] = [];
      for (const text of snapshotTexts(withoutSecrets(snapshot))) packed.push(await deflate(text));
      const bytes = Buffer.concat(packed);
      // A conflict means that another replica has written the same.
      await store.put(contentKey(group, version), bytes, { revision: 0 });
    }
    let dropped: readonly Entry[] = [];
    const add = (entries: readonly Entry[]) => {
      const others = entries.filter((entry) => entry.version !== version);
      dropped = others.slice(ENTRIES_MAX - 1);
      return [{ version, cause: { ...cause } }, ...others.slice(0, ENTRIES_MAX - 1)];
    };
    await updateState(
      store,
      `history/${group}`,
      (current) => {
        const entries = current === undefined ? [] : readEntries(current.bytes);
        if (entries[0]?.version === version) return undefined;
        return Buffer.from(JSON.stringify(add(entries)));
      },
      random,
    );
    for (const entry of dropped) {
      const document = await store.get(contentKey(group, entry.version));
      if (document !== undefined) await store.delete(document.key, document);
    }
  }
}

function contentKey(group: string, version: string): string {
  return `snapshots/${group}/${version}`;
}

function readEntries(bytes: Uint8Array): readonly Entry[] {
  try {
    const read = entriesSchema.safeParse(JSON.parse(Buffer.from(bytes).toString("utf8")));
    return read.success ? read.data.slice(0, ENTRIES_MAX) : [];
  } catch {
    return [];
  }
}

function bodyBytes({ tables }: Snapshot): number {
  let bytes = 0;
  for (const { resources } of tables.values()) for (const { body } of resources.values()) bytes += body.byteLength;
  return bytes;
}

function withoutSecrets(snapshot: Snapshot): Snapshot {
  const tables = new Map([...snapshot.tables].filter(([typeUrl]) => typeUrl !== typeUrls.secret));
  return createSnapshot(snapshot.group, tables, { updates: snapshot.updates, cause: snapshot.cause });
}
