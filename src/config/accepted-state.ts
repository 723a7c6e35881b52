/**
 * What a directory source has told its listener: the documents last read well, and the problems beside.
 *
 * `accept` takes over the changes that settled, from the scan that showed them, and makes the next state
 * of it; whatever is still moving keeps the content it had.
 */
import { basename, relative } from "node:path";

import { present } from "../support/assert.ts";
import { isProblemKey, problemKey } from "./compare-scan.ts";
import type { Accepted } from "./compare-scan.ts";
import type { Scan, ScannedFile } from "./scan-tree.ts";
import type { PendingChange, SettleStep } from "./settle.ts";
import type { SourceProblem, SourceState } from "./source.ts";
import * as problems from "./source-problems.ts";

export class AcceptedState implements Accepted {
  readonly #roots: readonly string[];
  readonly #files = new Map<string, ScannedFile>();
  readonly #problems = new Map<string, SourceProblem>();
  /** Files that were being written when the source began: there is no content to keep in their place. */
  readonly #unfinished = new Set<string>();
  #revision = 0;

  constructor(roots: readonly string[]) {
    this.#roots = roots;
  }

  get files(): ReadonlyMap<string, ScannedFile> {
    return this.#files;
  }

  get problems(): ReadonlyMap<string, SourceProblem> {
    return this.#problems;
  }

  /** A first state was made. */
  get begun(): boolean {
    return this.#revision > 0;
  }

  /** The next state, or undefined if nothing changed. */
  accept(scan: Scan, step: SettleStep, nowMs: number): SourceState | undefined {
    const first = !this.begun;
    const sentences = step.accepted.map((change) => this.#take(scan, change));
    this.#refresh(scan);
    const finished = this.#noteUnfinished(step, first);
    if (!first && sentences.length === 0 && !finished) return undefined;
    this.#revision += 1;
    return {
      revision: this.#revision,
      documents: this.#documents(),
      problems: [...this.#problems.values(), ...[...this.#unfinished].map(problems.unfinished)],
      noticedAtMs: Math.min(nowMs, firstNoticedMs(step.accepted)),
      cause: first ? "start" : causeOf(step.accepted, sentences),
    };
  }

  /** Takes one change over and says in a few words what it was. */
  #take(scan: Scan, change: PendingChange): string {
    const { key } = change;
    if (isProblemKey(key)) return this.#takeProblem(scan, change);
    const file = scan.files.get(key);
    if (file === undefined) {
      this.#files.delete(key);
      return `${this.#shortName(key)} removed`;
    }
    const verb = this.#files.has(key) ? "changed" : "added";
    this.#files.set(key, file);
    return `${this.#shortName(key)} ${verb}`;
  }

  #takeProblem(scan: Scan, change: PendingChange): string {
    const before = this.#problems.get(change.key);
    if (before !== undefined) {
      this.#problems.delete(change.key);
      return `${before.path} can be read again`;
    }
    const problem = present(
      scan.problems.find((each) => problemKey(each) === change.key),
      "a problem that begins is in the scan that showed it",
    );
    this.#problems.set(change.key, problem);
    return `${problem.path}: ${problem.code}`;
  }

  /** Equal content under a new inode or time: nothing to tell, but the next comparison starts from here. */
  #refresh(scan: Scan): void {
    for (const file of scan.files.values()) {
      const before = this.#files.get(file.path);
      if (before !== undefined && file.steady && before.hash === file.hash) {
        this.#files.set(file.path, file);
      }
    }
  }

  /** True if a file that was unfinished at the start no longer is. */
  #noteUnfinished(step: SettleStep, first: boolean): boolean {
    if (first) {
      for (const change of step.held) this.#unfinished.add(change.key);
      return false;
    }
    let finished = false;
    for (const path of this.#unfinished) {
      if (step.state.pending.has(path)) continue;
      this.#unfinished.delete(path);
      finished = true;
    }
    return finished;
  }

  #documents(): SourceState["documents"] {
    const files = [...this.#files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    return files.map(({ path, bytes, hash }) => ({ path, bytes, hash }));
  }

  #shortName(path: string): string {
    for (const root of this.#roots) {
      const short = relative(root, path);
      if (short === "") return basename(path);
      if (!short.startsWith("..")) return short;
    }
    return path;
  }
}

function firstNoticedMs(changes: readonly PendingChange[]): number {
  let firstMs = Infinity;
  for (const change of changes) firstMs = Math.min(firstMs, change.noticedAtMs);
  return firstMs;
}

function causeOf(changes: readonly PendingChange[], sentences: readonly string[]): string {
  const files = changes.filter((change) => !isProblemKey(change.key)).length;
  if (files > 1) return `${files} files changed`;
  const of = changes.findIndex((change) => files === 0 || !isProblemKey(change.key));
  const rest = files === 0 && sentences.length > 1 ? ` and ${sentences.length - 1} more` : "";
  return `${sentences[of] ?? "a file vanished while it was being written"}${rest}`;
}
