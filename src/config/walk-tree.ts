/**
 * One walk over the roots: which documents there are, without reading any.
 *
 * Links are resolved once and remembered, so that a scan can check afterwards that none of them moved
 * while it read; that is how two generations of a ConfigMap volume never mix. Links may lead anywhere
 * inside a root and nowhere else. Whatever cannot be used becomes a problem at its path.
 */
import { basename, dirname, join, resolve, sep } from "node:path";
import type { BigIntStats } from "node:fs";

import { configMapLink, isDocumentName, isIgnoredName } from "./file-names.ts";
import { directoryIdentity, isGone } from "./file-port.ts";
import type { FilePort } from "./file-port.ts";
import { forEachBounded } from "./limits.ts";
import type { SourceLimits } from "./limits.ts";
import { listDirectory } from "./list-directory.ts";
import type { SourceProblem } from "./source.ts";
import * as problems from "./source-problems.ts";

/** A document that was found. */
export interface FoundFile {
  /** As people see it. */
  readonly path: string;
  readonly realPath: string;
  readonly stat: BigIntStats;
  /** The root and the links on the way to it; keys of `Tree.links`. */
  readonly links: readonly string[];
}

/** A directory in which something of interest can happen. */
export interface WatchedDirectory {
  readonly identity: string;
  /** The only names of interest; absent for a directory of the tree, where all are. */
  readonly names?: ReadonlySet<string>;
}

export interface Tree {
  readonly files: ReadonlyMap<string, FoundFile>;
  readonly problems: readonly SourceProblem[];
  /** By real path. */
  readonly directories: ReadonlyMap<string, WatchedDirectory>;
  /** Where each link led: the path of the link → the real path of its target. */
  readonly links: ReadonlyMap<string, string>;
  /** The real paths of the roots: whatever is read lies inside one of them. */
  readonly boundaries: readonly string[];
  /** The file system that each root is on, by the root's absolute path. */
  readonly devices: ReadonlyMap<string, bigint>;
}

interface Walk {
  readonly port: FilePort;
  readonly limits: SourceLimits;
  readonly files: Map<string, FoundFile>;
  readonly problems: SourceProblem[];
  readonly directories: Map<string, WatchedDirectory>;
  readonly links: Map<string, string>;
  readonly boundaries: string[];
  readonly devices: Map<string, bigint>;
  entries: number;
  documents: number;
  /** A limit was passed; what was found so far is incomplete. */
  stopped: boolean;
}

interface Place {
  readonly path: string;
  readonly realPath: string;
  readonly links: readonly string[];
  /** The real paths from the root down to here; a link back to one of them is a loop. */
  readonly trail: readonly string[];
}

type Entry = { readonly place: Place; readonly stat: BigIntStats };

/** Finds the documents below `roots`, each a directory or a file; with `filesOnly` a directory is a problem. */
export async function walkTree(
  roots: readonly string[],
  port: FilePort,
  limits: SourceLimits,
  filesOnly = false,
): Promise<Tree> {
  const walk: Walk = {
    port,
    limits,
    files: new Map(),
    problems: [],
    directories: new Map(),
    links: new Map(),
    boundaries: [],
    devices: new Map(),
    entries: 0,
    documents: 0,
    stopped: false,
  };
  const places: Place[] = [];
  for (const root of roots) {
    const place = await locateRoot(walk, root);
    if (place) places.push(place);
  }
  for (const place of places) {
    walk.stopped = false;
    await visitRoot(walk, place, filesOnly);
  }
  return walk;
}

/** Whether a real path is one of the boundaries or lies below one. */
export function isInside(boundaries: readonly string[], realPath: string): boolean {
  return boundaries.some(
    (boundary) => realPath === boundary || realPath.startsWith(boundary.endsWith(sep) ? boundary : boundary + sep),
  );
}

