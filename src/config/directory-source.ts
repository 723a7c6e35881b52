/**
 * Config documents from directory trees and files, read whole and watched.
 *
 * A loop with three parts: hints from watches and a poll say when to look, a full scan says what there
 * is (preceded by a glance at a file that was renamed over), and `settle` says what of it is finished enough to tell. One scan runs at a time and the newest
 * hint waits behind it. Listeners get states, never halves: a file that is being written keeps the
 * content it had, and what cannot be read keeps the documents last read well, beside a problem.
 *
 * An atomic rename or a swapped link reaches the listener in milliseconds; see `settle.ts` for the rest.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { normalize } from "node:path";

import { assert } from "../support/assert.ts";
import type { Clock } from "../support/clock.ts";
import { AcceptedState } from "./accepted-state.ts";
import { compareScan } from "./compare-scan.ts";
import { configMapLink, isDocumentName, isIgnoredName } from "./file-names.ts";
import { systemFiles, systemWatch } from "./file-port.ts";
import type { FilePort, WatchDirectory } from "./file-port.ts";
import { HintLog } from "./hint-log.ts";
import { defaultLimits } from "./limits.ts";
import type { SourceLimits } from "./limits.ts";
import { rescanFiles } from "./rescan-files.ts";
import { scanTree } from "./scan-tree.ts";
import type { Scan, ScanRequest } from "./scan-tree.ts";
import { capMs, initialSettleState, scanDueAtMs, settle } from "./settle.ts";
import type { SettleInput, SettleStep } from "./settle.ts";
import type { Source, SourceState } from "./source.ts";
import { TreeWatch } from "./watch-tree.ts";
import type { Hint } from "./watch-tree.ts";

/** Finds what no watch reports: network file systems, lost events, a parent that came back. */
const POLL_MS = 5000;
/** Without watches the poll is all there is. */
const POLL_DEGRADED_MS = 1000;
/** A writer that was just seen creating a file has this long to show that it writes on. */
const SECOND_LOOK_MS = 2;

/** Beyond a few files a full scan costs no more than looking at each of them. */
const NAMED_MAX = 8;

export interface DirectorySourceOptions {
  /** Directories or files, as the user gave them. */
  readonly roots: readonly string[];
  readonly clock: Clock;
  readonly limits?: Partial<SourceLimits>;
  /** The roots are files; one that is a directory is a problem. */
  readonly filesOnly?: boolean;
  /** For what deserves a line in the log and is no problem of the documents. */
  readonly onWarning?: ((text: string) => void) | undefined;
  readonly files?: FilePort;
  readonly watchDirectory?: WatchDirectory;
}

/** Reads and watches the roots until it is closed. */
export class DirectorySource implements Source {
  readonly #request: ScanRequest;
  readonly #clock: Clock;
  readonly #onWarning: (text: string) => void;
  readonly #watch: TreeWatch;
  readonly #hints = new HintLog();
  readonly #accepted: AcceptedState;
  #settling = initialSettleState;
  #scan: Scan | undefined;
  #lastScanMs = 0;
  #listener: ((state: SourceState) => void) | undefined;
  #wake: (() => void) | undefined;
  #wakesAtMs = 0;
  #plan: NodeJS.Immediate | undefined;
  readonly #touched = new Set<string>();
  /** The known files that were renamed over since the last scan began; undefined if there was more. */
  #named: Set<string> | undefined = new Set();
  #loop: Promise<void> | undefined;
  #closed = false;

