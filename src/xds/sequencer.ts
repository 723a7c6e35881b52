/**
 * The order in which one node is moved from one snapshot to the next, so that every prefix of what it
 * receives is safe for traffic.
 *
 *   supply   clusters, endpoints and secrets of the new snapshot are offered beside those that it no
 *            longer has; listeners and routes stay as they were. Gate: the node acknowledged them. On ADS,
 *            after its start, Envoy acknowledges clusters when they are warm, so this gate means "usable".
 *   switch   listeners and routes of the new snapshot are offered. Gate: the node acknowledged them.
 *   settled  nothing refers to what was retained any more; after a grace, for requests that a filter
 *            still holds on their old route, it is taken away.
 *
 * A newer snapshot waits until the node settled, so that a stream of changes cannot starve the switch;
 * it passes at once when only endpoints or runtime values differ, or when the node is stuck. The functions change the state
 * they are given and read no clock.
 */
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import type { Snapshot, TypeTable } from "../snapshot/snapshot.ts";
import { resourceType, resourceTypes, typeUrls } from "../snapshot/type-url.ts";
import { isEmptied, leavingOf } from "./leaving.ts";
import { leavingWeights } from "./leaving-weights.ts";
import { needsNoOrder, movesRoutes, movesSupply, replacesListener } from "./snapshot-moves.ts";
import type { Retained, View } from "./view.ts";
import { mergedView, plainView } from "./view.ts";

/** After this long in one phase a node counts as stuck and a newer snapshot, perhaps the cure, may take over. */
const STUCK_AFTER_MS = 1_000;

/** Releases are rounded up to this, so that a burst of changes is cleaned up in few pushes. */
const RELEASE_STEP_MS = 250;

export type Phase = "supply" | "switch" | "settled";

/** The state of one stream's sequencer. */
export interface Sequencer {
  snapshot: Snapshot | undefined;
  phase: Phase;
  phaseSinceMs: number;
  overdue: boolean;
  /** In `supply`, when everything was acknowledged and is only given time to settle. */
  settlesAtMs: number | undefined;
  /** Clusters, endpoints or secrets differ from those before. */
  supplyMoves: boolean;
  /** What listeners and routes show during `supply`; undefined: nothing known, so their requests wait. */
  previous: ReadonlyMap<string, TypeTable> | undefined;
  /** Listeners and routes differ from those with which the node last settled, or did in between. */
  routesMove: boolean;
  next: Snapshot | undefined;
  readonly retained: Map<string, Map<ResourceName, Retained>>;
  /** A listener was replaced or removed since the node last settled: old connections live as long as it drains. */
  drains: boolean;
  /** How long that takes, by the longest of the snapshots in between: a change may remove the gateway that says so. */
  drainMs: number;
  /** Until then a listener that was replaced earlier may still drain. */
  drainsUntilMs: number;
  /** The client came back and has not settled since: any listener that it replaces may use anything retained. */
  returned: boolean;
  /** Which clusters the client holds is a guess until it has settled: what leaves meanwhile may be in use. */
  guesses: boolean;
  readonly views: Map<string, View>;
}

/** What the stream machine knows about the node, asked for by `advance`. */
export interface NodeProgress {
  /** How long the new supply is left to itself before the routes move to it. */
  readonly settleMs: number;
  /** Everything offered and subscribed of these types is acknowledged or refused. */
  isResolved(role: "supply" | "reference"): boolean;
  /** The node refused something without which the new routes must not be used. */
  readonly missesSupply: boolean;
  /** The node refused a listener or route of this snapshot, so the old one is still in use. */
  readonly keepsOldReference: boolean;
  /** Every parent it holds has its children: nothing more is about to be asked for. */
  isComplete(): boolean;
  /** A listener or route that it holds leads there. */
  isReferred(typeUrl: string, name: ResourceName): boolean;
  /** It came back and has not asked for all that it surely needs, so nobody knows what it misses. */
  readonly owesSupply: boolean;
}

/** A sequencer before its first snapshot. */
export function createSequencer(): Sequencer {
  return {
    snapshot: undefined,
    phase: "settled",
    phaseSinceMs: 0,
    overdue: false,
    settlesAtMs: undefined,
    supplyMoves: true,
    previous: undefined,
    routesMove: true,
    next: undefined,
    retained: new Map(),
    drains: false,
    drainMs: 0,
    drainsUntilMs: 0,
    returned: false,
    guesses: false,
    views: new Map(),
  };
}

