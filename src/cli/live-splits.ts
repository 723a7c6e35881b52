/**
 * The weights that were set, as everybody who shares the state has them: read, followed, changed, and taken back when
 * their lease ends.
 *
 * What a file says of a split (its backends, limits, and what becomes of an expired lease) comes from the newest build.
 */
import type { Positions } from "../etcd/positions.ts";
import type { Split, SplitWatch } from "../model/intent-split.ts";
import type { LiveWeights } from "../model/live-weights.ts";
import type { AskedWeights, NotChanged } from "../rollout/change-split.ts";
import { changeSplit, expireLease, liveOf } from "../rollout/change-split.ts";
import { withoutLeftWeights } from "../rollout/left-weights.ts";
import type { RolloutRecord } from "../rollout/rollout-record.ts";
import type { SplitChange, SplitDocument } from "../rollout/split-document.ts";
import type { EtcdInput } from "./replica-standing.ts";
import { readSplitDocument, untouchedSplit, writeSplitDocument } from "../rollout/split-document.ts";
import type { StateDocument, StateStore, StateWatch } from "../store/state-store.ts";
import type { Clock } from "../support/clock.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import { sameContent } from "../support/same-content.ts";
import { WallDeadlines } from "../support/wall-deadlines.ts";

const PREFIX = "splits/";

/** While the state cannot be read or written it is tried again this often. */
const RETRY_MS = 1_000;

/** A timer that is longer fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export interface LiveSplitsOptions {
  readonly store: StateStore;
  readonly clock: Clock;
  /** From 0 to 1; replicas do not take back the same lease at the same moment. */
  readonly random: () => number;
  /** Something else is in force: build. */
  onChange(change: { readonly cause: string; readonly noticedAtMs: number }): void;
  /** Who has changed what; told where it was done. */
  onChanged(split: string, change: SplitChange): void;
  readonly onWarning: (text: string) => void;
  /** More is known, with or without a change. */
  readonly onReached: () => void;
}

/** A document and the revision of the store that it has. */
interface Kept {
  readonly document: SplitDocument;
  readonly revision: number;
  readonly live: LiveWeights;
}

