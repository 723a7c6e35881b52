/**
 * Live state in etcd: a document is one key, or a pointer to its parts when it is too large for one.
 *
 * The parts are written first, under a name of their own that nobody knows; then one transaction swaps the pointer and
 * takes away what it pointed to. So a reader has the old document or the new one, whole, whenever a writer dies; the
 * hash of the whole, which is in the pointer, proves it. Parts that a dead writer left are cleared away by a later one.
 */
import { createHash, randomUUID } from "node:crypto";
import { z } from "zod";
import { EtcdError } from "../etcd/etcd-error.ts";
import type { Condition, Entry, EtcdPort, Write } from "../etcd/etcd-port.ts";
import { PrefixFollower } from "../etcd/follow-prefix.ts";
import type { Clock } from "../support/clock.ts";
import { FairwayError } from "../support/fairway-error.ts";
import type { StateChange, StateDocument, StateStore, StateWatch, WriteOutcome } from "./state-store.ts";
import { refuseTooLarge } from "./state-store.ts";

const ROOT = "/fairway/state/";

/** etcd takes 1.5 MiB in a request; two parts of this leave room. */
const PART_BYTES = 512 * 1024;

/** A reader whose parts were taken away by a newer write reads again. */
const READS_MAX = 10;

/** Nobody writes one document for so long. */
const ABANDONED_MS = 10 * 60_000;

/** The first byte of a value says how the rest is to be read. */
const WHOLE = 0;
const POINTER = 1;

/** Where the parts of a document are. */
interface Pointer {
  readonly id: string;
  readonly partsCount: number;
  readonly sha256: string;
}

export interface EtcdStateStoreOptions {
  readonly etcd: EtcdPort;
  readonly clock: Clock;
  readonly random: () => number;
}

export class EtcdStateStore implements StateStore {
  readonly #options: EtcdStateStoreOptions;

  constructor(options: EtcdStateStoreOptions) {
    this.#options = options;
  }

