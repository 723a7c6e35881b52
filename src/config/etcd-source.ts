/**
 * Config documents from etcd: the keys below `/fairway/config/`, followed.
 *
 * Each is a document as a file would be, and what changed in one transaction comes as one state. While etcd does not
 * answer, or somebody's push is half done, what was read last stays.
 */
import type { Entry, EtcdPort } from "../etcd/etcd-port.ts";
import type { Contact, FollowedChange, FollowTimes } from "../etcd/follow-prefix.ts";
import type { Positions } from "../etcd/positions.ts";
import { PrefixFollower } from "../etcd/follow-prefix.ts";
import type { Clock } from "../support/clock.ts";
import { contentHash } from "../support/hash.ts";
import type { PushMark } from "./etcd-documents.ts";
import { CONFIG_PREFIX, PUSH_MARK, placeOfKey, pushMarkText, readPushMark } from "./etcd-documents.ts";
import { isDocumentName } from "./file-names.ts";
import { defaultLimits } from "./limits.ts";
import type { Document, Source, SourceProblem, SourceState } from "./source.ts";
import { tooLargeInAll, tooManyFiles } from "./source-problems.ts";

/** The first state waits for etcd; when it does not answer in time, the state says so. */
const FIRST_WAIT_MS = 5_000;

/** A push that is alive is over sooner: it writes a hundred documents in some milliseconds. */
const UNFINISHED_AFTER_MS = 5_000;

export interface EtcdSourceOptions {
  readonly etcd: EtcdPort;
  readonly clock: Clock;
  readonly random: () => number;
  readonly times?: Partial<FollowTimes>;
  readonly onContact: (prefix: string, contact: Contact) => void;
  /** A push has been half done for so long that it has died, or undefined when that is over. */
  readonly onUnfinishedPush?: (push: PushMark | undefined) => void;
  readonly unfinishedAfterMs?: number;
  /** There is no other config, so that none here means that the first push is still to come. */
  readonly isAlone?: boolean;
  /** `reached` may have grown. */
  readonly onReached?: () => void;
}

export class EtcdSource implements Source {
  readonly #options: EtcdSourceOptions;
  #follower: PrefixFollower | undefined;
  /** By key: what did not change stays the same object. */
  readonly #documents = new Map<string, Document>();
  #revision = 0;
  #reason = "etcd has not answered yet";
  /** See `Progress`. */
  #changedRevision = 0;
  #reachedRevision = 0;
  /** Somebody's push is half done, and is not taken over. */
  #mark: Entry | undefined;
  #markTimer: NodeJS.Timeout | undefined;
  /** People know that a push is unfinished. */
  #isTold = false;
  #isClosed = false;

  constructor(options: EtcdSourceOptions) {
    this.#options = options;
  }