/** `start` reads; `close` ends it. */
export class LiveSplits {
  readonly #options: LiveSplitsOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #leases: WallDeadlines;
  #watched: ReadonlyMap<string, SplitWatch> = new Map();
  /** Undefined before the first build: what becomes of a lease is not known yet. */
  #splits: readonly Split[] | undefined;
  #watch: StateWatch | undefined;
  #failure: string | undefined = "they have not been read yet";
  #lease: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: LiveSplitsOptions) {
    this.#options = options;
    this.#leases = new WallDeadlines(options.clock);
  }

  /** Reads what there is; when that cannot be read it goes on trying, and `failure` says why. */
  async start(): Promise<void> {
    try {
      const documents = await this.#options.store.list(PREFIX);
      if (this.#isClosed) return;
      for (const document of documents) this.#take(document);
      this.#failure = undefined;
    } catch (cause) {
      if (this.#isClosed) return;
      this.#failure = messageOf(cause);
      this.#retry = setTimeout(() => void this.start(), RETRY_MS);
      return;
    }
    this.#watch = this.#options.store.watch(
      PREFIX,
      (change) => {
        if (change.kind === "put") this.#hear(change.document);
      },
      () => this.#options.onReached(),
    );
    this.#schedule();
    // Whoever has not waited for so long has refused a config because of it.
    this.#tell("the weights of splits can be read");
  }

  /** Why it is not known what was set; undefined when it is. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** How far what is known has come, where others may be ahead. */
  get reached(): Positions {
    return this.#watch?.reached ?? new Map();
  }

  /** The last change that is in `live`; the same for all who have the same. */
  get changed(): Positions {
    const last = Math.max(0, ...[...this.#kept.values()].map(({ revision }) => revision));
    return new Map([...this.reached.keys()].map((key) => [key, last]));
  }

  async lookAgain(): Promise<void> {
    await this.#watch?.lookAgain();
  }

  /** What was set, by split, and which splits are watched. */
  get live(): readonly LiveWeights[] {
    const splits = new Set([...this.#kept.keys(), ...this.#watched.keys()]);
    return [...splits].map((split) => {
      const live = this.#kept.get(split)?.live ?? liveOf(split, untouchedSplit);
      const watch = this.#watched.get(split);
      return watch === undefined ? live : { ...live, watch };
    });
  }

  /** Those that rollouts move now: Envoys that can are asked to tell of requests to them. */
  watch(watched: ReadonlyMap<string, SplitWatch>): void {
    if (sameContent(Object.fromEntries(watched), Object.fromEntries(this.#watched))) return;
    this.#watched = new Map(watched);
    this.#tell("a rollout begins or ends");
  }

  /** What the files say now. */
  define(splits: readonly Split[]): void {
    this.#splits = splits;
    this.#schedule();
  }

  of(split: string): SplitDocument {
    return this.#kept.get(split)?.document ?? untouchedSplit;
  }

  /** Sets weights, or takes back what was set. */
  async change(name: string, asked: AskedWeights): Promise<Result<SplitDocument, NotChanged>> {
    const splits = this.#splits ?? [];
    const split = splits.find((each) => each.name === name);
    if (split === undefined) return err({ kind: "unknown-split", names: splits.map((each) => each.name) });
    if (this.#failure !== undefined) return err({ kind: "unavailable", message: this.#failure });
    const next = changeSplit(split, this.of(name), asked, this.#options.clock.nowMs());
    return next.ok ? this.#write(name, next.value) : next;
  }

  /** Takes back what a rollout has left that ended unjudged; the config need not have the split. */
  async takeBack(record: RolloutRecord): Promise<Result<undefined, NotChanged>> {
    const { split } = record.plan;
    const next = withoutLeftWeights(record, this.of(split), this.#options.clock.nowMs());
    if (next === undefined) return ok(undefined);
    const written = await this.#write(split, next);
    return written.ok ? ok(undefined) : written;
  }

  close(): void {
    this.#isClosed = true;
    this.#watch?.close();
    clearTimeout(this.#lease);
    clearTimeout(this.#retry);
  }

  async #write(name: string, next: SplitDocument): Promise<Result<SplitDocument, NotChanged>> {
    const key = `${PREFIX}${name}`;
    const bytes = writeSplitDocument(next);
    try {
      const revision = this.#kept.get(name)?.revision ?? 0;
      const outcome = await this.#options.store.put(key, bytes, { revision });
      if (outcome.kind === "conflict") {
        if (outcome.current !== undefined) this.#hear(outcome.current);
        return err({ kind: "conflict", current: this.of(name) });
      }
      const [change] = next.history;
      if (change !== undefined) this.#options.onChanged(name, change);
      this.#hear({ key, bytes, revision: outcome.revision });
      return ok(next);
    } catch (cause) {
      return err({ kind: "unavailable", message: messageOf(cause) });
    }
  }

  /** The document; whether it is another than before. */
  #take({ key, bytes, revision }: StateDocument): boolean {
    const split = key.slice(PREFIX.length);
    if ((this.#kept.get(split)?.revision ?? 0) >= revision) return false;
    const document = readSplitDocument(bytes);
    if (document === undefined) {
      this.#options.onWarning(`what is kept of the split ${split} cannot be read; its weights stay as they are`);
      return false;
    }
    this.#kept.set(split, { document, revision, live: liveOf(split, document) });
    return true;
  }

  #hear(document: StateDocument): void {
    if (this.#isClosed || !this.#take(document)) return;
    this.#schedule();
    this.#tell(`the weights of ${document.key.slice(PREFIX.length)}`);
  }

  #tell(cause: string): void {
    this.#options.onChange({ cause, noticedAtMs: this.#options.clock.monotonicMs() });
  }

  /** Looks again when the next lease ends. */
  #schedule(): void {
    clearTimeout(this.#lease);
    const lefts = [...this.#kept].flatMap(([name, { document }]) => this.#leaseLeftMs(name, document) ?? []);
    if (lefts.length === 0 || this.#splits === undefined || this.#isClosed) return;
    const waitMs = Math.max(0, Math.min(...lefts)) + this.#options.random() * RETRY_MS;
    this.#lease = setTimeout(() => void this.#expire(), Math.min(waitMs, TIMER_MS_MAX));
  }

  /** Undefined without a lease. */
  #leaseLeftMs(name: string, { leaseEndsAtMs }: SplitDocument): number | undefined {
    return leaseEndsAtMs === undefined ? undefined : this.#leases.leftMs(name, leaseEndsAtMs);
  }

  /** One that cannot be taken back now stays: what is served must not change by what nobody else knows. */
  async #expire(): Promise<void> {
    const nowMs = this.#options.clock.nowMs();
    let isInVain = false;
    for (const [name, { document }] of [...this.#kept]) {
      if ((this.#leaseLeftMs(name, document) ?? Infinity) > 0) continue;
      const split = this.#splits?.find((each) => each.name === name);
      const written = await this.#write(name, expireLease(split, document, nowMs));
      isInVain ||= !written.ok && written.error.kind === "unavailable";
    }
    if (this.#isClosed) return;
    if (isInVain) this.#lease = setTimeout(() => void this.#expire(), RETRY_MS);
    else this.#schedule();
  }
}

/** How far the weights have come; nothing while there are none. */
export function inputOfSplits(splits: () => Pick<LiveSplits, "reached" | "lookAgain"> | undefined): EtcdInput {
  return {
    get reached() {
      return splits()?.reached ?? new Map<string, number>();
    },
    lookAgain: async () => splits()?.lookAgain(),
  };
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
