/**
 * What a client that comes back holds already, as far as its first request of a type tells.
 *
 * A delta client names each resource with its version. A SotW client says only the version of the last
 * response that it accepted: when that is the version of a table that we still have, we know everything,
 * and else it may hold anything that earlier snapshots had. What it holds and the newest snapshot lacks is
 * retained by the sequencer until nothing refers to it any more.
 */
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import type { TypeTable } from "../snapshot/snapshot.ts";
import { tableVersion } from "../snapshot/snapshot.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import type { DemandContext } from "./apply-demand.ts";
import { compose } from "./compose.ts";
import { leavingOf } from "./leaving.ts";
import type { NameSet } from "./name-pool.ts";
import { isRejected, resourceName } from "./offer.ts";
import { viewFor } from "./offered-view.ts";
import { viewWithNames } from "./on-demand-clusters.ts";
import { byName } from "./response-limits.ts";
import type { View } from "./view.ts";
import { resume, retainHeld, viewOf } from "./sequencer.ts";
import type { StreamState, TypeState } from "./stream-state.ts";
import { guessHeld, rebase } from "./verdict.ts";
import { plainView } from "./view.ts";

/** What a SotW client may still ask for by name. */
const NAMED_SUPPLY_TYPES = [typeUrls.secret, typeUrls.endpoints];

/** Takes the version that a SotW client names in its first request of a type. */
export function resumeSotw(state: StreamState, type: TypeState, versionInfo: string, context: DemandContext): void {
  const { typeUrl, fullStateInSotw } = type.type;
  if (state.fresh) for (const named of NAMED_SUPPLY_TYPES) retainEarlier(state, named, context);
  markResumed(state, context.atMs);
  if (typeUrl === typeUrls.endpoints) keepUnknown(type, viewOf(state.sequencer, typeUrl));
  const whole = viewOf(state.sequencer, typeUrl) ?? wantedView(state, typeUrl);
  const view = whole === undefined ? undefined : viewFor(state, type, whole);
  if (!fullStateInSotw || view === undefined) return;
  const rejections = state.rejections.get(typeUrl);
  // Without what was rejected when there was nothing before it, or with what there was.
  let due = compose(state, type, view)?.response;
  // Nothing of what it rejected is in what it accepted last; it is sent that again, and what was under way goes on.
  const goesOn = due?.versionInfo === versionInfo;
  if (!goesOn && recallGood(state, type, view, context)) due = compose(state, type, view)?.response;
  const certain = type.subscription.names.size === 0 && rejections?.uncertain !== true;
  if (certain && due?.versionInfo === versionInfo) {
    type.confirmedVersion = versionInfo;
    for (const resource of due.resources) type.held.set(resource.name, resource);
    rebase(type, view);
    return;
  }
  const table = context.earlier(typeUrl).find((each) => fullVersion(state, type, each) === versionInfo);
  if (table !== undefined) type.held.assume(viewFor(state, type, plainView(table)));
  type.resumesUnknown = table === undefined || !certain;
  if (typeUrl !== typeUrls.cluster) return;
  if (table === undefined) state.sequencer.guesses = true;
  if (table === undefined) retainEarlier(state, typeUrl, context);
  else retainHeld(state.sequencer, typeUrl, { atMs: context.atMs, resources: leavingFrom(table, state, typeUrl) });
  if (goesOn) return;
  const retaining = viewOf(state.sequencer, typeUrl);
  recallGood(state, type, retaining === undefined ? view : viewFor(state, type, retaining), context);
}

/** The version under which a table was sent: of collections as that of what is in them. */
function fullVersion(state: StreamState, type: TypeState, table: TypeTable): string {
  if (type.subscription.collections.size === 0) return table.version;
  const { resources } = viewFor(state, type, plainView(table));
  return tableVersion([...resources.values()].sort(byName));
}

/** What the client has and the newest snapshot has not. */
function leavingFrom(table: TypeTable, state: StreamState, typeUrl: string): ReadonlyMap<ResourceName, Resource> {
  const wanted = state.sequencer.snapshot?.tables.get(typeUrl);
  if (wanted === undefined) return table.resources;
  const { gone, emptied } = leavingOf(table, wanted);
  return new Map([...gone, ...emptied].map((resource) => [resource.name, resource]));
}

/** Takes the versions that a delta client names in its first request of a type. */
export function resumeDelta(
  state: StreamState,
  type: TypeState,
  versions: ReadonlyMap<string, string>,
  context: DemandContext,
): void {
  const { typeUrl, role } = type.type;
  markResumed(state, context.atMs);
  const wanted = state.sequencer.snapshot?.tables.get(typeUrl);
  const tables = [...(wanted === undefined ? [] : [wanted]), ...context.earlier(typeUrl)];
  // After a rejection the client names what it had accepted before, and has parts of the rejected as well.
  const uncertain = state.rejections.get(typeUrl)?.uncertain === true;
  const leaving = new Map<ResourceName, Resource | undefined>();
  const { otherwise, unnamed } = compareWith(versions, wanted);
  if (wanted !== undefined) type.held.assume(viewWithNames(plainView(wanted), versions));
  const { wildcard, names } = type.subscription;
  for (const name of wildcard ? unnamed : namesWithout(versions, names)) type.held.delete(name);
  for (const name of otherwise) {
    const version = versions.get(name) ?? "";
    const resource = findVersion(tables, name, version);
    type.held.set(name, resource ?? version);
    leaving.set(name, resource);
  }
  if (uncertain) for (const name of versions.keys()) type.forced.add(resourceName(name));
  // What the client has as it is wanted does not leave.
  if (role === "supply") retainHeld(state.sequencer, typeUrl, { atMs: context.atMs, resources: leaving });
  if (!type.type.wildcardAllowed) return;
  for (const name of state.rejections.get(typeUrl)?.unlisted ?? []) if (!type.held.has(name)) type.held.set(name, "");
}

