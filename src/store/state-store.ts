/**
 * Live state: documents by key, changed by compare-and-swap only.
 *
 * Whoever writes says which revision it has seen; when that is not the newest any more nothing is written, and it is told
 * what is there now. A write that fails with an error may have happened: read again. Nothing is queued.
 * `test/etcd/state-store.test.ts` holds both implementations to it, the directory and etcd.
 */
import { setTimeout as pause } from "node:timers/promises";
import { FairwayError } from "../support/fairway-error.ts";

export interface StateDocument {
  readonly key: string;
  readonly bytes: Uint8Array;
  /** Grows with every change of the key; never 0. */
  readonly revision: number;
}

/** What became of a write. */
export type WriteOutcome =
  | { readonly kind: "written"; readonly revision: number }
  /** Somebody else was first; undefined when the key is not there. */
  | { readonly kind: "conflict"; readonly current: StateDocument | undefined };

export type StateChange =
  | { readonly kind: "put"; readonly document: StateDocument }
  | { readonly kind: "delete"; readonly key: string };

export interface StateWatch {
  /** How far it has come, by the name of what it follows; nothing where there is nobody else to be ahead. */
  readonly reached: ReadonlyMap<string, number>;
  /** Lists everything once more. */
  lookAgain(): Promise<void>;
  close(): void;
}

export interface StateStore {
  get(key: string): Promise<StateDocument | undefined>;
  /** Sorted by key. */
  list(prefix: string): Promise<readonly StateDocument[]>;
  /** `revision` is that of the document that is replaced; 0 for a key that is not there. */
  put(key: string, bytes: Uint8Array, expected: { readonly revision: number }): Promise<WriteOutcome>;
  delete(key: string, expected: { readonly revision: number }): Promise<WriteOutcome>;
  /** Tells of everything there is, then of each change; of several that follow each other quickly perhaps the last only. */
  watch(prefix: string, told: (change: StateChange) => void, onReached?: () => void): StateWatch;
}

/** Beyond that it is no state but a file. */
const STATE_BYTES_MAX = 32 * 1024 * 1024;

export function refuseTooLarge(key: string, bytes: Uint8Array): void {
  if (bytes.byteLength <= STATE_BYTES_MAX) return;
  const message = `${key} would have ${bytes.byteLength} bytes; the state takes ${STATE_BYTES_MAX}`;
  throw new FairwayError("STATE_UNWRITABLE", message);
}

/** Minutes of conflicts: somebody writes all the time, and trying longer does not help. */
const TRIES_MAX = 5_000;
const PAUSE_MS_MAX = 50;

/**
 * Changes a document however many others do so as well: after a conflict the change is made to what is there now.
 * `change` returns undefined to leave it as it is.
 */
export async function updateState(
  store: StateStore,
  key: string,
  change: (current: StateDocument | undefined) => Uint8Array | undefined,
  random: () => number,
): Promise<void> {
  let current = await store.get(key);
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    const bytes = change(current);
    if (bytes === undefined) return;
    const outcome = await store.put(key, bytes, { revision: current?.revision ?? 0 });
    if (outcome.kind === "written") return;
    current = outcome.current;
    // Those that lost must not all come back at once.
    await pause(random() * Math.min(2 ** tries, PAUSE_MS_MAX));
  }
  throw new FairwayError("STATE_UNWRITABLE", `${key} is written by others all the time`);
}