  constructor(options: DirectorySourceOptions) {
    const roots = [...new Set(options.roots.map((root) => withoutSlash(normalize(root))))];
    this.#clock = options.clock;
    this.#request = {
      roots,
      clock: options.clock,
      port: options.files ?? systemFiles,
      limits: { ...defaultLimits, ...options.limits },
      filesOnly: options.filesOnly ?? false,
    };
    this.#onWarning = options.onWarning ?? (() => {});
    this.#accepted = new AcceptedState(roots);
    this.#watch = new TreeWatch({
      watchDirectory: options.watchDirectory ?? systemWatch,
      onHint: (hint) => this.#hear(hint),
      onWarning: this.#onWarning,
    });
  }

  async start(listener: (state: SourceState) => void): Promise<void> {
    assert(this.#listener === undefined, "a source is started once");
    this.#listener = listener;
    while (!this.#closed && !this.#accepted.begun) {
      await this.#look();
      if (!this.#accepted.begun) await this.#untilDue();
    }
    this.#loop = this.#run();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#watch.close();
    clearImmediate(this.#plan);
    this.#wake?.();
    await this.#loop;
    // A scan that was under way may have opened watches after the first call.
    this.#watch.close();
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      await this.#untilDue();
      if (!this.#closed) await this.#look();
    }
  }

  /** Waits for the next scan; hints may bring it nearer or push it away. */
  async #untilDue(): Promise<void> {
    for (;;) {
      const nowMs = this.#clock.monotonicMs();
      const pollMs = this.#watch.degraded ? POLL_DEGRADED_MS : POLL_MS;
      const dueMs = Math.min(scanDueAtMs(this.#settling) ?? Infinity, this.#lastScanMs + pollMs);
      if (this.#closed || dueMs <= nowMs) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.ceil(dueMs - nowMs));
        this.#wakesAtMs = dueMs;
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
  }

  /** Runs for every event of a storm, so it must not depend on how much is pending. */
  #hear(hint: Hint): void {
    if (this.#closed) return;
    const nowMs = this.#clock.monotonicMs();
    const event = hint.event === "rename" ? "renamed" : "wrote";
    if (hint.at !== undefined) {
      const { path, name } = hint.at;
      if (isIgnoredName(name) && name !== configMapLink) return;
      const known = this.#scan?.byRealPath.get(path);
      const isDocument = known !== undefined || isDocumentName(name);
      // A write to something that is no document: a log file beside the config.
      if (!isDocument && event === "wrote") return;
      if (isDocument) this.#hints.record(path, hint.event, nowMs);
      this.#noteNamed(known !== undefined && event === "renamed" ? path : undefined);
      const held = known !== undefined && this.#settling.pending.get(known.path)?.held === true;
      if (held && event === "wrote") this.#touched.add(known.path);
      else this.#step({ kind: "hint", nowMs, event });
    } else {
      this.#noteNamed(undefined);
      this.#step({ kind: "hint", nowMs, event });
    }
    this.#plan ??= setImmediate(() => this.#replan());
  }

  /** Collects what the next scan is about, as long as it is about a few known files. */
  #noteNamed(path: string | undefined): void {
    if (path === undefined || (this.#named?.size ?? 0) >= NAMED_MAX) this.#named = undefined;
    else this.#named?.add(path);
  }

  /** Once for all events of a turn of the event loop. */
  #replan(): void {
    this.#plan = undefined;
    const nowMs = this.#clock.monotonicMs();
    if (this.#touched.size > 0) this.#step({ kind: "touched", nowMs, keys: this.#touched });
    this.#touched.clear();
    // A due date that moved away is seen when the timer of the earlier one ends.
    if ((scanDueAtMs(this.#settling) ?? Infinity) < this.#wakesAtMs) this.#wake?.();
  }

  /** Scans, lets the changes settle, and tells the listener what is finished. */
  async #look(): Promise<void> {
    const startedMs = this.#clock.monotonicMs();
    const noticedAtMs = this.#settling.hints?.firstMs ?? startedMs;
    const named = this.#named;
    this.#named = new Set();
    this.#step({ kind: "scanning", nowMs: startedMs });
    const glance = await this.#glance(named);
    const scan = glance ?? (await scanTree(this.#request, this.#scan));
    this.#lastScanMs = this.#clock.monotonicMs();
    if (this.#closed) return;
    const opened = scan !== undefined && this.#watch.reconcile(scan.directories);
    const again = scan === undefined || glance !== undefined || opened;
    if (scan !== undefined) await this.#settle(scan, { startedMs, noticedAtMs });
    if (again && !this.#closed) {
      this.#named = undefined;
      this.#step({ kind: "hint", nowMs: this.#lastScanMs, event: "renamed" });
    }
  }

  /** Only while nothing is pending: the content of a pending file must come from a full scan. */
  async #glance(named: ReadonlySet<string> | undefined): Promise<Scan | undefined> {
    const isIdle = this.#settling.pending.size === 0 && this.#accepted.begun;
    if (this.#scan === undefined || named === undefined || named.size === 0) return undefined;
    return isIdle ? await rescanFiles(this.#request, this.#scan, named) : undefined;
  }

  async #settle(scan: Scan, times: { readonly startedMs: number; readonly noticedAtMs: number }): Promise<void> {
    const compare = () =>
      compareScan(this.#accepted, scan, {
        hints: this.#hints,
        linksBefore: this.#scan?.links ?? new Map(),
        nowMs: this.#clock.monotonicMs(),
        wallMs: this.#clock.nowMs(),
        noticedAtMs: times.noticedAtMs,
        first: !this.#accepted.begun,
      });
    let changes = compare();
    if (this.#accepted.begun && changes.some((change) => change.complete)) {
      await secondLook();
      if (this.#closed) return;
      changes = compare();
    }
    const step = this.#step({ kind: "scanned", nowMs: this.#clock.monotonicMs(), changes });
    this.#scan = scan;
    this.#forgetHints(scan, times.startedMs);
    this.#tell(scan, step);
  }

  #tell(scan: Scan, step: SettleStep): void {
    const nowMs = this.#clock.monotonicMs();
    for (const change of step.held) {
      if (nowMs - change.noticedAtMs < capMs) continue;
      this.#onWarning(`${change.key} is still being written; its last content stays in force`);
    }
    const moving = this.#settling.pending.size > step.held.length;
    if (!this.#accepted.begun && moving) return;
    const state = this.#accepted.accept(scan, step, nowMs);
    if (state !== undefined) this.#listener?.(state);
  }

  #forgetHints(scan: Scan, olderThanMs: number): void {
    const keep = new Set<string>();
    for (const key of this.#settling.pending.keys()) {
      const file = scan.files.get(key) ?? this.#accepted.files.get(key);
      if (file !== undefined) keep.add(file.realPath);
    }
    this.#hints.forget(olderThanMs, keep);
  }

  #step(input: SettleInput): SettleStep {
    const step = settle(this.#settling, input);
    this.#settling = step.state;
    return step;
  }
}

/** Lets the watches report what the kernel had queued before the file was read, and a little more. */
async function secondLook(): Promise<void> {
  await nextTurn();
  await nextTurn();
  await sleep(SECOND_LOOK_MS);
}

function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}
