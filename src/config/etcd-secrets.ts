/**
 * The keys of etcd that secrets name: all of them are followed at once, and each reader sees those that it asks for.
 *
 * The prefix is followed from when the first key is named, and for as long as any is. Readers come and go with the config,
 * so what is known is kept here and not in them: while etcd does not answer, a reader that is new has what was read last.
 * What was changed in one transaction comes as one state. No value is in a sentence, only its key.
 */
import type { Entry, EtcdPort } from "../etcd/etcd-port.ts";
import type { Contact, FollowedChange, FollowTimes } from "../etcd/follow-prefix.ts";
import { PrefixFollower } from "../etcd/follow-prefix.ts";
import type { Positions } from "../etcd/positions.ts";
import type { Clock } from "../support/clock.ts";
import { contentHash } from "../support/hash.ts";
import { placeOfPath, SECRETS_PREFIX, secretKeyOf } from "./etcd-secret-keys.ts";
import { defaultLimits } from "./limits.ts";
import type { Document, Source, SourceProblem, SourceState } from "./source.ts";

/** The first state waits for etcd; when it does not answer in time, the state says so. */
const FIRST_WAIT_MS = 5_000;

/** That of a file that config names. */
export const VALUE_BYTES_MAX = 1024 * 1024;

export interface EtcdSecretsOptions {
  readonly etcd: EtcdPort;
  readonly clock: Clock;
  readonly random: () => number;
  readonly times?: Partial<FollowTimes>;
  readonly firstWaitMs?: number;
  /** Undefined when the prefix is followed no more. */
  readonly onContact: (prefix: string, contact: Contact | undefined) => void;
  /** `reached` has grown. */
  readonly onReached?: () => void;
}

/** What came of reading keys; each is among the documents or the problems, by the path that was asked for. */
export interface ReadKeys {
  readonly documents: readonly Document[];
  readonly problems: readonly SourceProblem[];
}

/** What follows the keys; `close` ends it. */
export class EtcdSecrets {
  readonly #options: EtcdSecretsOptions;
  readonly #readers = new Set<KeysSource>();
  #follower: PrefixFollower | undefined;
  #entries: ReadonlyMap<string, Entry> | undefined;
  #reason = "etcd has not answered yet";
  #isClosed = false;

  constructor(options: EtcdSecretsOptions) {
    this.#options = options;
  }

