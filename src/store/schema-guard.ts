/**
 * One number for the form of all that Fairway writes into etcd, so that an older and a newer one may run side by side.
 *
 * It lies under one key, and every write below `/fairway/` has in its own transaction the condition that the key is as
 * it was read. A lower number, or none, is raised by the first thing that is written, in the same transaction. A higher
 * one means that a newer Fairway has written what this one does not know: it reads on and refuses to write, also when
 * the number was raised a moment ago. Nothing lowers it.
 */
import { z } from "zod";
import { EtcdError } from "../etcd/etcd-error.ts";
import type {
  Condition,
  Entry,
  EtcdPort,
  LeaseId,
  Listing,
  Outcome,
  Watch,
  WatchListener,
  Write,
} from "../etcd/etcd-port.ts";
import { PrefixFollower } from "../etcd/follow-prefix.ts";
import type { Clock } from "../support/clock.ts";

/** What only Fairway writes; the values of instances are for everybody and have no number. */
const GUARDED_PREFIX = "/fairway/";

/** Secrets have no form of Fairway's: any tool writes them, and who may write them need not be able to write more. */
const FREE_PREFIX = "/fairway/secrets/";

const SCHEMA_KEY = "/fairway/schema";

/**
 * What this Fairway writes. Raise it only when one that has the number before would read something wrongly, or write
 * over what must stay: replicas that are not updated yet write nothing from then on. Further fields are no reason.
 */
const SCHEMA = 1;

/** Between two tries somebody else must have written the key, which happens once in an update. */
const TRIES_MAX = 5;

/** What the key says, when that is more than this Fairway knows. */
export interface NewerSchema {
  /** Undefined when it is no number. */
  readonly stored: number | undefined;
  readonly own: number;
  /** Who wrote it. */
  readonly by: string;
}

export interface SchemaGuardOptions {
  readonly etcd: EtcdPort;
  /** Who writes, for people who look into etcd. */
  readonly by: string;
  /** It may no longer be written; undefined when it may again. */
  readonly onChange?: (newer: NewerSchema | undefined) => void;
}

interface Stored {
  readonly modRevision: number;
  readonly schema: number | undefined;
  readonly by: string;
}

/** Nobody has written anything. */
const nothing: Stored = { modRevision: 0, schema: 0, by: "" };

/** All of etcd, with writes that keep to the schema. */
export class SchemaGuard implements EtcdPort {
  readonly #options: SchemaGuardOptions;
  #stored: Stored = nothing;
  #follower: PrefixFollower | undefined;

  constructor(options: SchemaGuardOptions) {
    this.#options = options;
  }

  /** From now on a change is noticed also while nothing is written. */
  follow(by: { readonly clock: Clock; readonly random: () => number }): void {
    this.#follower = new PrefixFollower({
      etcd: this.#options.etcd,
      prefix: SCHEMA_KEY,
      ...by,
      follower: {
        changed: (entries) => this.#take(entries.get(SCHEMA_KEY)),
        // Whoever needs to know how it stands with etcd follows it elsewhere.
        contact: () => undefined,
      },
    });
  }

  async transact(conditions: readonly Condition[], writes: readonly Write[]): Promise<Outcome> {
    const { etcd, by } = this.#options;
    if (!writes.some(({ key }) => isGuarded(key))) return etcd.transact(conditions, writes);
    for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
      // It may have been taken back by hand.
      if (this.#newer !== undefined) this.#take(await this.#read());
      const newer = this.#newer;
      if (newer !== undefined) throw new EtcdError("newer", describeNewer(newer));
      const { modRevision, schema } = this.#stored;
      const value = Buffer.from(JSON.stringify({ schema: SCHEMA, by }));
      const raise: readonly Write[] = schema === SCHEMA ? [] : [{ kind: "put", key: SCHEMA_KEY, value }];
      const same: Condition = { kind: "revision", key: SCHEMA_KEY, modRevision };
      const outcome = await etcd.transact([...conditions, same], [...writes, ...raise]);
      if (outcome.ok) {
        if (raise.length > 0) this.#stored = { modRevision: outcome.revision, schema: SCHEMA, by };
        return outcome;
      }
      const entry = outcome.current.get(SCHEMA_KEY);
      if ((entry?.modRevision ?? 0) === modRevision) return without(outcome, SCHEMA_KEY);
      this.#take(entry);
    }
    throw new EtcdError("refused", `${SCHEMA_KEY} in etcd is written by others all the time`);
  }

  list(prefix: string): Promise<Listing> {
    return this.#options.etcd.list(prefix);
  }

  watch(prefix: string, fromRevision: number, listener: WatchListener): Watch {
    return this.#options.etcd.watch(prefix, fromRevision, listener);
  }

  grantLease(seconds: number): Promise<LeaseId> {
    return this.#options.etcd.grantLease(seconds);
  }

  keepAlive(leaseId: LeaseId): Promise<number> {
    return this.#options.etcd.keepAlive(leaseId);
  }

  revokeLease(leaseId: LeaseId): Promise<void> {
    return this.#options.etcd.revokeLease(leaseId);
  }

  close(): void {
    this.#follower?.close();
    this.#options.etcd.close();
  }

  get #newer(): NewerSchema | undefined {
    const { schema, by } = this.#stored;
    return schema !== undefined && schema <= SCHEMA ? undefined : { stored: schema, own: SCHEMA, by };
  }

  /** A condition that never holds makes a transaction read one key. */
  async #read(): Promise<Entry | undefined> {
    const never: Condition = { kind: "revision", key: SCHEMA_KEY, modRevision: -1 };
    const outcome = await this.#options.etcd.transact([never], []);
    return outcome.ok ? undefined : outcome.current.get(SCHEMA_KEY);
  }

  #take(entry: Entry | undefined): void {
    const before = this.#newer;
    this.#stored = entry === undefined ? nothing : readStored(entry);
    const now = this.#newer;
    if (before?.stored !== now?.stored || (before === undefined) !== (now === undefined)) {
      this.#options.onChange?.(now);
    }
  }
}

function isGuarded(key: string): boolean {
  return key.startsWith(GUARDED_PREFIX) && !key.startsWith(FREE_PREFIX);
}

/** For people: both numbers, what goes on all the same, and the way out. */
export function describeNewer({ stored, own, by }: NewerSchema): string {
  const what =
    stored === undefined
      ? `${SCHEMA_KEY} in etcd holds no schema number`
      : `etcd holds schema ${stored}${by === "" ? "" : ` (${by})`}`;
  const wayOut = stored === undefined ? "delete that key if no newer Fairway runs" : "update this one";
  return `${what}, and this Fairway writes schema ${own}: it reads on and writes nothing there; ${wayOut}`;
}

/** A newer Fairway may say more. */
const storedSchema = z.object({ schema: z.int().min(1), by: z.string().max(200).catch("") });

function readStored({ value, modRevision }: Entry): Stored {
  try {
    return { modRevision, ...storedSchema.parse(JSON.parse(Buffer.from(value).toString("utf8"))) };
  } catch {
    return { modRevision, schema: undefined, by: "" };
  }
}

function without(outcome: Outcome & { readonly ok: false }, key: string): Outcome {
  const current = new Map(outcome.current);
  current.delete(key);
  return { ...outcome, current };
}
