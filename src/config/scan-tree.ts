/**
 * One full scan: the walk, and the content of every file whose identity changed since the scan before.
 *
 * The scan is the truth and watches are hints: an event that was lost, doubled or reordered costs time,
 * never correctness. Content hashes decide what changed, so a clock that jumps, an equal time of
 * modification or an equal size hides nothing.
 */
import { dirname, resolve } from "node:path";

import { contentHash } from "../support/hash.ts";
import type { Clock } from "../support/clock.ts";
import { fileIdentity } from "./file-port.ts";
import type { FilePort, FileStat } from "./file-port.ts";
import { forEachBounded } from "./limits.ts";
import type { SourceLimits } from "./limits.ts";
import { readRegularFile } from "./read-file.ts";
import type { SourceProblem } from "./source.ts";
import * as problems from "./source-problems.ts";
import { walkTree } from "./walk-tree.ts";
import type { FoundFile, Tree, WatchedDirectory } from "./walk-tree.ts";

/** A document with its content. */
export interface ScannedFile {
  readonly path: string;
  readonly realPath: string;
  readonly stat: FileStat;
  readonly links: readonly string[];
  readonly bytes: Uint8Array;
  readonly hash: string;
  /** It changed so shortly before it was read that the file system may show a later write as the same time. */
  readonly recheck: boolean;
  readonly steady: boolean;
}

export interface Scan {
  /** By path. */
  readonly files: ReadonlyMap<string, ScannedFile>;
  readonly byRealPath: ReadonlyMap<string, ScannedFile>;
  readonly problems: readonly SourceProblem[];
  /** The paths of the problems; what lies at or below one of them is unknown, not absent. */
  readonly unknown: ReadonlySet<string>;
  readonly directories: ReadonlyMap<string, WatchedDirectory>;
  readonly links: ReadonlyMap<string, string>;
  readonly boundaries: readonly string[];
  /** The file system that each root was on when it last had documents. */
  readonly devices: ReadonlyMap<string, bigint>;
}

export interface ScanRequest {
  readonly roots: readonly string[];
  readonly port: FilePort;
  readonly limits: SourceLimits;
  readonly clock: Clock;
  /** The roots are files; one that is a directory is a problem. */
  readonly filesOnly?: boolean;
}

/** Links that move during this many scans in a row are being swapped in a loop; the source tries later. */
const ATTEMPTS_MAX = 5;

/** Reads the roots; undefined if links kept moving, so that any result could mix two generations. */
export async function scanTree(request: ScanRequest, previous: Scan | undefined): Promise<Scan | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const tree = await walkTree(request.roots, request.port, request.limits, request.filesOnly);
    const scan = await readTree(request, tree, previous);
    if (await linksStayed(request.port, tree.links)) return scan;
  }
  return undefined;
}

/** Whether `path` lies at or below a path that could not be read. */
export function isUnknown(unknown: ReadonlySet<string>, path: string): boolean {
  if (unknown.size === 0) return false;
  for (let at = path; ; at = dirname(at)) {
    if (unknown.has(at)) return true;
    if (dirname(at) === at) return false;
  }
}

async function readTree(request: ScanRequest, tree: Tree, previous: Scan | undefined): Promise<Scan> {
  const found = new Map<string, SourceProblem>();
  for (const problem of [...tree.problems, ...sizeProblems(request, tree)]) {
    found.set(`${problem.path}\0${problem.message}`, problem);
  }
  const unknown = new Set([...found.values()].map((problem) => problem.path));
  const files = new Map<string, ScannedFile>();
  const byRealPath = new Map<string, ScannedFile>();
  const wanted = [...tree.files.values()].filter((file) => !isUnknown(unknown, file.path));
  await forEachBounded(wanted, async (file) => {
    const before = previous?.byRealPath.get(file.realPath);
    const read = await readChanged(request, tree, file, before);
    if (read === undefined) return;
    if ("code" in read) {
      found.set(`${read.path}\0${read.message}`, read);
      unknown.add(read.path);
    } else {
      files.set(read.path, read);
      byRealPath.set(read.realPath, read);
    }
  });
  const devices = new Map([...(previous?.devices ?? []), ...devicesWithFiles(tree)]);
  // A file that is named may be a link, whose next target may well lie on another file system.
  for (const root of request.filesOnly === true ? [] : unmountedRoots(request.roots, tree, devices)) {
    found.set(root, problems.unmounted(root));
    unknown.add(root);
  }
  const { directories, links, boundaries } = tree;
  const seen = { directories, links, boundaries, devices };
  return { files, byRealPath, problems: [...found.values()], unknown, ...seen };
}

