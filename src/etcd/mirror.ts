/**
 * What is under a prefix of etcd, kept up to date by changes and put right by whole listings; a reducer without I/O.
 *
 * Changes are quick, and a watch may lose one, deliver it twice or late (etcd's own list of such bugs is long); a
 * listing is slow and right. So every listing is the truth up to its revision: changes up to there count no more,
 * whenever they come, and what changed behind it stays. What a listing put right, although the watch had told of later
 * revisions, was lost by the watch, and is counted.
 */
import type { Change, Entry, Listing } from "./etcd-port.ts";

/** Owned by whoever follows the prefix; changed in place. */
export interface Mirror {
  clusterId: string | undefined;
  /** The newest revision that is known to be in here. */
  revision: number;
  /** Changes up to here count no more. */
  listedRevision: number;
  readonly entries: Map<string, Entry>;
  /** Keys that went behind `listedRevision`, with when: a listing that is under way may still have them. */
  readonly gone: Map<string, number>;
  /** The newest revision of which the watch has told. */
  watchedRevision: number;
}

/** What an input has done to the mirror. */
export interface MirrorOutcome {
  readonly changedKeys: readonly string[];
  /** Of those, what the watch should have told of and did not. */
  readonly lostCount: number;
}

/** Why a listing must not be taken: what is known is newer. */
export type Regression =
  | { readonly kind: "revision"; readonly listed: number; readonly known: number }
  | { readonly kind: "cluster"; readonly listed: string; readonly known: string };

export function createMirror(): Mirror {
  return {
    clusterId: undefined,
    revision: 0,
    listedRevision: 0,
    entries: new Map(),
    gone: new Map(),
    watchedRevision: 0,
  };
}

/**
 * Whether a listing is older than what was known when it was asked for, or of another cluster: etcd was restored from a
 * backup, or somebody points at the wrong one. A linearisable listing is never older otherwise.
 */
export function regressionOf(mirror: Mirror, listing: Listing, known: number): Regression | undefined {
  if (mirror.clusterId !== undefined && mirror.clusterId !== listing.clusterId) {
    return { kind: "cluster", listed: listing.clusterId, known: mirror.clusterId };
  }
  return listing.revision >= known ? undefined : { kind: "revision", listed: listing.revision, known };
}

/** Takes a listing as the truth up to its revision. */
export function takeListing(mirror: Mirror, listing: Listing): MirrorOutcome {
  const changedKeys: string[] = [];
  let lostCount = 0;
  const listed = new Set<string>();
  for (const entry of listing.entries) {
    listed.add(entry.key);
    if ((mirror.gone.get(entry.key) ?? 0) > listing.revision) continue;
    const known = mirror.entries.get(entry.key);
    if (known !== undefined && known.modRevision >= entry.modRevision) continue;
    mirror.entries.set(entry.key, entry);
    changedKeys.push(entry.key);
    if (entry.modRevision <= mirror.watchedRevision) lostCount += 1;
  }
  for (const [key, { modRevision }] of mirror.entries) {
    if (listed.has(key) || modRevision > listing.revision) continue;
    mirror.entries.delete(key);
    changedKeys.push(key);
    // It went at some revision up to the listing's, of which the watch has told if it is past that.
    if (listing.revision <= mirror.watchedRevision) lostCount += 1;
  }
  for (const [key, revision] of mirror.gone) if (revision <= listing.revision) mirror.gone.delete(key);
  mirror.clusterId = listing.clusterId;
  mirror.listedRevision = listing.revision;
  mirror.revision = Math.max(mirror.revision, listing.revision);
  return { changedKeys, lostCount };
}

/** Takes what a watch tells, in whatever order it comes. */
export function takeChanges(mirror: Mirror, changes: readonly Change[], revision: number): MirrorOutcome {
  const changedKeys = new Set<string>();
  for (const change of changes) {
    const key = change.kind === "put" ? change.entry.key : change.key;
    const at = change.kind === "put" ? change.entry.modRevision : change.modRevision;
    const known = Math.max(mirror.entries.get(key)?.modRevision ?? 0, mirror.gone.get(key) ?? 0);
    if (at <= mirror.listedRevision || at <= known) continue;
    if (change.kind === "put") {
      mirror.entries.set(key, change.entry);
      mirror.gone.delete(key);
    } else {
      mirror.gone.set(key, at);
      if (!mirror.entries.delete(key)) continue;
    }
    changedKeys.add(key);
  }
  mirror.watchedRevision = Math.max(mirror.watchedRevision, revision);
  mirror.revision = Math.max(mirror.revision, revision);
  return { changedKeys: [...changedKeys], lostCount: 0 };
}