/** How what a client names differs from a table. */
interface Comparison {
  /** Named with another version, or not in the table. */
  readonly otherwise: readonly ResourceName[];
  /** In the table, and not named. */
  readonly unnamed: readonly ResourceName[];
}

/** A decoder that sees the same bytes again hands out the same map: a fleet that comes back is compared once. */
const comparisons = new WeakMap<ReadonlyMap<string, string>, WeakMap<TypeTable, Comparison>>();

function compareWith(versions: ReadonlyMap<string, string>, table: TypeTable | undefined): Comparison {
  if (table === undefined) return { otherwise: [...versions.keys()].map(resourceName), unnamed: [] };
  let ofVersions = comparisons.get(versions);
  if (ofVersions === undefined) comparisons.set(versions, (ofVersions = new WeakMap()));
  let comparison = ofVersions.get(table);
  if (comparison === undefined) {
    const otherwise: ResourceName[] = [];
    for (const [text, version] of versions) {
      const name = resourceName(text);
      if (table.resources.get(name)?.version !== version) otherwise.push(name);
    }
    const unnamed = [...table.resources.keys()].filter((name) => !versions.has(name));
    ofVersions.set(table, (comparison = { otherwise, unnamed }));
  }
  return comparison;
}

const withoutVersion = new WeakMap<ReadonlyMap<string, string>, WeakMap<NameSet, readonly ResourceName[]>>();

/** What a client asks for and does not say to hold. */
function namesWithout(versions: ReadonlyMap<string, string>, names: NameSet): readonly ResourceName[] {
  let ofVersions = withoutVersion.get(versions);
  if (ofVersions === undefined) withoutVersion.set(versions, (ofVersions = new WeakMap()));
  let found = ofVersions.get(names);
  if (found === undefined) ofVersions.set(names, (found = [...names].filter((name) => !versions.has(name))));
  return found;
}

function markResumed(state: StreamState, atMs: number): void {
  // What it asked for first may have said nothing of what it holds, such as a secret that it never received.
  const wasTold = [...state.types.values()].some(({ type, lastNonce }) => type.role === "reference" && lastNonce);
  const untold = !state.resumed && !wasTold;
  state.fresh = false;
  state.resumed = true;
  resume(state.sequencer, { untold, atMs });
}

function findVersion(tables: readonly TypeTable[], name: ResourceName, version: string): Resource | undefined {
  for (const table of tables) {
    const resource = table.resources.get(name);
    if (resource?.version === version) return resource;
  }
  return undefined;
}

/** Whatever earlier snapshots had may still be in use; of each name the newest content that was not rejected. */
function retainEarlier(state: StreamState, typeUrl: string, context: DemandContext): void {
  const resources = new Map<ResourceName, Resource | undefined>();
  const rejected: Resource[] = [];
  // Also what left before the client said that it comes back: it may have it from a stream before this one.
  for (const [name, { resource }] of state.sequencer.retained.get(typeUrl) ?? []) {
    if (resource !== undefined && isRejected(state, resource, undefined)) rejected.push(resource);
    else resources.set(name, resource);
  }
  for (const table of context.earlier(typeUrl)) {
    for (const [name, resource] of table.resources) {
      if (resources.has(name)) continue;
      if (isRejected(state, resource, undefined)) rejected.push(resource);
      else resources.set(name, resource);
    }
  }
  for (const resource of rejected) if (!resources.has(resource.name)) resources.set(resource.name, resource);
  retainHeld(state.sequencer, typeUrl, { atMs: context.atMs, resources });
}

/** Empty endpoints for a name that we do not know would take the hosts from a cluster that may be in use. */
function keepUnknown(type: TypeState, view: View | undefined): void {
  for (const name of type.subscription.names) {
    if (view?.resources.has(name) !== true) type.held.set(name, "");
  }
}

/**
 * What was rejected on an earlier stream cannot be left out of a full state: the client would delete what it
 * has under that name. So what it had accepted is offered again, or what it may have from another replica. Returns
 * whether there is any.
 */
function recallGood(state: StreamState, type: TypeState, view: View, { earlier }: DemandContext): boolean {
  const rejections = state.rejections.get(type.type.typeUrl);
  let recalled = false;
  for (const name of rejections?.resources.keys() ?? []) {
    const wanted = view.resources.get(name);
    if (wanted === undefined || !isRejected(state, wanted, view)) continue;
    if (type.held.has(name)) continue;
    if (rejections?.lastGood.has(name) === true) type.held.set(name, "");
    else guessHeld(state, type, name, earlier(type.type.typeUrl));
    recalled = true;
  }
  return recalled;
}

/** All of the newest snapshot, whatever the sequencer shows now. */
function wantedView(state: StreamState, typeUrl: string): View | undefined {
  const table = state.sequencer.snapshot?.tables.get(typeUrl);
  return table === undefined ? undefined : plainView(table);
}