async function locateRoot(walk: Walk, root: string): Promise<Place | undefined> {
  const absolute = resolve(root);
  await watchAncestors(walk, absolute);
  try {
    const realPath = await walk.port.realpath(absolute);
    walk.links.set(absolute, realPath);
    walk.boundaries.push(realPath);
    return { path: root, realPath, links: [absolute], trail: [realPath] };
  } catch (error) {
    walk.problems.push(isGone(error) ? problems.missing(root) : problems.unreadable(root, error));
    return undefined;
  }
}

/** A root can be replaced as a whole, and so can a link on the way to it. */
async function watchAncestors(walk: Walk, absolute: string): Promise<void> {
  for (let path = absolute; dirname(path) !== path; path = dirname(path)) {
    const isRoot = path === absolute;
    if (!isRoot && (await isPlainDirectory(walk.port, path))) continue;
    const names = isRoot ? [basename(path), configMapLink] : [basename(path)];
    await addDirectory(walk, dirname(path), names);
  }
}

async function isPlainDirectory(port: FilePort, path: string): Promise<boolean> {
  try {
    return (await port.lstat(path)).isDirectory();
  } catch {
    return false;
  }
}

async function addDirectory(walk: Walk, path: string, names?: readonly string[]): Promise<void> {
  try {
    const realPath = await walk.port.realpath(path);
    const before = walk.directories.get(realPath);
    if (before && before.names === undefined) return;
    const stat = await walk.port.stat(realPath, { bigint: true });
    const identity = directoryIdentity(stat);
    const all = names === undefined ? undefined : new Set([...(before?.names ?? []), ...names]);
    walk.directories.set(realPath, all ? { identity, names: all } : { identity });
  } catch {
    // A missing ancestor is itself a name to wait for in the directory above it.
  }
}

async function visitRoot(walk: Walk, place: Place, filesOnly: boolean): Promise<void> {
  let stat: BigIntStats;
  try {
    stat = await walk.port.stat(place.realPath, { bigint: true });
  } catch (error) {
    const gone = isGone(error);
    walk.problems.push(gone ? problems.missing(place.path) : problems.unreadable(place.path, error));
    return;
  }
  walk.devices.set(resolve(place.path), stat.dev);
  if (stat.isDirectory() && !filesOnly) return await visitDirectory(walk, place, stat, place.path);
  if (!stat.isFile()) {
    walk.problems.push(problems.notRegular(place.path, stat));
    return;
  }
  await addDirectory(walk, dirname(place.realPath), [basename(place.realPath)]);
  addFile(walk, { place, stat });
}

async function visitDirectory(walk: Walk, place: Place, stat: BigIntStats, root: string): Promise<void> {
  walk.directories.set(place.realPath, { identity: directoryIdentity(stat) });
  if (place.trail.length > walk.limits.depthMax + 1) {
    walk.problems.push(problems.tooDeep(place.path, walk.limits.depthMax));
    return;
  }
  const room = walk.limits.entriesMax - walk.entries;
  const listed = await listDirectory(walk.port, place, room);
  if (listed.kind === "gone") return;
  if (listed.kind === "problem") {
    walk.problems.push(listed.problem);
    return;
  }
  walk.entries += listed.names.length;
  if (listed.truncated) {
    walk.problems.push(problems.tooManyEntries(root, walk.limits.entriesMax));
    walk.stopped = true;
    return;
  }
  const configMap = listed.names.includes(configMapLink) ? await resolveConfigMap(walk, place) : undefined;
  const directories: Entry[] = [];
  const wanted = listed.names.filter((name) => !isIgnoredName(name));
  await forEachBounded(wanted, async (name) => {
    if (listed.plainFiles.has(name) && !isDocumentName(name)) return;
    const entry = await classify(walk, place, name, configMap);
    if (entry === undefined) return;
    if (entry.stat.isDirectory()) directories.push(entry);
    else if (isDocumentName(name)) addFile(walk, entry);
  });
  if (walk.documents > walk.limits.filesMax) {
    walk.problems.push(problems.tooManyFiles(root, walk.limits.filesMax));
    walk.stopped = true;
    return;
  }
  // The order of readdir is the disk's; problems and loops must not depend on it.
  directories.sort((a, b) => (a.place.path < b.place.path ? -1 : 1));
  for (const { place: below, stat: belowStat } of directories) {
    await visitDirectory(walk, below, belowStat, root);
    if (walk.stopped) return;
  }
}

