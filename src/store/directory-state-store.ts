/**
 * Live state in a directory: one file for each revision of a document, of which the newest whole one counts.
 *
 * A write is on the disk before it is told: the file is synced, renamed into place, and the directory synced. Two more
 * generations stay, for when the newest is damaged. A removal is a revision like any other, without content.
 * One process has the directory; writes follow each other.
 */
import { constants } from "node:fs";
import { join } from "node:path";
import { FairwayError } from "../support/fairway-error.ts";
import type { DirectoryLock } from "./directory-lock.ts";
import { lockDirectory } from "./directory-lock.ts";
import { decodeStateFile, encodeHeader, fileStem } from "./state-file.ts";
import type { StateChange, StateDocument, StateStore, StateWatch, WriteOutcome } from "./state-store.ts";
import { refuseTooLarge } from "./state-store.ts";
import type { StorePort } from "./store-port.ts";
import { removeIfThere, syncDirectory, systemPort } from "./store-port.ts";

const GENERATIONS_MAX = 3;

/** The newest, whether it is there or was removed. */
interface Slot {
  readonly revision: number;
  readonly bytes: Uint8Array | undefined;
  /** Files of this key, the newest first. */
  readonly files: readonly string[];
}

export class DirectoryStateStore implements StateStore {
  readonly #directory: string;
  readonly #port: StorePort;
  readonly #lock: DirectoryLock;
  readonly #slots: Map<string, Slot>;
  readonly #watches = new Set<{ readonly prefix: string; readonly told: (change: StateChange) => void }>();
  #revision: number;
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(opened: {
    readonly directory: string;
    readonly port: StorePort;
    readonly lock: DirectoryLock;
    readonly slots: Map<string, Slot>;
  }) {
    this.#directory = opened.directory;
    this.#port = opened.port;
    this.#lock = opened.lock;
    this.#slots = opened.slots;
    this.#revision = Math.max(0, ...[...opened.slots.values()].map(({ revision }) => revision));
  }

  /** Makes the directory if need be, locks it and reads all that is whole. */
  static async open(options: {
    readonly directory: string;
    readonly onWarning?: (text: string) => void;
    readonly port?: StorePort;
  }): Promise<DirectoryStateStore> {
    const { directory, port = systemPort } = options;
    await port.mkdir(directory, { recursive: true, mode: 0o700 });
    const lock = await lockDirectory(port, directory);
    try {
      const slots = await readSlots(port, directory, options.onWarning ?? (() => undefined));
      return new DirectoryStateStore({ directory, port, lock, slots });
    } catch (cause) {
      await lock.release();
      throw cause;
    }
  }

