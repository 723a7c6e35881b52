/**
 * The rollouts that are kept: the newest of each split, those before it, and locks, in the state that replicas share.
 */
import { readLock, readRollout, writeLock, writeRollout } from "../rollout/rollout-document.ts";
import type { RolloutLock, RolloutRecord } from "../rollout/rollout-record.ts";
import type { StoredRollout } from "../rollout/rollout-views.ts";
import type { StateChange, StateDocument, StateStore, StateWatch } from "../store/state-store.ts";

const NEWEST = "rollouts/";
const PAST = "past-rollouts/";
const LOCKS = "rollout-locks/";

/** Of a split. */
const PAST_MAX = 20;

/** One with a revision, and when this replica has heard of it. */
export interface HeardRollout extends StoredRollout {
  readonly heardAtMs: number;
}

interface KeptLock {
  readonly lock: RolloutLock;
  readonly revision: number;
}

export interface RolloutRecordsOptions {
  readonly store: StateStore;
  /** Monotonic. */
  readonly nowMs: () => number;
  readonly onWarning: (text: string) => void;
  /** A record is another than before, here or by another replica. */
  onChange(record: RolloutRecord): void;
  /** This replica has written it over the one before. */
  onWritten(before: RolloutRecord | undefined, record: RolloutRecord): void;
}

/** `start` reads; `close` ends it. */
export class RolloutRecords {
  readonly #options: RolloutRecordsOptions;
  readonly #newest = new Map<string, HeardRollout>();
  readonly #locks = new Map<string, KeptLock>();
  readonly #watches: StateWatch[] = [];

  constructor(options: RolloutRecordsOptions) {
    this.#options = options;
  }

  /** Throws when the state cannot be read. */
  async start(): Promise<void> {
    const { store } = this.#options;
    for (const document of await store.list(NEWEST)) this.#take(document);
    for (const document of await store.list(LOCKS)) this.#takeLock({ kind: "put", document });
    this.#watches.push(
      store.watch(NEWEST, (change) => {
        if (change.kind === "put") this.#take(change.document);
      }),
      store.watch(LOCKS, (change) => this.#takeLock(change)),
    );
  }

  close(): void {
    for (const watch of this.#watches) watch.close();
  }

  /** The newest of each split, sorted. */
  all(): readonly HeardRollout[] {
    return [...this.#newest].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, heard]) => heard);
  }

  newest(split: string): HeardRollout | undefined {
    return this.#newest.get(split);
  }

  lock(split: string): KeptLock | undefined {
    return this.#locks.get(split);
  }

  /** Newest first, without the newest of all. */
  async past(split: string): Promise<readonly RolloutRecord[]> {
    const documents = await this.#options.store.list(`${PAST}${split}/`);
    return documents
      .flatMap(({ bytes }) => readRollout(bytes) ?? [])
      .toSorted((a, b) => b.number - a.number)
      .slice(0, PAST_MAX);
  }

  /** What was started with this key, of whichever split. */
  async withKey(key: string): Promise<StoredRollout | undefined> {
    const all = this.all();
    const newest = all.find(({ record }) => record.idempotencyKey === key);
    if (newest !== undefined) return newest;
    // One split after another, because all of them may be much.
    for (const {
      record: { plan },
    } of all) {
      const record = (await this.past(plan.split)).find((each) => each.idempotencyKey === key);
      if (record !== undefined) return { record, revision: 0 };
    }
    return undefined;
  }

  /** All that others have written by now, whatever the watch has told so far. */
  async readAgain(): Promise<readonly HeardRollout[]> {
    for (const document of await this.#options.store.list(NEWEST)) this.#take(document);
    return this.all();
  }

  /** Replaces the document that has this revision; undefined when somebody else was first. */
  async put(record: RolloutRecord, revision: number): Promise<StoredRollout | undefined> {
    const key = `${NEWEST}${record.plan.split}`;
    const bytes = writeRollout(record);
    const before = this.#newest.get(record.plan.split)?.record;
    const outcome = await this.#options.store.put(key, bytes, { revision });
    if (outcome.kind === "conflict") {
      if (outcome.current !== undefined) this.#take(outcome.current);
      return undefined;
    }
    this.#take({ key, bytes, revision: outcome.revision });
    this.#options.onWritten(before, record);
    return { record, revision: outcome.revision };
  }

  /** Before a newer one takes its place; done twice it is done once. */
  async archive(record: RolloutRecord): Promise<void> {
    const { store } = this.#options;
    const { split } = record.plan;
    const prefix = `${PAST}${split}/`;
    await store.put(`${prefix}${String(record.number).padStart(9, "0")}`, writeRollout(record), { revision: 0 });
    const kept = await store.list(prefix);
    for (const { key, revision } of kept.slice(0, Math.max(0, kept.length - PAST_MAX))) {
      await store.delete(key, { revision });
    }
  }

  /** False when somebody else was first. */
  async putLock(split: string, lock: RolloutLock | undefined): Promise<boolean> {
    const { store } = this.#options;
    const key = `${LOCKS}${split}`;
    const revision = this.#locks.get(split)?.revision ?? 0;
    if (lock === undefined) {
      const gone = await store.delete(key, { revision });
      if (gone.kind === "written") this.#locks.delete(split);
      return gone.kind === "written";
    }
    const bytes = writeLock(lock);
    const outcome = await store.put(key, bytes, { revision });
    if (outcome.kind === "written") {
      this.#takeLock({ kind: "put", document: { key, bytes, revision: outcome.revision } });
      return true;
    }
    if (outcome.current === undefined) this.#locks.delete(split);
    else this.#takeLock({ kind: "put", document: outcome.current });
    return false;
  }

  #take({ key, bytes, revision }: StateDocument): void {
    const split = key.slice(NEWEST.length);
    if ((this.#newest.get(split)?.revision ?? 0) >= revision) return;
    const record = readRollout(bytes);
    if (record === undefined) {
      this.#options.onWarning(`what is kept of the rollout of ${split} cannot be read; nothing is done about it`);
      return;
    }
    this.#newest.set(split, { record, revision, heardAtMs: this.#options.nowMs() });
    this.#options.onChange(record);
  }

  #takeLock(change: StateChange): void {
    if (change.kind === "delete") {
      this.#locks.delete(change.key.slice(LOCKS.length));
      return;
    }
    const { key, bytes, revision } = change.document;
    const lock = readLock(bytes);
    if (lock !== undefined) this.#locks.set(key.slice(LOCKS.length), { lock, revision });
  }
}