/** The generation that `..data` points at now: all files that lead through it are read from there. */
async function resolveConfigMap(walk: Walk, place: Place): Promise<string | undefined> {
  const link = join(place.realPath, configMapLink);
  try {
    const realPath = await walk.port.realpath(link);
    walk.links.set(link, realPath);
    return realPath;
  } catch {
    return undefined;
  }
}

/** Follows a link if the entry is one; undefined for what is gone or became a problem. */
async function classify(
  walk: Walk,
  place: Place,
  name: string,
  configMap: string | undefined,
): Promise<Entry | undefined> {
  const path = join(place.path, name);
  const realPath = join(place.realPath, name);
  try {
    const stat = await walk.port.lstat(realPath, { bigint: true });
    if (stat.isSymbolicLink()) return await follow(walk, place, name, configMap);
    if (stat.isDirectory() && !isDocumentName(name)) {
      return { place: { ...place, path, realPath, trail: [...place.trail, realPath] }, stat };
    }
    if (stat.isFile()) return { place: { ...place, path, realPath }, stat };
    if (isDocumentName(name)) walk.problems.push(problems.notRegular(path, stat));
  } catch (error) {
    if (!isGone(error)) walk.problems.push(problems.unreadable(path, error));
    else if (name.includes("\u{FFFD}")) walk.problems.push(problems.nameNotUtf8(path));
  }
  return undefined;
}

async function follow(
  walk: Walk,
  place: Place,
  name: string,
  configMap: string | undefined,
): Promise<Entry | undefined> {
  const path = join(place.path, name);
  const link = join(place.realPath, name);
  const text = await walk.port.readlink(link);
  const throughConfigMap = configMap !== undefined && text.startsWith(`${configMapLink}/`);
  let realPath: string;
  try {
    const start = throughConfigMap ? join(configMap, text.slice(configMapLink.length + 1)) : link;
    realPath = await walk.port.realpath(start);
  } catch (error) {
    // The kubelet swaps `..data` first and removes the links of deleted keys a moment later.
    const expected = isGone(error) && (throughConfigMap || !isDocumentName(name));
    if (!expected) walk.problems.push(problems.unreadable(path, error));
    return undefined;
  }
  const stat = await walk.port.stat(realPath, { bigint: true });
  if (!stat.isDirectory() && !isDocumentName(name)) return undefined;
  if (!isInside(walk.boundaries, realPath)) {
    walk.problems.push(problems.outsideRoot(path, text));
    return undefined;
  }
  if (stat.isDirectory() ? isDocumentName(name) : !stat.isFile()) {
    walk.problems.push(problems.notRegular(path, stat));
    return undefined;
  }
  if (stat.isDirectory() && place.trail.includes(realPath)) {
    walk.problems.push(problems.loop(path, text));
    return undefined;
  }
  const via = throughConfigMap ? join(place.realPath, configMapLink) : link;
  if (!throughConfigMap) walk.links.set(link, realPath);
  if (stat.isFile()) await addDirectory(walk, dirname(realPath));
  const links = [...place.links, via];
  return { place: { path, realPath, links, trail: [...place.trail, realPath] }, stat };
}

function addFile(walk: Walk, entry: Entry): void {
  const { path, realPath, links } = entry.place;
  walk.documents += 1;
  if (entry.stat.size > BigInt(walk.limits.fileBytesMax)) {
    walk.problems.push(problems.tooLarge(path, entry.stat.size, walk.limits.fileBytesMax));
    return;
  }
  walk.files.set(path, { path, realPath, stat: entry.stat, links });
}