/** Takes the newest snapshot of the node's group; returns whether it is being rolled in now. */
export function acceptSnapshot(
  sequencer: Sequencer,
  snapshot: Snapshot,
  progress: NodeProgress,
  atMs: number,
): boolean {
  const current = sequencer.snapshot;
  if (current === undefined) {
    begin(sequencer, snapshot, progress, atMs);
    return true;
  }
  if (snapshot.version === current.version && snapshot.group === current.group) {
    sequencer.next = undefined;
    sequencer.snapshot = snapshot;
    return false;
  }
  if (needsNoOrder(current, snapshot)) {
    replaceFreely(sequencer, snapshot, atMs);
    return true;
  }
  if (sequencer.phase === "settled" || sequencer.overdue) {
    begin(sequencer, snapshot, progress, atMs);
    return true;
  }
  sequencer.next = snapshot;
  return false;
}

/** Moves on as far as the node's progress allows; returns whether anything changed. */
export function advance(sequencer: Sequencer, progress: NodeProgress, atMs: number): boolean {
  const { snapshot } = sequencer;
  if (snapshot === undefined) return false;
  const waitedMs = atMs - sequencer.phaseSinceMs;
  const expired = waitedMs >= snapshot.updates.deadlineMs;
  const proceeds = expired && snapshot.updates.onDeadline === "proceed";
  if (sequencer.phase === "supply") {
    const supplied = progress.isResolved("supply") && !progress.missesSupply && (!progress.owesSupply || expired);
    if (proceeds || (supplied && hasSettled(sequencer, progress.settleMs, atMs))) {
      enter(sequencer, "switch", atMs);
      return true;
    }
    if (!supplied) sequencer.settlesAtMs = undefined;
  } else if (sequencer.phase === "switch") {
    const resolved = progress.isResolved("supply") && progress.isResolved("reference");
    // A client that never asks for more, such as one that only takes clusters, is complete after the deadline.
    const settled = resolved && !progress.keepsOldReference && (progress.isComplete() || expired);
    if (proceeds || settled) {
      settle(sequencer, { atMs, complete: settled && !expired });
      return true;
    }
    if (resolved && sequencer.next !== undefined) {
      // Nothing is under way: what the client has not asked for need not hold up the next snapshot.
      begin(sequencer, sequencer.next, progress, atMs);
      return true;
    }
  }
  const stuck = sequencer.phase !== "settled" && (waitedMs >= STUCK_AFTER_MS || refused(progress));
  if (sequencer.next !== undefined && (sequencer.phase === "settled" || stuck)) {
    begin(sequencer, sequencer.next, progress, atMs);
    return true;
  }
  if (release(sequencer, progress, atMs)) return true;
  sequencer.overdue = sequencer.phase !== "settled" && expired;
  return false;
}

/** Where nothing was shown before, and where only routes change, there is nothing to wait for. */
function hasSettled(sequencer: Sequencer, settleMs: number, atMs: number): boolean {
  if (settleMs === 0 || sequencer.previous === undefined || !sequencer.supplyMoves) return true;
  sequencer.settlesAtMs ??= atMs + settleMs;
  return atMs >= sequencer.settlesAtMs;
}

/** What is offered of a type now; undefined: nothing yet, requests wait. */
export function viewOf(sequencer: Sequencer, typeUrl: string): View | undefined {
  const { snapshot } = sequencer;
  if (snapshot === undefined) return undefined;
  const cached = sequencer.views.get(typeUrl);
  if (cached !== undefined) return cached;
  const table = offeredTable(sequencer, snapshot, typeUrl);
  if (table === undefined) return undefined;
  const retained = sequencer.retained.get(typeUrl);
  const view = retained === undefined || retained.size === 0 ? plainView(table) : mergedView(table, retained);
  sequencer.views.set(typeUrl, view);
  return view;
}

/**
 * The client comes back: it may drain listeners that nobody here knows of. `untold`: it was sent no listener or
 * route yet, so a gate that passed while it was taken for a new one is closed again.
 */