  get(key: string): Promise<StateDocument | undefined> {
    return Promise.resolve(this.#document(key));
  }

  list(prefix: string): Promise<readonly StateDocument[]> {
    const keys = [...this.#slots.keys()].filter((key) => key.startsWith(prefix)).toSorted();
    return Promise.resolve(keys.flatMap((key) => this.#document(key) ?? []));
  }

  async put(key: string, bytes: Uint8Array, expected: { readonly revision: number }): Promise<WriteOutcome> {
    refuseTooLarge(key, bytes);
    return this.#write(key, bytes, expected.revision);
  }

  delete(key: string, expected: { readonly revision: number }): Promise<WriteOutcome> {
    return this.#write(key, undefined, expected.revision);
  }

  watch(prefix: string, told: (change: StateChange) => void): StateWatch {
    const watch = { prefix, told };
    this.#watches.add(watch);
    void this.list(prefix).then((documents) => {
      for (const document of documents) if (this.#watches.has(watch)) told({ kind: "put", document });
    });
    return { reached: new Map(), lookAgain: async () => undefined, close: () => void this.#watches.delete(watch) };
  }

  /** Waits for the writes that were asked for, then lets another process in. */
  async close(): Promise<void> {
    this.#watches.clear();
    await this.#tail;
    await this.#lock.release();
  }

  #document(key: string): StateDocument | undefined {
    const slot = this.#slots.get(key);
    return slot?.bytes === undefined ? undefined : { key, bytes: slot.bytes, revision: slot.revision };
  }

  /** One after the other; who has seen an older revision is turned away before anything is written. */
  #write(key: string, bytes: Uint8Array | undefined, expected: number): Promise<WriteOutcome> {
    const done = this.#tail.then(async (): Promise<WriteOutcome> => {
      const current = this.#document(key);
      if ((current?.revision ?? 0) !== expected) return { kind: "conflict", current };
      if (current === undefined && bytes === undefined) return { kind: "written", revision: this.#revision };
      const revision = this.#revision + 1;
      const name = `${fileStem(key)}.${String(revision).padStart(16, "0")}.${bytes === undefined ? "gone" : "doc"}`;
      await this.#save(name, { key, payload: bytes ?? new Uint8Array() });
      this.#revision = revision;
      const files = [name, ...(this.#slots.get(key)?.files ?? [])];
      this.#slots.set(key, { revision, bytes, files: files.slice(0, GENERATIONS_MAX) });
      await this.#prune(files.slice(GENERATIONS_MAX));
      this.#tell(bytes === undefined ? { kind: "delete", key } : { kind: "put", document: { key, bytes, revision } });
      return { kind: "written", revision };
    });
    this.#tail = done.catch(() => undefined);
    return done;
  }

  async #save(name: string, file: { readonly key: string; readonly payload: Uint8Array }): Promise<void> {
    const temporary = join(this.#directory, `.${name}.tmp`);
    try {
      const flags = constants.O_CREAT | constants.O_TRUNC | constants.O_WRONLY | constants.O_NOFOLLOW;
      const handle = await this.#port.open(temporary, flags, 0o600);
      try {
        await handle.writeFile(await encodeHeader(file));
        await handle.writeFile(file.payload);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await this.#port.rename(temporary, join(this.#directory, name));
      await syncDirectory(this.#port, this.#directory);
    } catch (cause) {
      await removeIfThere(this.#port, temporary).catch(() => undefined);
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new FairwayError("STATE_UNWRITABLE", `the state directory ${this.#directory} cannot be written (${why})`, {
        cause,
      });
    }
  }

  /** What cannot be removed is found again at the next start. */
  async #prune(names: readonly string[]): Promise<void> {
    for (const name of names) await removeIfThere(this.#port, join(this.#directory, name)).catch(() => undefined);
  }

  #tell(change: StateChange): void {
    const key = change.kind === "put" ? change.document.key : change.key;
    for (const { prefix, told } of [...this.#watches]) if (key.startsWith(prefix)) told(change);
  }
}

async function readSlots(
  port: StorePort,
  directory: string,
  onWarning: (text: string) => void,
): Promise<Map<string, Slot>> {
  const found: { readonly name: string; readonly revision: number; readonly isGone: boolean }[] = [];
  for (const name of await port.readdir(directory)) {
    if (name.endsWith(".tmp")) await removeIfThere(port, join(directory, name));
    const [, digits, kind] = /^[\w-]+\.(\d{16})\.(doc|gone)$/.exec(name) ?? [];
    if (digits !== undefined) found.push({ name, revision: Number(digits), isGone: kind === "gone" });
  }
  found.sort((a, b) => b.revision - a.revision);
  const slots = new Map<string, Slot>();
  for (const { name, revision, isGone } of found) {
    const read = await decodeStateFile(await port.readFile(join(directory, name)));
    if (!read.ok) {
      onWarning(`${join(directory, name)} is left out: ${read.error}`);
      continue;
    }
    const { key, payload } = read.value;
    const newer = slots.get(key);
    if (newer === undefined) slots.set(key, { revision, bytes: isGone ? undefined : payload, files: [name] });
    else slots.set(key, { ...newer, files: [...newer.files, name] });
  }
  return slots;
}