  get(key: string): Promise<StateDocument | undefined> {
    return this.#told("read", key, async () => {
      for (let reads = 0; reads < READS_MAX; reads += 1) {
        const entry = await this.#entry(key);
        const document = entry === undefined ? undefined : await this.#resolve(key, entry);
        if (entry === undefined || document !== undefined) return document;
      }
      throw new FairwayError("STATE_UNREADABLE", `${key} in etcd has a part missing, or changes all the time`);
    });
  }

  list(prefix: string): Promise<readonly StateDocument[]> {
    return this.#told("read", prefix, async () => {
      const { entries } = await this.#options.etcd.list(keyOf(prefix));
      const documents: StateDocument[] = [];
      for (const entry of entries) {
        const key = entry.key.slice(keyOf("").length);
        const document = (await this.#resolve(key, entry)) ?? (await this.get(key));
        if (document !== undefined) documents.push(document);
      }
      return documents;
    });
  }

  async put(key: string, bytes: Uint8Array, expected: { readonly revision: number }): Promise<WriteOutcome> {
    refuseTooLarge(key, bytes);
    return this.#told("write", key, async () => {
      if (bytes.byteLength <= PART_BYTES) {
        return this.#swap(key, expected.revision, { value: Buffer.concat([Buffer.of(WHOLE), bytes]) });
      }
      const before = await this.#entry(key);
      // It would be in vain, and much.
      if ((before?.modRevision ?? 0) !== expected.revision) return this.#conflict(key);
      const pointer = pointerTo(bytes, this.#options.clock.nowMs());
      const firstRevision = await this.#writeParts(key, pointer, bytes);
      await this.#clearAbandoned(key, [pointer.id, (before && readPointer(before))?.id]);
      return this.#swap(key, expected.revision, {
        value: Buffer.concat([Buffer.of(POINTER), Buffer.from(JSON.stringify(pointer))]),
        // Somebody may have taken us for dead.
        parts: { kind: "revision", key: partKey(key, pointer.id, 0), modRevision: firstRevision },
        replaced: before && readPointer(before),
      });
    });
  }

  delete(key: string, expected: { readonly revision: number }): Promise<WriteOutcome> {
    return this.#told("write", key, async () => {
      const before = await this.#entry(key);
      return this.#swap(key, expected.revision, { replaced: before && readPointer(before) });
    });
  }

  watch(prefix: string, told: (change: StateChange) => void, onReached?: () => void): StateWatch {
    let tail: Promise<void> = Promise.resolve();
    let isClosed = false;
    let reached = 0;
    const follower = new PrefixFollower({
      ...this.#options,
      prefix: keyOf(prefix),
      follower: {
        changed: (entries, { keys }) => {
          const changed = keys.map((key) => ({ key: key.slice(keyOf("").length), entry: entries.get(key) }));
          tail = tail.then(async () => {
            for (const { key, entry } of changed) {
              const change = await this.#changeOf(key, entry);
              if (change !== undefined && !isClosed) told(change);
            }
          });
        },
        // What has been told up to here is all of it only when what was read behind it is told as well.
        reached: (revision) => {
          tail = tail.then(() => {
            reached = Math.max(reached, revision);
            if (!isClosed) onReached?.();
          });
        },
        // Whoever needs to know how it stands with etcd follows it elsewhere.
        contact: () => undefined,
      },
    });
    return {
      get reached() {
        return new Map([[keyOf(prefix), reached]]);
      },
      lookAgain: async () => {
        await follower.lookAgain();
        await tail;
      },
      close: () => {
        isClosed = true;
        follower.close();
      },
    };
  }

  /** A document whose parts are gone already has been replaced, and the next change tells of that. */
  async #changeOf(key: string, entry: Entry | undefined): Promise<StateChange | undefined> {
    if (entry === undefined) return { kind: "delete", key };
    try {
      const document = await this.#resolve(key, entry);
      return document && { kind: "put", document };
    } catch {
      return undefined;
    }
  }

  /** A condition that never holds makes a transaction read one key. */
  async #entry(key: string): Promise<Entry | undefined> {
    const never: Condition = { kind: "revision", key: keyOf(key), modRevision: -1 };
    const outcome = await this.#options.etcd.transact([never], []);
    return outcome.ok ? undefined : outcome.current.get(keyOf(key));
  }

  /** Undefined when its parts are not there any more. */
  async #resolve(key: string, entry: Entry): Promise<StateDocument | undefined> {
    const { value, modRevision: revision } = entry;
    if (value[0] === WHOLE) return { key, bytes: value.subarray(1), revision };
    const pointer = readPointer(entry);
    if (pointer === undefined) throw new FairwayError("STATE_UNREADABLE", `${key} in etcd was written by no Fairway`);
    const { entries } = await this.#options.etcd.list(partsPrefix(key, pointer.id));
    const bytes = Buffer.concat(entries.map((part) => part.value));
    return entries.length === pointer.partsCount && sha256(bytes) === pointer.sha256
      ? { key, bytes, revision }
      : undefined;
  }

  async #writeParts(key: string, { id, partsCount }: Pointer, bytes: Uint8Array): Promise<number> {
    let firstRevision = 0;
    for (let part = 0; part < partsCount; part += 1) {
      const value = bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES);
      const { revision } = await this.#options.etcd.transact([], [{ kind: "put", key: partKey(key, id, part), value }]);
      if (part === 0) firstRevision = revision;
    }
    return firstRevision;
  }

  /** One transaction: the key as it is to be, without what it pointed to before. */
  async #swap(
    key: string,
    expected: number,
    next: {
      readonly value?: Uint8Array;
      readonly parts?: Condition;
      readonly replaced?: Pointer | undefined;
    },
  ): Promise<WriteOutcome> {
    const { value, parts, replaced } = next;
    const mine: Condition = { kind: "revision", key: keyOf(key), modRevision: expected };
    const write: Write =
      value === undefined ? { kind: "delete", key: keyOf(key) } : { kind: "put", key: keyOf(key), value };
    const cleared = replaced === undefined ? [] : clearing(key, replaced);
    const outcome = await this.#options.etcd.transact(parts === undefined ? [mine] : [mine, parts], [
      write,
      ...cleared,
    ]);
    if (outcome.ok) return { kind: "written", revision: outcome.revision };
    const entry = outcome.current.get(keyOf(key));
    if ((entry?.modRevision ?? 0) === expected) {
      throw new FairwayError("STATE_UNWRITABLE", `${key} took too long to write to etcd; nothing of it is in force`);
    }
    return entry?.value[0] === WHOLE
      ? { kind: "conflict", current: { key, bytes: entry.value.subarray(1), revision: entry.modRevision } }
      : this.#conflict(key);
  }

  async #conflict(key: string): Promise<WriteOutcome> {
    return { kind: "conflict", current: await this.get(key) };
  }

  /** What writers that died have left under this key. */
  async #clearAbandoned(key: string, used: readonly (string | undefined)[]): Promise<void> {
    const { entries } = await this.#options.etcd.list(partsPrefix(key));
    const beforeMs = this.#options.clock.nowMs() - ABANDONED_MS;
    for (const entry of entries) {
      const id = entry.key.slice(partsPrefix(key).length).split("/")[0] ?? "";
      if (used.includes(id) || Number(id.split("-")[0]) > beforeMs) continue;
      await this.#options.etcd.transact([], [{ kind: "delete", key: entry.key }]);
    }
  }

  /** What etcd says, as a failure of the state. */
  async #told<T>(doing: "read" | "write", key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (!(cause instanceof EtcdError)) throw cause;
      const code = doing === "read" ? "STATE_UNREADABLE" : "STATE_UNWRITABLE";
      const isUnsure = cause.kind === "unavailable" || cause.kind === "untrusted";
      const doubt = doing === "write" && isUnsure ? "; it may have been written all the same" : "";
      throw new FairwayError(
        code,
        `${key} cannot be ${doing === "read" ? "read" : "written"}: ${cause.message}${doubt}`,
        {
          cause,
        },
      );
    }
  }
}