export function resume(
  sequencer: Sequencer,
  { untold, atMs }: { readonly untold: boolean; readonly atMs: number },
): void {
  sequencer.drains = true;
  sequencer.returned = true;
  if (!untold) return;
  // What a change began from in between was not shown to it either.
  sequencer.previous = undefined;
  if (sequencer.phase === "supply") sequencer.views.clear();
  else enter(sequencer, "supply", atMs);
}

/** The node holds these from before, and the snapshot has less than that: they leave by the same rules. */
export function retainHeld(
  sequencer: Sequencer,
  typeUrl: string,
  held: { readonly atMs: number; readonly resources: ReadonlyMap<ResourceName, Resource | undefined> },
): void {
  const table = sequencer.snapshot?.tables.get(typeUrl);
  const retained = retainedOf(sequencer, typeUrl);
  let added = false;
  for (const [name, resource] of held.resources) {
    const successor = table?.resources.get(name);
    const leaves = successor === undefined || isEmptied(resource, successor);
    // What the client says is better than what an unfinished change believed.
    if (!leaves || retained.get(name)?.claimed === true) continue;
    retained.set(name, { resource, releaseAtMs: undefined, inUse: false, claimed: true });
    added = true;
  }
  if (!added) return;
  sequencer.views.delete(typeUrl);
  // A client may tell late what it holds; its grace begins when it has settled with that.
  if (sequencer.phase === "settled") enter(sequencer, "switch", held.atMs);
}

/** When `advance` has to be called again although nothing arrived; undefined: never. */
export function wakeAtMs(sequencer: Sequencer): number | undefined {
  let wake: number | undefined;
  const consider = (atMs: number) => {
    wake = wake === undefined ? atMs : Math.min(wake, atMs);
  };
  if (sequencer.settlesAtMs !== undefined) consider(sequencer.settlesAtMs);
  if (sequencer.snapshot !== undefined && sequencer.phase !== "settled" && !sequencer.overdue) {
    consider(sequencer.phaseSinceMs + sequencer.snapshot.updates.deadlineMs);
    if (sequencer.next !== undefined) consider(sequencer.phaseSinceMs + STUCK_AFTER_MS);
  }
  for (const retained of sequencer.retained.values()) {
    for (const { releaseAtMs } of retained.values()) if (releaseAtMs !== undefined) consider(releaseAtMs);
  }
  return wake;
}

function begin(sequencer: Sequencer, snapshot: Snapshot, progress: NodeProgress, atMs: number): void {
  const current = sequencer.snapshot;
  if (current !== undefined) {
    const shown = sequencer.phase === "supply" ? sequencer.previous : current.tables;
    sequencer.previous = shown;
    if (shown !== undefined && replacesListener(shown, snapshot)) sequencer.drains = true;
    if (sequencer.drains) sequencer.drainMs = Math.max(sequencer.drainMs, current.updates.drainMs);
    if (movesRoutes(current.tables, snapshot)) sequencer.routesMove = true;
    sequencer.supplyMoves = sequencer.phase !== "settled" || movesSupply(current, snapshot);
    for (const { typeUrl, role } of resourceTypes) {
      if (role === "supply") retainLeaving(sequencer, { current, snapshot, typeUrl });
    }
    // A new listener may take up an old route configuration that a draining one still holds.
    for (const [typeUrl, retained] of sequencer.retained) {
      for (const [name, entry] of retained) {
        // Before its grace has begun it is in use by the routes that are about to leave it.
        if (entry.releaseAtMs !== undefined) entry.inUse ||= progress.isReferred(typeUrl, name);
      }
    }
  }
  sequencer.snapshot = snapshot;
  sequencer.next = undefined;
  enter(sequencer, "supply", atMs);
}

function enter(sequencer: Sequencer, phase: Phase, atMs: number): void {
  sequencer.phase = phase;
  sequencer.phaseSinceMs = atMs;
  sequencer.overdue = false;
  sequencer.settlesAtMs = undefined;
  sequencer.views.clear();
}

