/**
 * Who has confirmed what of the changes that the guard held, and what follows from it.
 *
 * Where there is etcd a confirmation is written there before anything is released, so that one that was given on any
 * replica lets all of them go on, also those that see the content later. Who cannot write it releases nothing, unless
 * that replica alone is meant.
 */
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import type { AskedConfirmation, NotConfirmed } from "../admin/admin-views.ts";
import type { Confirmation } from "../snapshot/confirmation.ts";
import { addConfirmation, confirmationInForce, confirmationOf, spendConfirmation } from "../snapshot/confirmation.ts";
import type { Publication } from "../snapshot/publication.ts";
import type { GroupName } from "../snapshot/snapshot.ts";
import type { StateStore, StateWatch } from "../store/state-store.ts";
import { updateState } from "../store/state-store.ts";
import type { Clock } from "../support/clock.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";

const KEY = "confirmations";

/** Who confirms waits for it; an etcd that is well needs milliseconds. */
const WRITE_MS_MAX = 5_000;

/** What is spent is known here at once; the others are told when etcd is back. */
const RETRY_MS = 1_000;

export interface ConfirmationsOptions {
  /** What replicas share; absent where there is one only. */
  readonly store: StateStore | undefined;
  readonly clock: Clock;
  readonly replica: string;
  publication(): Publication;
  /** Resolves when what is held and meant is served. */
  release(confirmation: Confirmation): Promise<void>;
}

/** Starts at once; `close` ends it. */
export class Confirmations {
  readonly #options: ConfirmationsOptions;
  readonly #watch: StateWatch | undefined;
  /** Newest first: those in etcd. */
  #shared: readonly Confirmation[] = [];
  /** Newest first: those that were given here and for this replica only. */
  #own: readonly Confirmation[] = [];
  /** By group, the confirmations of what is served to it. */
  readonly #ofServed = new Map<GroupName, Confirmation>();
  #spending: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: ConfirmationsOptions) {
    this.#options = options;
    this.#watch = options.store?.watch(KEY, (change) => {
      this.#shared = change.kind === "put" ? readConfirmations(change.document.bytes) : [];
      this.decided();
    });
  }

  /** Releases every held change of that version; the groups that it was released for. */
  async give(asked: AskedConfirmation): Promise<Result<readonly GroupName[], NotConfirmed>> {
    const { clock, replica, store } = this.#options;
    const held = [...this.#options.publication().held].map(
      ([
        group,
        {
          snapshot: { version },
        },
      ]) => ({ group, version }),
    );
    const groups = held.filter(({ version }) => version === asked.version).map(({ group }) => group);
    if (groups.length === 0) return err({ kind: "not-held", held });
    const { version, actor, reason, isLocal } = asked;
    const confirmation = { version, groups, spent: [], actor, reason, replica, atMs: clock.nowMs() };
    if (store === undefined || isLocal) this.#own = addConfirmation(this.#own, confirmation);
    else {
      const failure = await this.#write((all) => addConfirmation(all, confirmation));
      if (failure !== undefined) return err({ kind: "unavailable", message: failure });
    }
    await this.#options.release(confirmation);
    return ok(groups);
  }

  /** Who has confirmed this, for people. */
  of(group: GroupName, version: string): Confirmation | undefined {
    const all = [...this.#own, ...this.#shared].toSorted((a, b) => b.atMs - a.atMs);
    return confirmationOf(all, { group, version });
  }

  /** What is served or held may be something else than before. */
  decided(): void {
    const { served, held } = this.#options.publication();
    for (const [group, { version }] of served) {
      const before = this.#ofServed.get(group);
      if (before !== undefined && before.version !== version) {
        this.#ofServed.delete(group);
        this.#spend(group, before);
      }
      const now = this.#inForce(group, version);
      if (now !== undefined) this.#ofServed.set(group, now);
    }
    for (const [group, { snapshot }] of held) {
      const found = this.#inForce(group, snapshot.version);
      if (found !== undefined) void this.#options.release(found);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#watch?.close();
  }

  #inForce(group: GroupName, version: string): Confirmation | undefined {
    return confirmationInForce([...this.#own, ...this.#shared], { group, version }, this.#options.clock.nowMs());
  }

  /** Here at once, and for all when etcd takes it. */
  #spend(group: GroupName, { version, atMs }: Confirmation): void {
    const spend = (all: readonly Confirmation[]) => spendConfirmation(all, { group, version, atMs });
    this.#own = spend(this.#own);
    this.#shared = spend(this.#shared);
    if (this.#options.store === undefined) return;
    this.#spending = this.#spending.then(async () => {
      while (!this.#isClosed && (await this.#write(spend)) !== undefined) await pause(RETRY_MS);
    });
  }

  /** Changes what is in etcd; why it could not, when it could not. */
  async #write(change: (all: readonly Confirmation[]) => readonly Confirmation[]): Promise<string | undefined> {
    const { store } = this.#options;
    if (store === undefined) return undefined;
    const { promise: late, resolve } = Promise.withResolvers<string>();
    const doubt = "etcd does not answer in time; it may have been written all the same";
    const timer = setTimeout(() => resolve(doubt), WRITE_MS_MAX);
    const written = updateState(
      store,
      KEY,
      (current) => {
        const before = current === undefined ? [] : readConfirmations(current.bytes);
        const after = change(before);
        return after === before ? undefined : Buffer.from(JSON.stringify(after));
      },
      Math.random,
    ).then(
      () => undefined,
      (cause: unknown) => (cause instanceof Error ? cause.message : String(cause)),
    );
    const failure = await Promise.race([written, late]);
    clearTimeout(timer);
    return failure;
  }
}

/** A newer Fairway may say more. */
const confirmationsSchema = z.array(
  z.object({
    version: z.string(),
    groups: z.array(z.string()),
    spent: z.array(z.string()),
    actor: z.string(),
    reason: z.string().optional(),
    replica: z.string(),
    atMs: z.number(),
  }),
);

/** What cannot be read confirms nothing. */
function readConfirmations(bytes: Uint8Array): readonly Confirmation[] {
  try {
    return confirmationsSchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch {
    return [];
  }
}
