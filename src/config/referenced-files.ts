/**
 * The files that config documents name, such as certificates: read and watched like documents, each by its path. Keys of
 * etcd that secrets name are among them, by the paths of `etcd-secret-keys.ts`.
 *
 * They may lie anywhere, because somebody wrote each path down; a device, a FIFO or a directory is refused.
 * A certificate and its key are two files, and tools replace one after the other: a change is told when all
 * of them have been left alone for a moment, so that a pair which is half renewed is hardly ever seen.
 */
import type { Positions } from "../etcd/positions.ts";
import type { Clock } from "../support/clock.ts";
import type { DirectorySourceOptions } from "./directory-source.ts";
import type { SourceLimits } from "./limits.ts";
import type { Document, Source, SourceProblem, SourceState } from "./source.ts";

/** The largest bundles of public authorities have 250 KB. */
const FILE_BYTES_MAX = 1024 * 1024;

const limits: Partial<SourceLimits> = { fileBytesMax: FILE_BYTES_MAX };

/** Between the two renames of a tool, with much to spare; a renewal is not urgent. */
const QUIET_MS = 250;
/** Files that change without end do not hold up a renewal for longer. */
const WAIT_MS_MAX = 2_000;

/** The files as they were last read. */
export interface FilesState {
  /** All that were asked for; each is among the documents or the problems. */
  readonly paths: readonly string[];
  readonly documents: readonly Document[];
  readonly problems: readonly SourceProblem[];
  /** The last change of etcd that is in it; absent where nothing comes from there. */
  readonly etcd?: Positions;
}

/** A change of files that were read before. */
export type FilesChange = Pick<SourceState, "cause" | "noticedAtMs">;

export interface ReferencedFilesOptions {
  readonly clock: Clock;
  /** `state` is another one now. */
  readonly onChange: (change: FilesChange) => void;
  /** A source of exactly these files: see `referencedFiles`. */
  readonly open: (paths: readonly string[]) => Source;
}

/** How a directory source reads exactly these files. */
export function referencedFiles(
  paths: readonly string[],
): Pick<DirectorySourceOptions, "roots" | "limits" | "filesOnly"> {
  return { roots: paths, limits, filesOnly: true };
}

/** Reads and watches the files that were last asked for, until it is closed. */
export class ReferencedFiles {
  readonly #options: ReferencedFilesOptions;
  #state: FilesState = { paths: [], documents: [], problems: [] };
  #source: Source | undefined;
  #waiting: { readonly states: SourceState[]; readonly sinceMs: number } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: ReferencedFilesOptions) {
    this.#options = options;
  }

  get state(): FilesState {
    return this.#state;
  }

  /** Something has changed that `state` does not have yet. */
  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** From now on these and no others; `state` has them when the promise resolves. */
  async read(paths: readonly string[]): Promise<void> {
    const done = this.#work.then(() => this.#replace(paths));
    this.#work = done.catch(() => {});
    await done;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#source?.close();
    await this.#work;
    await this.#source?.close();
  }

  async #replace(paths: readonly string[]): Promise<void> {
    if (this.#closed || sameItems(paths, this.#state.paths)) return;
    const before = this.#source;
    this.#source = undefined;
    clearTimeout(this.#timer);
    this.#waiting = undefined;
    await before?.close();
    if (paths.length === 0) {
      this.#state = { paths, documents: [], problems: [] };
      return;
    }
    const source = this.#options.open(paths);
    this.#source = source;
    let first: SourceState | undefined;
    await source.start((state) => {
      if (first === undefined) first = state;
      else this.#wait(state);
    });
    if (first !== undefined) this.#take(paths, first);
  }

  #wait(state: SourceState): void {
    if (this.#closed) return;
    const nowMs = this.#options.clock.monotonicMs();
    this.#waiting ??= { states: [], sinceMs: nowMs };
    this.#waiting.states.push(state);
    clearTimeout(this.#timer);
    const restMs = this.#waiting.sinceMs + WAIT_MS_MAX - nowMs;
    this.#timer = setTimeout(() => this.#tell(), Math.max(0, Math.min(QUIET_MS, restMs)));
  }

  #tell(): void {
    const { states = [] } = this.#waiting ?? {};
    const last = states.at(-1);
    this.#waiting = undefined;
    if (last === undefined) return;
    this.#take(this.#state.paths, last);
    const more = states.length === 1 ? "" : ` and ${states.length - 1} more`;
    const noticedAtMs = Math.min(...states.map((state) => state.noticedAtMs));
    this.#options.onChange({ cause: `${states[0]?.cause ?? ""}${more}`, noticedAtMs });
  }

  #take(paths: readonly string[], { documents, problems, etcd }: SourceState): void {
    this.#state = { paths, documents, problems, ...(etcd === undefined ? {} : { etcd }) };
  }
}

function sameItems(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
