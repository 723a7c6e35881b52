/**
 * What differs between a scan and what was last accepted, as changes that settle one by one.
 */
import type { HintLog } from "./hint-log.ts";
import type { Scan, ScannedFile } from "./scan-tree.ts";
import { isUnknown } from "./scan-tree.ts";
import { quietMs } from "./settle.ts";
import type { Change } from "./settle.ts";
import type { SourceProblem } from "./source.ts";

/** What listeners were last told, or will be with the next state. */
export interface Accepted {
  /** By path. */
  readonly files: ReadonlyMap<string, ScannedFile>;
  /** By `problemKey`. */
  readonly problems: ReadonlyMap<string, SourceProblem>;
}

export interface ScanEvidence {
  readonly hints: HintLog;
  /** Where links led at the scan before. */
  readonly linksBefore: ReadonlyMap<string, string>;
  readonly nowMs: number;
  /** The wall clock, which is what files are stamped with. */
  readonly wallMs: number;
  /** When the hint that led to the scan came, or the scan began. */
  readonly noticedAtMs: number;
  /** The first scan has nothing to compare with: what did not move just now is complete. */
  readonly first: boolean;
}

const PROBLEM_PREFIX = "problem\0";

/** Problems settle beside files, under keys that no path can be. */
export function problemKey(problem: SourceProblem): string {
  return `${PROBLEM_PREFIX}${problem.code}\0${problem.path}\0${problem.message}`;
}

export function isProblemKey(key: string): boolean {
  return key.startsWith(PROBLEM_PREFIX);
}

/** Every difference, files first. */
export function compareScan(accepted: Accepted, scan: Scan, evidence: ScanEvidence): Change[] {
  const changes: Change[] = [];
  const moved = movedLinks(evidence.linksBefore, scan.links);
  for (const file of scan.files.values()) {
    const before = accepted.files.get(file.path);
    if (file.steady && before?.hash === file.hash) continue;
    changes.push(fileChange({ file, before, moved }, evidence));
  }
  for (const before of accepted.files.values()) {
    if (scan.files.has(before.path) || isUnknown(scan.unknown, before.path)) continue;
    const complete = before.links.some((link) => moved.has(link));
    const gone = { key: before.path, signature: "gone", complete, realPath: before.realPath };
    changes.push(change(gone, evidence));
  }
  const now = new Map(scan.problems.map((problem) => [problemKey(problem), problem]));
  for (const key of now.keys()) {
    if (accepted.problems.has(key)) continue;
    changes.push(change({ key, signature: "begins", complete: evidence.first }, evidence));
  }
  for (const key of accepted.problems.keys()) {
    if (now.has(key)) continue;
    changes.push(change({ key, signature: "ends", complete: false }, evidence));
  }
  return changes;
}

/** Links that lead elsewhere than before: a link changes in one step. */
function movedLinks(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): ReadonlySet<string> {
  const moved = new Set<string>();
  for (const [link, target] of now) {
    const targetBefore = before.get(link);
    if (targetBefore !== undefined && targetBefore !== target) moved.add(link);
  }
  return moved;
}

function fileChange(
  seen: {
    readonly file: ScannedFile;
    readonly before: ScannedFile | undefined;
    readonly moved: ReadonlySet<string>;
  },
  evidence: ScanEvidence,
): Change {
  const { file, before, moved } = seen;
  const ageMs = evidence.wallMs - Number(file.stat.ctimeNs / 1_000_000n);
  const young = ageMs >= 0 && ageMs < quietMs;
  const newInode = before === undefined || before.stat.ino !== file.stat.ino || before.stat.dev !== file.stat.dev;
  const swapped = file.links.some((link) => moved.has(link));
  const renamed = newInode && evidence.hints.isComplete(file.realPath, file.stat);
  const atRest = evidence.first && !young;
  const complete = file.steady && (swapped || renamed || atRest);
  const signature = file.steady ? file.hash : `moving ${evidence.nowMs}`;
  const found = change({ key: file.path, signature, complete, realPath: file.realPath }, evidence);
  if (found.activeAtMs === undefined || !young) return found;
  // A write that a full event queue lost still leaves its time of change.
  return { ...found, activeAtMs: Math.max(found.activeAtMs, evidence.nowMs - ageMs) };
}

function change(
  row: {
    readonly key: string;
    readonly signature: string;
    readonly complete: boolean;
    readonly realPath?: string;
  },
  evidence: ScanEvidence,
): Change {
  const { key, signature, complete, realPath = "" } = row;
  return {
    key,
    signature,
    complete,
    activeAtMs: evidence.hints.lastMs(realPath),
    noticedAtMs: evidence.hints.firstMs(realPath) ?? evidence.noticedAtMs,
  };
}