/** `complete` is false for a client that may still have a listener to replace. */
function settle(sequencer: Sequencer, { atMs, complete }: { readonly atMs: number; readonly complete: boolean }): void {
  enter(sequencer, "settled", atMs);
  sequencer.previous = undefined;
  sequencer.routesMove = false;
  const updates = sequencer.snapshot?.updates;
  if (updates === undefined) return;
  if (sequencer.drains) sequencer.drainsUntilMs = atMs + Math.max(sequencer.drainMs, updates.drainMs);
  if (complete) {
    sequencer.drains = false;
    sequencer.drainMs = 0;
  }
  const releaseAtMs = releaseAfter(Math.max(atMs + updates.graceMs, sequencer.drainsUntilMs));
  for (const retained of sequencer.retained.values()) {
    for (const entry of retained.values()) {
      if (sequencer.returned) entry.releaseAtMs = releaseAtMs;
      entry.releaseAtMs ??= releaseAtMs;
    }
  }
  if (complete) sequencer.returned = false;
  if (complete) sequencer.guesses = false;
}

/** Takes away what is due, unless the node was seen to use it since: then after another grace. */
function release(sequencer: Sequencer, progress: NodeProgress, atMs: number): boolean {
  const graceMs = sequencer.snapshot?.updates.graceMs ?? 0;
  let released = false;
  for (const [typeUrl, retained] of sequencer.retained) {
    for (const [name, entry] of retained) {
      if (entry.releaseAtMs === undefined || entry.releaseAtMs > atMs) continue;
      const wasInUse = entry.inUse;
      entry.inUse = progress.keepsOldReference || progress.isReferred(typeUrl, name);
      if (entry.inUse || wasInUse) {
        entry.releaseAtMs = releaseAfter(atMs + Math.max(graceMs, RELEASE_STEP_MS));
        continue;
      }
      retained.delete(name);
      sequencer.views.delete(typeUrl);
      released = true;
    }
  }
  return released;
}

function releaseAfter(atMs: number): number {
  return Math.ceil(atMs / RELEASE_STEP_MS) * RELEASE_STEP_MS;
}

/** Keeps what `snapshot` drops, endpoints that it empties while the routes still lead to them, and weights likewise. */
function retainLeaving(
  sequencer: Sequencer,
  change: { readonly current: Snapshot; readonly snapshot: Snapshot; readonly typeUrl: string },
): void {
  const { current, snapshot, typeUrl } = change;
  const before = current.tables.get(typeUrl);
  const after = snapshot.tables.get(typeUrl);
  if (before === undefined || after === undefined) return;
  const retained = retainedOf(sequencer, typeUrl);
  const weights = typeUrl === typeUrls.runtime ? leavingWeights(before, after, retained) : [];
  for (const [name, { resource }] of retained) {
    const successor = after.resources.get(name);
    // Endpoints that stay empty keep their override until the routes have left them.
    if (successor !== undefined && !isEmptied(resource, successor)) retained.delete(name);
  }
  const { gone, emptied } = leavingOf(before, after);
  const moves = typeUrl === typeUrls.endpoints && sequencer.routesMove;
  for (const resource of [...gone, ...weights, ...(moves ? emptied : [])]) {
    const kept = retained.get(resource.name);
    const last = isEmptied(kept?.resource, resource) ? kept?.resource : resource;
    retained.set(resource.name, {
      resource: last,
      releaseAtMs: undefined,
      inUse: false,
      claimed: kept?.claimed ?? sequencer.guesses,
    });
  }
}

function replaceFreely(sequencer: Sequencer, snapshot: Snapshot, atMs: number): void {
  const current = sequencer.snapshot;
  for (const typeUrl of [typeUrls.endpoints, typeUrls.runtime]) {
    // While routes move, those that are left may be emptied by the very next snapshot.
    if (current !== undefined) retainLeaving(sequencer, { current, snapshot, typeUrl });
    sequencer.views.delete(typeUrl);
  }
  sequencer.snapshot = snapshot;
  sequencer.next = undefined;
  if (sequencer.phase === "settled") enter(sequencer, "switch", atMs);
}

function refused(progress: NodeProgress): boolean {
  return progress.missesSupply || progress.keepsOldReference;
}

function offeredTable(sequencer: Sequencer, snapshot: Snapshot, typeUrl: string): TypeTable | undefined {
  const type = resourceType(typeUrl);
  if (type?.role === "reference" && sequencer.phase === "supply") return sequencer.previous?.get(typeUrl);
  return snapshot.tables.get(typeUrl);
}

function retainedOf(sequencer: Sequencer, typeUrl: string): Map<ResourceName, Retained> {
  let retained = sequencer.retained.get(typeUrl);
  if (retained === undefined) sequencer.retained.set(typeUrl, (retained = new Map()));
  return retained;
}
