/**
 * What the watches said about each file, and what follows from it.
 *
 * inotify, through `fs.watch`, says `rename` when a name appears or goes (created, deleted, moved in or
 * away) and `change` when content or mode is written. A file whose name appeared and that was not
 * written since came by an atomic rename, or was created a moment ago and its first write is still
 * running. `isComplete` tells the two apart without ever taking half a file for a whole one.
 */
import type { FileStat } from "./file-port.ts";

interface Trace {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly renamed: boolean;
  readonly wroteSinceRename: boolean;
}

/** A storm of other names must not fill the memory; without a trace a file settles like any other. */
const tracesMax = 40_000;

/**
 * A first write that is still running leaves a size of whole pages, because the kernel copies page by
 * page and reports the write at its end; later writes have a report of the one before.
 */
const PAGE_BYTES = 4096n;

/** Traces by real path. */
export class HintLog {
  readonly #traces = new Map<string, Trace>();

  record(path: string, event: "rename" | "change", nowMs: number): void {
    const before = this.#traces.get(path);
    if (before === undefined && this.#traces.size >= tracesMax) return;
    this.#traces.set(path, {
      firstMs: before?.firstMs ?? nowMs,
      lastMs: nowMs,
      renamed: event === "rename" || (before?.renamed ?? false),
      wroteSinceRename: event === "change",
    });
  }

  firstMs(path: string): number | undefined {
    return this.#traces.get(path)?.firstMs;
  }

  lastMs(path: string): number | undefined {
    return this.#traces.get(path)?.lastMs;
  }

  /** Whether the file that just came under this name was whole when it came. */
  isComplete(path: string, stat: FileStat): boolean {
    const trace = this.#traces.get(path);
    if (trace === undefined || !trace.renamed || trace.wroteSinceRename) return false;
    if (stat.size === 0n) return false;
    // A rename sets the time of change and not that of modification; a write sets both.
    return stat.ctimeNs > stat.mtimeNs || stat.size % PAGE_BYTES !== 0n;
  }

  /** Drops what is older than the scan that just ended and belongs to no pending change. */
  forget(olderThanMs: number, keep: ReadonlySet<string>): void {
    for (const [path, trace] of this.#traces) {
      if (trace.lastMs < olderThanMs && !keep.has(path)) this.#traces.delete(path);
    }
  }
}