  /** Up to here everything was told; nothing while no key is named. */
  get reached(): Positions {
    if (this.#follower === undefined) return new Map();
    return new Map([[SECRETS_PREFIX, this.#entries === undefined ? 0 : this.#follower.revision]]);
  }

  /** Lists what is there once more. */
  async lookAgain(): Promise<void> {
    await this.#follower?.lookAgain();
  }

  /** From now on these keys and no others; the source before is closed already. Starts with what is known, if anything is. */
  open(paths: readonly string[]): Source {
    return new KeysSource(paths, {
      clock: this.#options.clock,
      firstWaitMs: this.#options.firstWaitMs ?? FIRST_WAIT_MS,
      read: () => this.#read(paths),
      joined: (source) => {
        this.#readers.add(source);
        if (!this.#isClosed) this.#follower ??= this.#follow();
        return this.#entries;
      },
      left: (source) => this.#readers.delete(source),
    });
  }

  /** Whoever has opened a source for other keys, or none, has said what is needed. */
  settle(): void {
    if (this.#readers.size > 0 || this.#follower === undefined) return;
    this.#follower.close();
    this.#follower = undefined;
    this.#entries = undefined;
    this.#options.onContact(SECRETS_PREFIX, undefined);
  }

  close(): void {
    this.#isClosed = true;
    this.#follower?.close();
  }

  #follow(): PrefixFollower {
    const { etcd, clock, random, times } = this.#options;
    return new PrefixFollower({
      etcd,
      prefix: SECRETS_PREFIX,
      clock,
      random,
      ...(times === undefined ? {} : { times }),
      follower: {
        changed: (entries, change) => {
          this.#entries = entries;
          for (const reader of this.#readers) reader.take(entries, change);
        },
        reached: () => this.#options.onReached?.(),
        contact: (contact) => {
          if (contact.kind === "behind") this.#reason = contact.reason;
          this.#options.onContact(SECRETS_PREFIX, contact);
        },
      },
    });
  }

  #read(paths: readonly string[]): ReadKeys {
    return this.#entries === undefined
      ? { documents: [], problems: paths.map((path) => unreadKey(path, this.#reason)) }
      : readKeys(paths, this.#entries);
  }
}

/** What the keys hold. */
export function readKeys(paths: readonly string[], entries: ReadonlyMap<string, Entry>): ReadKeys {
  const documents: Document[] = [];
  const problems: SourceProblem[] = [];
  let bytes = 0;
  for (const path of paths) {
    const entry = entries.get(secretKeyOf(path) ?? "");
    bytes += entry?.value.byteLength ?? 0;
    if (entry === undefined) problems.push(missingKey(path));
    else if (entry.value.byteLength > VALUE_BYTES_MAX) problems.push(largeKey(path, entry.value.byteLength));
    else if (bytes > defaultLimits.totalBytesMax) problems.push(tooManyBytes(path));
    else documents.push({ path, bytes: entry.value, hash: contentHash([entry.value]) });
  }
  return { documents, problems };
}

/** A source without anything, for a Fairway that was started without an etcd. */
export function keysWithoutEtcd(paths: readonly string[], clock: Clock): Source {
  const hint = "start it with --etcd http://HOST:2379, or write `file` and put it into one";
  const problems = paths.map((path): SourceProblem => {
    const message = `${placeOfPath(path)} is in etcd, and Fairway was started without one`;
    return { code: "etcd-missing", path, message, hint };
  });
  return {
    start: (listener) => {
      listener({ revision: 1, documents: [], problems, noticedAtMs: clock.monotonicMs(), cause: "start" });
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

interface KeysPorts {
  readonly clock: Clock;
  readonly firstWaitMs: number;
  read(): ReadKeys;
  /** Returns what is known. */
  joined(source: KeysSource): ReadonlyMap<string, Entry> | undefined;
  left(source: KeysSource): void;
}

/** Some of the keys as a source. */
class KeysSource implements Source {
  readonly #ports: KeysPorts;
  readonly #keys: ReadonlySet<string>;
  readonly #first = Promise.withResolvers<void>();
  #listener: ((state: SourceState) => void) | undefined;
  #isListed = false;
  #revision = 0;
  /** Of the last change of one of the keys; see `Progress`. */
  #changedRevision = 0;

  constructor(paths: readonly string[], ports: KeysPorts) {
    this.#keys = new Set(paths.map((path) => secretKeyOf(path) ?? ""));
    this.#ports = ports;
  }

  /** Resolves with the first state told, which may be that etcd does not answer. */
  async start(listener: (state: SourceState) => void): Promise<void> {
    this.#listener = listener;
    const known = this.#ports.joined(this);
    if (known !== undefined) this.#tellFirst(known);
    else {
      const timer = setTimeout(() => {
        if (!this.#isListed) this.#tell("start");
        this.#first.resolve();
      }, this.#ports.firstWaitMs);
      await this.#first.promise;
      clearTimeout(timer);
    }
  }

  take(entries: ReadonlyMap<string, Entry>, { keys, revision }: FollowedChange): void {
    if (!this.#isListed) {
      this.#tellFirst(entries);
      return;
    }
    const changed = keys.filter((key) => this.#keys.has(key)).toSorted();
    const [first] = changed;
    if (first === undefined) return;
    this.#changedRevision = Math.max(this.#changedRevision, revision);
    this.#tell(changed.length === 1 ? `etcd:${first}` : `etcd:${first} and ${changed.length - 1} more`);
  }

  close(): Promise<void> {
    this.#listener = undefined;
    this.#ports.left(this);
    this.#first.resolve();
    return Promise.resolve();
  }

  #tellFirst(entries: ReadonlyMap<string, Entry>): void {
    const cause = this.#revision === 0 ? "start" : `etcd:${SECRETS_PREFIX}`;
    this.#isListed = true;
    for (const key of this.#keys) {
      this.#changedRevision = Math.max(this.#changedRevision, entries.get(key)?.modRevision ?? 0);
    }
    this.#tell(cause);
    this.#first.resolve();
  }

  #tell(cause: string): void {
    this.#revision += 1;
    this.#listener?.({
      revision: this.#revision,
      ...this.#ports.read(),
      noticedAtMs: this.#ports.clock.monotonicMs(),
      cause,
      etcd: new Map([[SECRETS_PREFIX, this.#changedRevision]]),
    });
  }
}

/** A key of which etcd has said nothing. */
export function unreadKey(path: string, reason: string): SourceProblem {
  const hint = "what was served last stays; it goes on by itself when etcd answers";
  return { code: "etcd-unreachable", path, message: `${placeOfPath(path)} was not read: ${reason}`, hint };
}

function missingKey(path: string): SourceProblem {
  const hint = `put it there: \`fairway put-secret ${secretKeyOf(path)?.slice(SECRETS_PREFIX.length) ?? ""}=FILE\``;
  return { code: "secret-missing", path, message: `there is no key ${placeOfPath(path)}`, hint };
}

function largeKey(path: string, bytes: number): SourceProblem {
  const message = `${placeOfPath(path)} has ${bytes} bytes; at most ${VALUE_BYTES_MAX} are read from one key`;
  return { code: "source-too-large", path, message };
}

function tooManyBytes(path: string): SourceProblem {
  const message = `${placeOfPath(path)} and the keys before it have more than ${defaultLimits.totalBytesMax} bytes together`;
  return { code: "source-too-large", path, message };
}
