/**
 * The embedded store: a directory with what is served and the last known good generations, as bytes.
 *
 * For each key it holds one `served` file and up to five generations. Nothing is written in place: every
 * write goes to a temporary file that is renamed, and every file carries its checksum, so that whatever
 * happens a reader finds the whole old bytes or the whole new ones.
 *
 * - `saveServed` survives the death of the process (kill -9, out of memory), not a loss of power: it runs
 *   before every push and does not wait for the disk.
 * - `promote` survives a loss of power: the file and the directory are synced before it resolves.
 */
import { join } from "node:path";
import { constants } from "node:fs";

import { FairwayError } from "../support/fairway-error.ts";
import { lockDirectory } from "./directory-lock.ts";
import type { DirectoryLock } from "./directory-lock.ts";
import { loadStateFiles } from "./load-state-files.ts";
import type { StoredKey } from "./load-state-files.ts";
import { encodeHeader, fileStem, payloadBytesMax } from "./state-file.ts";
import { removeIfThere, syncDirectory, systemPort } from "./store-port.ts";
import type { StorePort } from "./store-port.ts";
import { generationName, isTemporary, parseStateName, servedName } from "./state-name.ts";
import { WriteQueue } from "./write-queue.ts";

/** One bad promotion, a rollback and the weekend in between still leave a good one. */
const GENERATIONS_MAX = 5;
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

export interface GenerationStoreOptions {
  readonly directory: string;
  /** For damaged files and for clearing up that failed: nothing that stops the store. */
  readonly onWarning?: (text: string) => void;
  readonly port?: StorePort;
}

type Durability = "process" | "power";

export class GenerationStore {
  readonly #directory: string;
  readonly #port: StorePort;
  readonly #onWarning: (text: string) => void;
  readonly #lock: DirectoryLock;
  readonly #served = new WriteQueue((key, payload) => this.#writeServed(key, payload));
  readonly #promotions = new WriteQueue((key, payload) => this.#writeGeneration(key, payload));
  #nextSequence: number;
  #nextTemporary = 1;
  #closed = false;

  private constructor(options: Required<GenerationStoreOptions>, lock: DirectoryLock, nextSequence: number) {
    this.#directory = options.directory;
    this.#port = options.port;
    this.#onWarning = options.onWarning;
    this.#lock = lock;
    this.#nextSequence = nextSequence;
  }

  /** Makes the directory if need be, locks it and clears up after a crash. */
  static async open(options: GenerationStoreOptions): Promise<GenerationStore> {
    const all = { onWarning: () => {}, port: systemPort, ...options };
    const { directory, port } = all;
    try {
      const created = await port.mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
      if (created !== undefined) await syncDirectory(port, join(created, ".."));
      else await warnIfOpen(all);
      const lock = await lockDirectory(port, directory);
      try {
        return new GenerationStore(all, lock, await clearUp(port, directory));
      } catch (error) {
        await lock.release();
        throw error;
      }
    } catch (error) {
      throw unwritable(directory, error);
    }
  }

  /** Replaces what the key serves. Of several calls that wait for the disk only the last is written. */
  saveServed(key: string, bytes: Uint8Array): Promise<void> {
    return this.#refusal(bytes) ?? this.#served.put(key, bytes);
  }

  /** Adds a generation to the key, and removes the sixth. Waiting calls join as in `saveServed`. */
  promote(key: string, bytes: Uint8Array): Promise<void> {
    return this.#refusal(bytes) ?? this.#promotions.put(key, bytes);
  }

