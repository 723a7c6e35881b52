/**
 * Finds out which resource a node rejected when it did not say: by sending the suspects in halves.
 *
 * Half of the suspects are offered with their new content, the others stay with what was accepted before. What is
 * acknowledged was not to blame; what is rejected again is halved again. When the bad one is found, the rest is
 * offered at once. The number of trials is bounded: after it what is still suspected is held together, until a
 * part of it changes.
 */
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import { isGivenUp, reject, rejectionsOf } from "./offer.ts";
import { offeredView } from "./offered-view.ts";
import type { BlamedTogether, Response, StreamState, TypeState } from "./stream-state.ts";

/** Enough to find one bad resource among a million, or four among a hundred. */
const TRIALS_MAX = 40;

/** A resource that is known to be bad without having been named. */
export interface Guilty {
  readonly name: ResourceName;
  readonly version: string;
  /** The words with which the node rejected it among others. */
  readonly message: string;
}

/** The node rejected all these contents together and named none: at least one of them is bad. */
export function suspect(
  state: StreamState,
  type: TypeState,
  rejected: { readonly suspects: readonly Resource[]; readonly message: string },
): void {
  const { suspects, message } = rejected;
  const [only, second] = suspects;
  const tried = suspects.map((resource) => groupOf(state, resource)).find((group) => group !== undefined);
  if (second === undefined) {
    if (only === undefined) return;
    reject(state, type, [only]);
    if (tried !== undefined) clear(tried, only.name);
    return;
  }
  const names = new Set(suspects.map(({ name }) => name));
  const versions = stillWanted(state, type, tried);
  for (const { name, version } of suspects) versions.set(name, version);
  const isSame = (name: ResourceName) => versions.get(name) === tried?.versions.get(name);
  const group: BlamedTogether = {
    typeUrl: type.type.typeUrl,
    versions,
    rejected: [...(tried?.rejected ?? []).filter((each) => [...each].every(isSame)), names],
    focus: new Set(names),
    isCertain: true,
    trying: new Set(),
    trialsLeft: tried?.trialsLeft ?? TRIALS_MAX,
    message,
    checkedFor: undefined,
    isWhole: true,
  };
  reject(state, type, suspects, group);
  if (tried !== undefined) moveAll(state, tried, group);
  tryHalf(group);
}

/** Some of what was rejected together are not offered while they leave; wanted again they count as what may be good. */
export function giveUp(
  state: StreamState,
  type: TypeState,
  leaving: readonly Resource[],
  rejected: { readonly suspects: readonly Resource[]; readonly message: string },
): void {
  const { suspects, message } = rejected;
  reject(state, type, leaving, {
    typeUrl: type.type.typeUrl,
    versions: new Map(suspects.map(({ name, version }) => [name, version])),
    rejected: [],
    focus: new Set(),
    isCertain: false,
    trying: new Set(),
    trialsLeft: 0,
    message,
    checkedFor: undefined,
    isWhole: true,
  });
}

/** Of what was suspected before, the part that has not changed since: once any has, the group counts for nothing. */
function stillWanted(
  state: StreamState,
  type: TypeState,
  tried: BlamedTogether | undefined,
): Map<ResourceName, string> {
  const view = offeredView(state, type);
  const newest = state.sequencer.snapshot?.tables.get(type.type.typeUrl);
  const isWanted = ([name, version]: readonly [ResourceName, string]) =>
    (view?.resources.get(name)?.version === version && !isGivenUp(state, type.type.typeUrl, view, name)) ||
    newest?.resources.get(name)?.version === version;
  return new Map([...(tried?.versions ?? [])].filter(isWanted));
}

/** The node named these: with that, those that were suspected beside them are to be tried. */
export function rejectNamed(state: StreamState, type: TypeState, named: readonly Resource[]): void {
  const groups = named.map((resource) => groupOf(state, resource));
  reject(state, type, named);
  for (const [index, { name }] of named.entries()) {
    const group = groups[index];
    if (group !== undefined) clear(group, name);
  }
}

/**
 * The node acknowledged the response: what it holds of suspects is good. Returns the resource that is found
 * guilty by that, with the words with which it was once rejected.
 */
export function acquit(state: StreamState, type: TypeState, response: Response): Guilty | undefined {
  const rejections = state.rejections.get(type.type.typeUrl);
  if (rejections === undefined || rejections.resources.size === 0) return undefined;
  const groups = new Set<BlamedTogether>();
  for (const resource of response.resources) {
    const group = groupOf(state, resource);
    if (group === undefined) continue;
    group.versions.delete(resource.name);
    group.focus.delete(resource.name);
    groups.add(group);
  }
  for (const group of groups) {
    type.cleanFor = undefined;
    const [name, second] = group.focus;
    if (name !== undefined && second === undefined && group.isCertain) {
      const version = group.versions.get(name) ?? "";
      blame(state, group, name);
      clear(group, name);
      return { name, version, message: group.message };
    }
    if (name === undefined) tryRest(group);
    else tryHalf(group);
  }
  return undefined;
}

/** How many resources of a type the node is still asked about in this way. */
export function suspectsCount(state: StreamState, typeUrl: string): number {
  for (const rejections of state.rejections.get(typeUrl)?.resources.values() ?? []) {
    for (const { together } of rejections)
      if (together?.isWhole === true && together.trying.size > 0) return together.versions.size;
  }
  return 0;
}

function groupOf(state: StreamState, { typeUrl, name, version }: Resource): BlamedTogether | undefined {
  const known = state.rejections.get(typeUrl)?.resources.get(name);
  const group = known?.find((rejection) => rejection.version === version)?.together;
  return group?.versions.get(name) === version ? group : undefined;
}

/** `name` is known to be bad, so the others are tried. */
function clear(group: BlamedTogether, name: ResourceName): void {
  group.versions.delete(name);
  tryRest(group);
}

/** The rejection stands by itself from now on. */
function blame(state: StreamState, group: BlamedTogether, name: ResourceName): void {
  const { resources } = rejectionsOf(state, group.typeUrl);
  const known = resources.get(name) ?? [];
  resources.set(
    name,
    known.map((rejection) => (rejection.together === group ? { ...rejection, together: undefined } : rejection)),
  );
}

function moveAll(state: StreamState, from: BlamedTogether, to: BlamedTogether): void {
  const { resources } = rejectionsOf(state, from.typeUrl);
  for (const name of from.versions.keys()) {
    const known = resources.get(name);
    if (known === undefined) continue;
    resources.set(
      name,
      known.map((rejection) => {
        // Another content of the same name stays as it is: rejected as long as all of that response is wanted.
        const moves = rejection.together === from && rejection.version === to.versions.get(name);
        return moves ? { ...rejection, together: to } : rejection;
      }),
    );
  }
  from.trying = new Set();
}

/** Nothing is known of those that are left, so all of them are; but not what was rejected together before. */
function tryRest(group: BlamedTogether): void {
  const rejected = group.rejected.find((names) => [...names].every((name) => group.versions.has(name)));
  group.focus = new Set(rejected ?? group.versions.keys());
  group.isCertain = rejected !== undefined;
  if (group.isCertain) tryHalf(group);
  else offer(group, [...group.focus]);
}

function tryHalf(group: BlamedTogether): void {
  const names = [...group.focus].sort();
  offer(group, names.slice(0, Math.ceil(names.length / 2)));
}

function offer(group: BlamedTogether, names: readonly ResourceName[]): void {
  group.trialsLeft -= 1;
  group.trying = new Set(group.trialsLeft < 0 ? [] : names);
  group.checkedFor = undefined;
}
