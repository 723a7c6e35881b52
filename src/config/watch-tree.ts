/**
 * One watch for each directory of interest, kept in step with what the last scan found.
 *
 * Directories are watched, not files: a watch on a file stays with the inode and is deaf after the first
 * rename over it. A watch on a directory that was removed is deaf for ever as well, so each is opened
 * again when the directory at its path is another one, or when it said that its own directory went.
 *
 * When the system has no watches left (ENOSPC, EMFILE) the rest goes unwatched: `degraded` tells the
 * source to poll faster, and each later scan tries again. An overflow of the event queue is not shown by
 * Node; the full scans and the poll make up for what it lost.
 */
import { basename, join } from "node:path";

import { errorCode, isGone } from "./file-port.ts";
import type { DirectoryWatch, WatchDirectory } from "./file-port.ts";
import type { WatchedDirectory } from "./walk-tree.ts";

export interface Hint {
  readonly event: "rename" | "change";
  /** The directory and name it happened at; absent where the system does not say. */
  readonly at: { readonly path: string; readonly name: string } | undefined;
}

interface OpenWatch {
  readonly watch: DirectoryWatch;
  readonly identity: string;
  names: ReadonlySet<string> | undefined;
  /** Its directory was removed or moved; what is at the path now needs a watch of its own. */
  deaf: boolean;
}

/** The watches of one source. */
export class TreeWatch {
  readonly #watchDirectory: WatchDirectory;
  readonly #onHint: (hint: Hint) => void;
  readonly #onWarning: (text: string) => void;
  readonly #open = new Map<string, OpenWatch>();
  #degraded = false;

  constructor(options: {
    readonly watchDirectory: WatchDirectory;
    readonly onHint: (hint: Hint) => void;
    readonly onWarning: (text: string) => void;
  }) {
    this.#watchDirectory = options.watchDirectory;
    this.#onHint = options.onHint;
    this.#onWarning = options.onWarning;
  }

  /** Some directory could not be watched. */
  get degraded(): boolean {
    return this.#degraded;
  }

  /** Watches exactly `wanted`; true if a watch was opened, so that something may have happened before it. */
  reconcile(wanted: ReadonlyMap<string, WatchedDirectory>): boolean {
    for (const [path, open] of this.#open) {
      const want = wanted.get(path);
      if (want !== undefined && want.identity === open.identity && !open.deaf) {
        open.names = want.names;
        continue;
      }
      open.watch.close();
      this.#open.delete(path);
    }
    let opened = false;
    let failure: unknown;
    for (const [path, want] of wanted) {
      if (this.#open.has(path)) continue;
      failure = this.#tryOpen(path, want);
      if (failure !== undefined) break;
      opened = true;
    }
    this.#noteFailure(failure);
    return opened;
  }

  close(): void {
    for (const open of this.#open.values()) open.watch.close();
    this.#open.clear();
  }

  /** The reason why it failed, or undefined. A directory that has gone meanwhile is no failure. */
  #tryOpen(path: string, want: WatchedDirectory): unknown {
    try {
      const watch = this.#watchDirectory(path, {
        heard: (event, name) => this.#heard(path, event, name),
        failed: () => this.#fail(path),
      });
      this.#open.set(path, { watch, identity: want.identity, names: want.names, deaf: false });
      return undefined;
    } catch (error) {
      return isGone(error) ? undefined : error;
    }
  }

  #heard(path: string, event: "rename" | "change", name: string | undefined): void {
    const open = this.#open.get(path);
    if (open === undefined) return;
    if (name === undefined) return this.#onHint({ event: "rename", at: undefined });
    const isSelf = event === "rename" && name === basename(path);
    if (isSelf) open.deaf = true;
    if (open.names !== undefined && !isSelf && !open.names.has(name)) return;
    this.#onHint({ event, at: { path: join(path, name), name } });
  }

  #fail(path: string): void {
    const open = this.#open.get(path);
    if (open === undefined) return;
    open.deaf = true;
    this.#onHint({ event: "rename", at: undefined });
  }

  #noteFailure(failure: unknown): void {
    const before = this.#degraded;
    this.#degraded = failure !== undefined;
    if (this.#degraded === before) return;
    if (!this.#degraded) return this.#onWarning("all config directories are watched again");
    const reason = errorCode(failure) ?? String(failure);
    const way = adviceByCode[reason] ?? "";
    this.#onWarning(`not all config directories can be watched (${reason})${way}; polling every second instead`);
  }
}

const adviceByCode: Readonly<Record<string, string>> = {
  EMFILE: ": raise fs.inotify.max_user_instances or the limit of open files",
  ENOSPC: ": raise fs.inotify.max_user_watches",
};