function keyOf(key: string): string {
  return `${ROOT}documents/${key}`;
}

/** A slash in the key must not lead to the parts of another. */
function partsPrefix(key: string, id?: string): string {
  const ofKey = `${ROOT}parts/${encodeURIComponent(key)}/`;
  return id === undefined ? ofKey : `${ofKey}${id}/`;
}

function partKey(key: string, id: string, part: number): string {
  return `${partsPrefix(key, id)}${String(part).padStart(4, "0")}`;
}

function clearing(key: string, { id, partsCount }: Pointer): readonly Write[] {
  return Array.from({ length: partsCount }, (_, part) => ({ kind: "delete", key: partKey(key, id, part) }));
}

/** The id begins with the time, so that what is abandoned can be told. */
function pointerTo(bytes: Uint8Array, nowMs: number): Pointer {
  const partsCount = Math.ceil(bytes.byteLength / PART_BYTES);
  return { id: `${Math.floor(nowMs)}-${randomUUID()}`, partsCount, sha256: sha256(bytes) };
}

/** 64 parts are the most that a document may have, and etcd takes 128 operations at once. */
const pointerSchema = z.object({ id: z.string(), partsCount: z.int().min(1).max(64), sha256: z.string() });

function readPointer({ value }: Entry): Pointer | undefined {
  if (value[0] !== POINTER) return undefined;
  try {
    const read = pointerSchema.safeParse(JSON.parse(Buffer.from(value.subarray(1)).toString("utf8")));
    return read.success ? read.data : undefined;
  } catch {
    return undefined;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
