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
import { CONFIG_PREFIX, PUSH_MARK, placeOfKey } from "./etcd-documents.ts";
import { isDocumentName } from "./file-names.ts";
import { defaultLimits } from "./limits.ts";
import type { Document, Source, SourceProblem, SourceState } from "./source.ts";
import { tooLargeInAll, tooManyFiles } from "./source-problems.ts";

/** The first state waits for etcd; when it does not answer in time, the state says so. */
const FIRST_WAIT_MS = 5_000;

export interface EtcdSourceOptions {
  readonly etcd: EtcdPort;
  readonly clock: Clock;
  readonly random: () => number;
  readonly times?: Partial<FollowTimes>;
  readonly onContact: (prefix: string, contact: Contact) => void;
  /** For what deserves a line in the log and is no problem of the documents. */
  readonly onWarning: (text: string) => void;
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
  #isMarked = false;
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
          if (this.#isMarked) return;
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
    this.#follower?.close();
    return Promise.resolve();
  }

  #take(entries: ReadonlyMap<string, Entry>, change: FollowedChange, listener: (state: SourceState) => void): void {
    const { keys, revision } = change;
    const mark = entries.get(PUSH_MARK);
    this.#isMarked = mark !== undefined;
    if (mark !== undefined) {
      const who = Buffer.from(mark.value).toString("utf8").slice(0, 200);
      this.#options.onWarning(
        `${CONFIG_PREFIX} of etcd is being pushed to (${who}); until that is done it stays as it was`,
      );
      if (this.#revision === 0) listener(this.#state([unfinishedPush(mark, who)], "start"));
      return;
    }
    const isFirst = this.#revision === 0;
    this.#replace(entries);
    this.#changedRevision = revision;
    this.#reachedRevision = Math.max(this.#reachedRevision, revision);
    const [key] = keys;
    const named = keys.length === 1 && key !== undefined ? `etcd:${key}` : `${keys.length} keys of etcd`;
    listener(this.#state(problemsOf(this.#documents), isFirst ? "start" : named));
  }

  #replace(entries: ReadonlyMap<string, Entry>): void {
    for (const key of this.#documents.keys()) if (!entries.has(key)) this.#documents.delete(key);
    for (const [key, { value, modRevision }] of entries) {
      const path = placeOfKey(key, modRevision);
      if (!isDocumentName(nameOf(key)) || this.#documents.get(key)?.path === path) continue;
      this.#documents.set(key, { path, bytes: value, hash: contentHash([value]) });
    }
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

function unfinishedPush(mark: Entry, who: string): SourceProblem {
  const message = `a push is not finished (${who})`;
  const hint = "run `fairway push` again: it begins anew and ends in a whole state";
  return { code: "etcd-push-unfinished", path: placeOfKey(mark.key, mark.modRevision), message, hint };
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