  /** Everything that is whole, sorted by key; each damaged file is a warning. */
  async load(): Promise<readonly StoredKey[]> {
    try {
      return await loadStateFiles(this.#port, this.#directory, this.#onWarning);
    } catch (cause) {
      const message = `the state directory ${this.#directory} cannot be read (${reason(cause)})`;
      throw new FairwayError("STATE_UNREADABLE", message, { cause });
    }
  }

  /** Waits for the writes that were asked for, then lets another process in. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#served.drained();
    await this.#promotions.drained();
    await this.#lock.release();
  }

  #refusal(bytes: Uint8Array): Promise<never> | undefined {
    const state = `the state directory ${this.#directory}`;
    if (this.#closed) {
      return Promise.reject(new FairwayError("STATE_UNWRITABLE", `${state} is closed`));
    }
    if (bytes.byteLength <= payloadBytesMax) return undefined;
    const message = `${state} takes no file of ${bytes.byteLength} bytes; the limit is ${payloadBytesMax}`;
    return Promise.reject(new FairwayError("STATE_UNWRITABLE", message));
  }

  async #writeServed(key: string, payload: Uint8Array): Promise<void> {
    await this.#replace(servedName(fileStem(key)), { key, payload }, "process");
  }

  async #writeGeneration(key: string, payload: Uint8Array): Promise<void> {
    const stem = fileStem(key);
    const sequence = this.#nextSequence;
    this.#nextSequence += 1;
    await this.#replace(generationName(stem, sequence), { key, payload }, "power");
    await this.#prune(stem);
  }

  async #replace(
    name: string,
    file: { readonly key: string; readonly payload: Uint8Array },
    durability: Durability,
  ): Promise<void> {
    const temporary = join(this.#directory, `.${name}.${this.#nextTemporary}.tmp`);
    this.#nextTemporary += 1;
    try {
      await this.#write(temporary, file, durability);
      await this.#port.rename(temporary, join(this.#directory, name));
      if (durability === "power") await syncDirectory(this.#port, this.#directory);
    } catch (error) {
      await removeIfThere(this.#port, temporary).catch(() => {});
      throw unwritable(this.#directory, error);
    }
  }

  async #write(
    path: string,
    file: { readonly key: string; readonly payload: Uint8Array },
    durability: Durability,
  ): Promise<void> {
    const header = await encodeHeader(file);
    const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW;
    const handle = await this.#port.open(path, flags, FILE_MODE);
    try {
      await handle.writeFile(header);
      await handle.writeFile(file.payload);
      if (durability === "power") await handle.sync();
    } finally {
      await handle.close();
    }
  }

  async #prune(stem: string): Promise<void> {
    try {
      const generations = (await this.#port.readdir(this.#directory))
        .map((name) => ({ name, parsed: parseStateName(name) }))
        .filter(({ parsed }) => parsed?.stem === stem && parsed.sequence !== undefined)
        .sort((a, b) => (b.parsed?.sequence ?? 0) - (a.parsed?.sequence ?? 0));
      for (const { name } of generations.slice(GENERATIONS_MAX)) {
        await removeIfThere(this.#port, join(this.#directory, name));
      }
    } catch (error) {
      this.#onWarning(`old generations stay in ${this.#directory} (${reason(error)})`);
    }
  }
}

/** Removes unfinished writes of a crashed process; returns the number for the next generation. */
async function clearUp(port: StorePort, directory: string): Promise<number> {
  let lastSequence = 0;
  for (const name of await port.readdir(directory)) {
    if (isTemporary(name)) await removeIfThere(port, join(directory, name));
    lastSequence = Math.max(lastSequence, parseStateName(name)?.sequence ?? 0);
  }
  return lastSequence + 1;
}

/** Snapshots hold secrets: a directory that others may enter deserves a word. */
async function warnIfOpen(options: Required<GenerationStoreOptions>): Promise<void> {
  const { mode } = await options.port.stat(options.directory);
  if ((mode & 0o077) === 0) return;
  const octal = (mode & 0o777).toString(8);
  options.onWarning(`the state directory ${options.directory} has mode ${octal}; 700 is enough`);
}

function unwritable(directory: string, cause: unknown): FairwayError {
  if (cause instanceof FairwayError) return cause;
  const message = `the state directory ${directory} cannot be written (${reason(cause)})`;
  return new FairwayError("STATE_UNWRITABLE", message, { cause });
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