  /** Of what was told last; see `Progress`. */
  get reached(): Positions {
    return new Map([[CONFIG_PREFIX, this.#reachedRevision]]);
  }

  /** Lists what is there once more. */
  async lookAgain(): Promise<void> {
    await this.#follower?.lookAgain();
  }

  /** Resolves with the first state told, which may be that etcd does not answer. */
  async start(listener: (state: SourceState) => void): Promise<void> {
    const { etcd, clock, random, times, onContact } = this.#options;
    const { promise: first, resolve: told } = Promise.withResolvers<void>();
    let isListed = false;
    this.#follower = new PrefixFollower({
      etcd,
      prefix: CONFIG_PREFIX,
      clock,
      random,
      ...(times === undefined ? {} : { times }),
      follower: {
        changed: (entries, change) => {
          isListed = true;
          if (!this.#isClosed) this.#take(entries, change, listener);
          told();
        },
        reached: (revision) => {
          if (this.#mark !== undefined) return;
          this.#reachedRevision = Math.max(this.#reachedRevision, revision);
          this.#options.onReached?.();
        },
        contact: (contact) => {
          if (contact.kind === "behind") this.#reason = contact.reason;
          onContact(CONFIG_PREFIX, contact);
        },
      },
    });
    const timer = setTimeout(() => {
      if (!isListed && !this.#isClosed) listener(this.#state([this.#unreachable()], "start"));
      told();
    }, FIRST_WAIT_MS);
    await first;
    clearTimeout(timer);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#markTimer);
    this.#follower?.close();
    return Promise.resolve();
  }

  #take(entries: ReadonlyMap<string, Entry>, change: FollowedChange, listener: (state: SourceState) => void): void {
    const { revision } = change;
    const mark = entries.get(PUSH_MARK);
    this.#followMark(mark);
    if (mark !== undefined) {
      if (this.#revision === 0) listener(this.#state([unfinishedPush(mark)], "start"));
      return;
    }
    const isFirst = this.#revision === 0;
    const changed = this.#replace(entries);
    this.#changedRevision = revision;
    this.#reachedRevision = Math.max(this.#reachedRevision, revision);
    const isAwaited = isFirst && this.#options.isAlone === true && this.#documents.size === 0;
    const problems = isAwaited ? [nothingPushed()] : problemsOf(this.#documents);
    listener(this.#state(problems, isFirst ? "start" : causeOf(changed)));
  }

  /** Each push has a mark of its own, which gets as much time. */
  #followMark(mark: Entry | undefined): void {
    if (this.#mark?.modRevision === mark?.modRevision) return;
    this.#mark = mark;
    clearTimeout(this.#markTimer);
    const { onUnfinishedPush, unfinishedAfterMs = UNFINISHED_AFTER_MS } = this.#options;
    if (mark === undefined) {
      if (this.#isTold) onUnfinishedPush?.(undefined);
      this.#isTold = false;
      return;
    }
    this.#markTimer = setTimeout(() => {
      this.#isTold = true;
      onUnfinishedPush?.(readPushMark(mark.value));
    }, unfinishedAfterMs);
    this.#markTimer.unref();
  }

  /** The keys of the documents that are others than before, came or went. */
  #replace(entries: ReadonlyMap<string, Entry>): readonly string[] {
    const changed = [...this.#documents.keys()].filter((key) => !entries.has(key));
    for (const key of changed) this.#documents.delete(key);
    for (const [key, { value, modRevision }] of entries) {
      const path = placeOfKey(key, modRevision);
      if (!isDocumentName(nameOf(key)) || this.#documents.get(key)?.path === path) continue;
      this.#documents.set(key, { path, bytes: value, hash: contentHash([value]) });
      changed.push(key);
    }
    return changed.toSorted();
  }

  #state(problems: readonly SourceProblem[], cause: string): SourceState {
    this.#revision += 1;
    const documents = [...this.#documents.values()].toSorted((left, right) => (left.path < right.path ? -1 : 1));
    return {
      revision: this.#revision,
      documents,
      problems,
      noticedAtMs: this.#options.clock.monotonicMs(),
      cause,
      etcd: new Map([[CONFIG_PREFIX, this.#changedRevision]]),
    };
  }

  #unreachable(): SourceProblem {
    const hint = "what was served last stays; it goes on by itself when etcd answers";
    return { code: "etcd-unreachable", path: `etcd:${CONFIG_PREFIX}`, message: this.#reason, hint };
  }
}

function nothingPushed(): SourceProblem {
  const message = "nothing has been pushed yet";
  const hint = "run `fairway push DIR --etcd …`; it is taken over at once";
  return { code: "etcd-empty", path: `etcd:${CONFIG_PREFIX}`, message, hint };
}

function unfinishedPush(mark: Entry): SourceProblem {
  const message = `a push is not finished (${pushMarkText(readPushMark(mark.value))})`;
  const hint = "run `fairway push` again: it begins anew and ends in a whole state";
  return { code: "etcd-push-unfinished", path: placeOfKey(mark.key, mark.modRevision), message, hint };
}

/** Nothing has changed when what was written before a push is written again, or what is no document. */
function causeOf([first, ...more]: readonly string[]): string {
  if (first === undefined) return `etcd:${CONFIG_PREFIX}`;
  return more.length === 0 ? `etcd:${first}` : `etcd:${first} and ${more.length} more`;
}

/** The bounds are those of files; etcd itself takes 1.5 MiB a key. */
function problemsOf(documents: ReadonlyMap<string, Document>): readonly SourceProblem[] {
  const at = `etcd:${CONFIG_PREFIX}`;
  const { filesMax, totalBytesMax } = defaultLimits;
  if (documents.size > filesMax) return [tooManyFiles(at, filesMax)];
  const bytes = [...documents.values()].reduce((sum, document) => sum + document.bytes.byteLength, 0);
  return bytes > totalBytesMax ? [tooLargeInAll(at, BigInt(bytes), totalBytesMax)] : [];
}

function nameOf(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}