function devicesWithFiles(tree: Tree): ReadonlyMap<string, bigint> {
  const occupied = new Set([...tree.files.values()].map((file) => file.links[0]));
  return new Map([...tree.devices].filter(([root]) => occupied.has(root)));
}

/** An unmounted directory is not missing but empty, and must not be taken for the wish to delete all. */
function unmountedRoots(roots: readonly string[], tree: Tree, devices: ReadonlyMap<string, bigint>): readonly string[] {
  return roots.filter((root) => {
    const before = devices.get(resolve(root));
    const now = tree.devices.get(resolve(root));
    return before !== undefined && now !== undefined && before !== now;
  });
}

function sizeProblems(request: ScanRequest, tree: Tree): readonly SourceProblem[] {
  let total = 0n;
  for (const file of tree.files.values()) total += file.stat.size;
  const bytesMax = request.limits.totalBytesMax;
  if (total <= BigInt(bytesMax)) return [];
  return request.roots.map((root) => problems.tooLargeInAll(root, total, bytesMax));
}

/** The file, read only if its identity says so; a problem, or undefined if it has gone. */
export async function readChanged(
  request: ScanRequest,
  tree: { readonly boundaries: readonly string[] },
  file: FoundFile,
  before: ScannedFile | undefined,
): Promise<ScannedFile | SourceProblem | undefined> {
  const { path, realPath, links } = file;
  const same = before !== undefined && fileIdentity(before.stat) === fileIdentity(file.stat);
  if (same && before.steady && !before.recheck) return { ...before, path, links };

  const startedMs = request.clock.nowMs();
  const bounds = { boundaries: tree.boundaries, fileBytesMax: request.limits.fileBytesMax };
  const outcome = await readRegularFile(file, request.port, bounds);
  if (outcome.kind === "gone") return undefined;
  if (outcome.kind === "problem") return outcome.problem;
  const { stat, steady } = outcome;
  const hash = contentHash([outcome.bytes]);
  // Equal content keeps the old bytes: 64 MiB should not be held twice because somebody ran `touch`.
  const bytes = before?.hash === hash ? before.bytes : outcome.bytes;
  const recheck = mayHideWrite(stat, startedMs);
  return { path, realPath, stat, links, bytes, hash, recheck, steady };
}

/**
 * Two writes within one tick of the file system's clock look alike if the size is equal too. Ticks are
 * up to 10 ms on Linux, and whole seconds, or two, on file systems that show no fractions. A time of
 * change in the future, after the clock was set back, proves nothing either.
 */
function mayHideWrite(stat: FileStat, readAtMs: number): boolean {
  const tickMs = stat.ctimeNs % 1_000_000_000n === 0n ? 2000 : 50;
  return readAtMs - Number(stat.ctimeNs / 1_000_000n) < tickMs;
}

/** Whether each link still leads where it led. */
export async function linksStayed(port: FilePort, links: ReadonlyMap<string, string>): Promise<boolean> {
  let stayed = true;
  await forEachBounded([...links], async ([link, target]) => {
    if (!stayed) return;
    const now = await port.realpath(link).catch(() => undefined);
    if (now !== target) stayed = false;
  });
  return stayed;
}
