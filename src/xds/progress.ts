/**
 * How far one node has come: the answers that the sequencer's gates ask for, and the words for people.
 */
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import type { SnapshotVersion, TypeTable } from "../snapshot/snapshot.ts";
import type { TypeRole } from "../snapshot/type-url.ts";
import { resourceTypes, typeUrls } from "../snapshot/type-url.ts";
import { suspectsCount } from "./bisect.ts";
import { canonicalName, findByName } from "./context-parameters.ts";
import { childrenOf, notAskedFor, notIn, refersTo } from "./held-references.ts";
import type { Held } from "./holding.ts";
import { layerStanding, missingLayerText } from "./missing-layer.ts";
import { noNames } from "./name-pool.ts";
import { isRejected, offerOf, resourceName } from "./offer.ts";
import type { NodeProgress } from "./sequencer.ts";
import { offeredView } from "./offered-view.ts";
import type { StreamEvent } from "./stream-event.ts";
import type { StreamState, TypeState } from "./stream-state.ts";
import { subscribedTypes } from "./stream-state.ts";
import { isWanted } from "./subscription.ts";

/** Names in a sentence for people; the rest is counted. */
const NAMES_SHOWN_MAX = 3;

/**
 * What is acknowledged on a stream of its own says that Envoy has it, not that its clusters are warm: so the routes
 * wait a little longer. On ADS the acknowledgement itself waits until they are.
 */
const SETTLE_MS = 1_000;

/** What the gates ask; answered when they do, from the state as it is then. */
export function nodeProgress(state: StreamState): NodeProgress {
  return new StateProgress(state);
}

/** A class, because one is made at every step of every stream. */
class StateProgress implements NodeProgress {
  readonly #state: StreamState;
  #found: readonly StreamState[] | undefined;

  constructor(state: StreamState) {
    this.#state = state;
  }

  /**
   * All streams of the node that have a part in a change, this one first. There may be thousands, which look at each
   * other whenever something happens on one: so they are only looked for when this one has nothing under way itself.
   */
  get #states(): readonly StreamState[] {
    if (this.#found !== undefined) return this.#found;
    const companions = this.#state.companions();
    this.#found = companions.length === 0 ? [this.#state] : [this.#state, ...companions];
    return this.#found;
  }

  get settleMs(): number {
    return this.#states.length > 1 ? SETTLE_MS : 0;
  }

  get missesSupply(): boolean {
    if (this.#state.rejections.size === 0 || this.#state.fresh) return false;
    return this.#states.some((state) => refusedOf(state, "supply").some((refusal) => isMissed(state, refusal)));
  }

  get keepsOldReference(): boolean {
    if (this.#state.rejections.size === 0) return false;
    return this.#states.some((state) => refusedOf(state, "reference").length > 0);
  }

  get owesSupply(): boolean {
    return owesSupply(this.#state, this.#states);
  }

  isResolved(role: TypeRole): boolean {
    const { snapshot } = this.#state.sequencer;
    for (const type of subscribedTypes(this.#state)) {
      if (type.type.role === role && !isClean(this.#state, type)) return false;
    }
    const states = this.#states;
    for (const state of states) {
      if (state === this.#state) continue;
      for (const type of subscribedTypes(state)) {
        if (type.type.role !== role) continue;
        if (!isClean(state, type)) return false;
        // Another stream may not have come to this snapshot, or show its listeners and routes as they were.
        if (state.sequencer.snapshot?.version !== snapshot?.version) return false;
        if (role === "reference" && state.sequencer.phase === "supply") return false;
      }
    }
    if (role === "reference" || states.length === 1) return true;
    // What only a leaving cluster refers to is not waited for: there may be none of it any more.
    return hasAllChildren(this.#states, typeUrls.cluster, snapshot?.tables);
  }

  isComplete(): boolean {
    return isComplete(this.#states);
  }

  isReferred(typeUrl: string, name: ResourceName): boolean {
    return this.#states.some((state) => isReferred(state, this.#states, { typeUrl, name }));
  }
}

/** Adds the events about an overdue gate and the snapshot as a whole, each said once. */
export function reportProgress(state: StreamState, atMs: number, events: StreamEvent[]): void {
  const { sequencer } = state;
  if (sequencer.snapshot === undefined) return;
  const { version: snapshotVersion } = sequencer.snapshot;
  if (sequencer.phase === "settled") {
    reportSettled(state, { snapshotVersion, atMs }, events);
    return;
  }
  // Whatever it had before, it is on its way elsewhere; back there it is synced anew.
  state.syncedVersion = undefined;
  if (sequencer.overdue && !state.overdueSaid) {
    const { streamId, nodeId } = state;
    const waitingFor = describeWait(state);
    events.push({ kind: "gate", streamId, nodeId, atMs, snapshotVersion, state: "overdue", waitingFor });
  }
  if (state.overdueSaid && !sequencer.overdue) sayPassed(state, { snapshotVersion, atMs }, events);
  state.overdueSaid = sequencer.overdue;
}

function reportSettled(
  state: StreamState,
  { snapshotVersion, atMs }: { readonly snapshotVersion: SnapshotVersion; readonly atMs: number },
  events: StreamEvent[],
): void {
  if (state.syncedVersion === snapshotVersion && !state.overdueSaid) return;
  const { streamId, nodeId } = state;
  const layer = layerStanding(state);
  if (layer === "missing") {
    state.syncedVersion = undefined;
    if (!state.overdueSaid) {
      const waitingFor = missingLayerText;
      events.push({ kind: "gate", streamId, nodeId, atMs, snapshotVersion, state: "overdue", waitingFor });
    }
    state.overdueSaid = true;
    return;
  }
  if (state.overdueSaid) sayPassed(state, { snapshotVersion, atMs }, events);
  state.overdueSaid = false;
  if (state.syncedVersion === snapshotVersion || layer === "coming") return;
  if (refusedOf(state, "supply").length + refusedOf(state, "reference").length > 0) return;
  state.syncedVersion = snapshotVersion;
  events.push({ kind: "synced", streamId, nodeId, atMs, snapshotVersion });
}

function sayPassed(
  { streamId, nodeId }: StreamState,
  at: { readonly snapshotVersion: SnapshotVersion; readonly atMs: number },
  events: StreamEvent[],
): void {
  events.push({ kind: "gate", streamId, nodeId, ...at, state: "passed", waitingFor: "" });
}

function isClean(state: StreamState, type: TypeState): boolean {
  // What is demanded and cannot be sent holds up nothing; behind a heartbeat it will be.
  if (isMoving(type) || type.owed || (type.forced.size > 0 && type.inFlight !== undefined)) return false;
  return type.cleanFor !== undefined && type.cleanFor === offeredView(state, type);
}

/** Something is under way that changes what the node has; a heartbeat does not. */
function isMoving({ inFlight }: TypeState): boolean {
  return inFlight !== undefined && inFlight.response.isHeartbeat !== true;
}

/** Offered content that the node has refused. */
interface Refused {
  readonly typeUrl: string;
  readonly name: string;
  /** The response was refused without a name: any of it may be missing. */
  readonly isWhole: boolean;
  /** The node has something older under that name. */
  readonly hasOlder: boolean;
  /** With it others are held back that the new listeners and routes need. */
  readonly withholds: boolean;
}

const noneRefused: readonly Refused[] = [];

function refusedOf(state: StreamState, role: TypeRole): readonly Refused[] {
  if (state.rejections.size === 0) return noneRefused;
  const refused: Refused[] = [];
  for (const type of subscribedTypes(state)) {
    if (type.type.role !== role) continue;
    const view = offeredView(state, type);
    if (view === undefined) continue;
    const { typeUrl, plural } = type.type;
    if (type.refusedView === view) {
      refused.push({ typeUrl, name: `all ${plural}`, isWhole: true, hasOlder: false, withholds: false });
    }
    for (const name of state.rejections.get(type.type.typeUrl)?.resources.keys() ?? []) {
      const wanted = view.resources.get(name);
      const asked = type.subscription.wildcard || type.subscription.names.has(name);
      // What is only kept until the routes have left it cannot be missed by the new ones.
      const table = state.sequencer.snapshot?.tables.get(type.type.typeUrl);
      const newest = table === undefined ? undefined : findByName(table.resources, name);
      const leaves = role === "supply" && newest?.version !== wanted?.version;
      if (wanted === undefined || !asked || leaves || !isRejected(state, wanted, view)) continue;
      const hasOlder = servesInstead(type.held.get(name), wanted);
      refused.push({ typeUrl, name, isWhole: false, hasOlder, withholds: withholdsSupply(state, type, wanted) });
    }
  }
  return refused;
}

/** Whether the new listeners and routes need what was refused; a cluster that nothing leads to is not missed. */
function isMissed(state: StreamState, { typeUrl, name, isWhole, hasOlder, withholds }: Refused): boolean {
  return withholds || (!hasOlder && (isWhole || isLedTo(state, typeUrl, name)));
}

/**
 * A full state is not sent while it would delete something of unknown content (compose.ts). Whatever else is new in it
 * is not there then, such as the cluster that a new route leads to.
 */
function withholdsSupply(state: StreamState, type: TypeState, rejected: Resource): boolean {
  const { typeUrl, role, fullStateInSotw } = type.type;
  const view = offeredView(state, type);
  if (state.variant === "delta" || !fullStateInSotw || role !== "supply" || view === undefined) return false;
  if (!type.held.has(rejected.name) || offerOf(state, type, view, rejected.name).kind !== "keep") return false;
  const mayHave = state.rejections.get(typeUrl)?.unlisted;
  for (const wanted of view.resources.values()) {
    if (!isWanted(type.subscription, wanted.name) || mayHave?.has(wanted.name) === true) continue;
    if (!servesInstead(type.held.get(wanted.name), wanted) && isLedTo(state, typeUrl, wanted.name)) return true;
  }
  return false;
}

function isLedTo(state: StreamState, typeUrl: string, name: string): boolean {
  const wanted = canonicalName(name);
  for (const { typeUrl: from, role } of resourceTypes) {
    for (const resource of state.sequencer.snapshot?.tables.get(from)?.resources.values() ?? []) {
      const leads = resource.references.some((to) => to.typeUrl === typeUrl && canonicalName(to.name) === wanted);
      if (!leads) continue;
      // Endpoints and secrets are led to when their cluster is; a cluster in a cluster counts as led to.
      if (role === "reference" || from === typeUrl || isLedTo(state, from, resource.name)) return true;
    }
  }
  return false;
}

/** Whether what the node has will do for now: endpoints must have hosts, and an empty version is unknown content. */
function servesInstead(held: Held | undefined, wanted: Resource): boolean {
  if (typeof held === "object") return held.hostCount > 0 || wanted.hostCount === 0;
  return (held ?? "") !== "";
}

/**
 * Whether the client has asked for everything that what it holds leads to. An Envoy that starts asks for
 * listeners only after its clusters are up, and for routes only after its listeners.
 */
function isComplete(states: readonly StreamState[]): boolean {
  const listeners = states[0]?.sequencer.snapshot?.tables.get(typeUrls.listener);
  if ((listeners?.resources.size ?? 0) > 0 && !states.some(({ types }) => types.has(typeUrls.listener))) return false;
  return hasAllChildren(states, typeUrls.cluster) && hasAllChildren(states, typeUrls.listener);
}

const childTypeUrls = resourceTypes.filter((type) => type.expiresByUnsubscribe).map(({ typeUrl }) => typeUrl);

/** `among`: only of children that are there. */
function hasAllChildren(
  states: readonly StreamState[],
  parentTypeUrl: string,
  among?: ReadonlyMap<string, TypeTable>,
): boolean {
  for (const parents of typesOf(states, parentTypeUrl)) {
    for (const typeUrl of childTypeUrls) {
      const there = among?.get(typeUrl)?.resources;
      for (const name of lackingChildren(states, parents, typeUrl)) {
        if (among === undefined || there?.has(name) === true) return false;
      }
    }
  }
  return true;
}

const noTypes: readonly TypeState[] = [];

/** One where all types come on one stream; Envoy opens a stream of endpoints for each cluster where they do not. */
function typesOf(states: readonly StreamState[], typeUrl: string): readonly TypeState[] {
  const [first, second] = states;
  const only = second === undefined ? first?.types.get(typeUrl) : undefined;
  if (second === undefined) return only === undefined ? noTypes : [only];
  return states.flatMap(({ types }) => types.get(typeUrl) ?? []);
}

/** Children of what is held that were not asked for yet, or neither sent nor refused nor said to be missing. */
function* lackingChildren(
  states: readonly StreamState[],
  parents: TypeState,
  childTypeUrl: string,
): Iterable<ResourceName> {
  const wanted = childrenOf(parents, childTypeUrl);
  if (wanted.size === 0) return;
  const rejected = states[0]?.rejections.get(childTypeUrl)?.resources;
  const types = typesOf(states, childTypeUrl);
  const isSettled = (children: TypeState, name: ResourceName): boolean => {
    const refused = children.subscription.names.has(name) && rejected?.has(name) === true;
    return refused || children.held.has(name) || children.missing.has(name);
  };
  const [children, second] = types;
  if (children === undefined) yield* wanted;
  else if (second === undefined) {
    const { held, subscription } = children;
    const doubtful = [notAskedFor(wanted, subscription.names), notIn(wanted, held.base)];
    for (const names of doubtful) for (const name of names) if (!isSettled(children, name)) yield name;
    for (const name of held.exceptions()) if (wanted.has(name) && !isSettled(children, name)) yield name;
  } else {
    const settled = new Set<ResourceName>();
    for (const each of types) for (const name of each.subscription.names) if (isSettled(each, name)) settled.add(name);
    for (const name of wanted) if (!settled.has(name)) yield name;
  }
}

/** Endpoints and secrets are used while their cluster, of the same name or not, is; it is asked about by itself. */
function isReferred(
  state: StreamState,
  states: readonly StreamState[],
  { typeUrl, name }: { readonly typeUrl: string; readonly name: ResourceName },
): boolean {
  const asked = typeUrl === typeUrls.endpoints ? typeUrls.cluster : typeUrl;
  if (state.resumed && awaitsRoutes(state, states)) return true;
  for (const type of subscribedTypes(state)) {
    if (type.type.role !== "reference") continue;
    if (state.resumed && holdsUnknown(type)) return true;
    if (refersTo(type, asked, name)) return true;
  }
  return false;
}

/** A client that came back may hold a listener or route that leads anywhere, until it has acknowledged ours. */
function holdsUnknown(type: TypeState): boolean {
  for (const name of type.subscription.names) if (!type.held.has(name) && !type.missing.has(name)) return true;
  return [...type.held.values()].some((held) => typeof held === "string");
}

/** It has a listener whose routes it has not asked for yet. */
function awaitsRoutes(state: StreamState, states: readonly StreamState[]): boolean {
  const routes = typesOf(states, typeUrls.route);
  for (const listener of state.types.get(typeUrls.listener)?.held.values() ?? []) {
    if (typeof listener === "string") continue;
    for (const { typeUrl, name } of listener.references) {
      const isAsked = () =>
        routes.some(({ subscription }) => subscription.names.has(resourceName(canonicalName(name))));
      if (typeUrl === typeUrls.route && !isAsked()) return true;
    }
  }
  return false;
}

/**
 * An Envoy that comes back while clusters are warming asks for them last (envoy#36951), and for endpoints in a
 * message after the clusters. A client that names its listeners asks for clusters last anyway, by name.
 */
function owesSupply(state: StreamState, states: readonly StreamState[]): boolean {
  if (!state.resumed) return false;
  const clusters = typesOf(states, typeUrls.cluster);
  if (clusters.length > 0) return !clusters.every((each) => hasAskedForChildren(states, each));
  const wanted = state.sequencer.snapshot?.tables.get(typeUrls.cluster);
  const listeners = typesOf(states, typeUrls.listener);
  return (wanted?.resources.size ?? 0) > 0 && listeners.every(({ subscription }) => subscription.wildcard);
}

function hasAskedForChildren(states: readonly StreamState[], clusters: TypeState): boolean {
  const endpoints = childrenOf(clusters, typeUrls.endpoints);
  const [only, second] = typesOf(states, typeUrls.endpoints);
  if (second === undefined) return notAskedFor(endpoints, only?.subscription.names ?? noNames).length === 0;
  const asked = new Set(typesOf(states, typeUrls.endpoints).flatMap(({ subscription }) => [...subscription.names]));
  return [...endpoints].every((name) => asked.has(name));
}

/** What has to happen before the next step, in words. */
export function describeWait(state: StreamState): string {
  const role: TypeRole = state.sequencer.phase === "supply" ? "supply" : "reference";
  const refused = refusedOf(state, role).filter((each) => role === "reference" || isMissed(state, each));
  const suspects = [...subscribedTypes(state)]
    .map(({ type }) => ({ plural: type.plural, count: suspectsCount(state, type.typeUrl) }))
    .find(({ count }) => count > 0);
  if (suspects !== undefined) return `the node to say which of ${suspects.count} ${suspects.plural} it rejects`;
  if (refused.length > 0) return `a cure for what the node rejected: ${listNames(refused.map(({ name }) => name))}`;
  const waits: string[] = [];
  for (const type of subscribedTypes(state)) {
    if (type.inFlight === undefined || !isMoving(type)) continue;
    const { resources, removed } = type.inFlight.response;
    waits.push(`ACK of ${type.type.plural} (${listNames([...resources.map(({ name }) => name), ...removed])})`);
  }
  if (waits.length === 0 && state.companions().length > 0) return "the other streams of the node";
  return waits.length > 0 ? waits.join(", ") : "the node to ask for what its clusters and listeners refer to";
}

function listNames(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN_MAX).join(", ");
  const rest = names.length - NAMES_SHOWN_MAX;
  if (names.length === 0) return "an empty response";
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}
