/**
 * Responses for many streams at once: what leads from one view to the next for everybody with the same names.
 *
 * A stream qualifies when nothing is special about its client: it holds a view without exceptions and has
 * rejected nothing of the type. What is composed here is what `compose.ts` would compose for it alone, and is
 * made once; for the rest of the group it costs one look-up.
 */
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import { tableVersion } from "../snapshot/snapshot.ts";
import { findByName } from "./context-parameters.ts";
import { RESPONSE_BYTES_MAX, byName } from "./response-limits.ts";
import type { Composed, LastStep, SharedOutcome } from "./shared-responses.ts";
import type { StreamState, TypeState } from "./stream-state.ts";
import { isWanted } from "./subscription.ts";
import type { View } from "./view.ts";
import { nothing, partialView } from "./view.ts";
import { diffViews } from "./view-diff.ts";

/** More names than these that are sent again although unchanged are a case of their own. */
const FORCED_MAX = 64;

/** The response that is due, undefined when there is none, or `each by itself` when this client is special. */
export function composeShared(
  state: StreamState,
  type: TypeState,
  view: View,
): Composed | undefined | "each by itself" {
  if (!isPlain(state, type, view)) return "each by itself";
  const { shared, variant } = state;
  const full = variant === "sotw" && type.type.fullStateInSotw;
  if (!full && type.held.base === view && type.forced.size === 0 && !type.owed) return undefined;
  // Nearly every stream of a push makes the transition of the stream before it, so its key need not be made again.
  const last = shared.lastStep.get(type.type.typeUrl);
  if (last !== undefined && isSameStep(last, state, type, view) && last.composed.sequence > type.lastSequence) {
    return last.composed;
  }
  const composed = lookUp(state, type, view);
  if (typeof composed === "object" && !full && type.forced.size === 0 && !type.owed && type.held.base !== nothing) {
    const { wildcard, names } = type.subscription;
    shared.lastStep.set(type.type.typeUrl, { variant, from: type.held.base, to: view, wildcard, names, composed });
  }
  return composed;
}

/** `full` states depend on more than the transition, and are composed by their key alone. */
function isSameStep(last: LastStep, { variant }: StreamState, type: TypeState, view: View): boolean {
  if (last.to !== view || last.from !== type.held.base || last.variant !== variant) return false;
  const { wildcard, names } = type.subscription;
  return last.names === names && last.wildcard === wildcard && type.forced.size === 0 && !type.owed;
}

function lookUp(state: StreamState, type: TypeState, view: View): Composed | undefined | "each by itself" {
  const { shared, variant } = state;
  const full = variant === "sotw" && type.type.fullStateInSotw;
  const key = keyOf(state, type, view);
  const outcome = shared.remembered(key, () => (full ? fullState(state, type, view) : difference(state, type, view)));
  if (outcome === "each by itself") return outcome;
  if (full) type.refusedView = undefined;
  if (outcome === "nothing") return undefined;
  if (full && outcome.response.versionInfo === type.confirmedVersion && !type.owed) return undefined;
  return outcome.sequence > type.lastSequence ? outcome : shared.renewed(key, outcome);
}

function isPlain(state: StreamState, type: TypeState, view: View): boolean {
  // What answers a name on demand is removed under another.
  if (type.type.onDemand || view.untouched.size > 0) return false;
  if (type.held.exceptionsCount > 0 || type.forced.size > FORCED_MAX) return false;
  const rejections = state.rejections.get(type.type.typeUrl);
  return rejections === undefined || rejections.resources.size + rejections.wholeVersions.length === 0;
}

function keyOf({ shared, variant, sequencer }: StreamState, type: TypeState, view: View): string {
  const { wildcard, names } = type.subscription;
  const forced = type.forced.size === 0 ? "" : [...type.forced].sort().join("\n");
  const ids = `${shared.idOf(type.held.base)} ${shared.idOf(view)} ${names.size === 0 ? 0 : shared.idOf(names)}`;
  // What is about to come is not said to be missing.
  const coming = type.held.base === nothing ? sequencer.snapshot?.tables.get(type.type.typeUrl)?.version : undefined;
  return `${variant} ${type.type.shortName} ${ids} ${wildcard ? "*" : ""} ${type.owed ? "owed" : ""} ${coming ?? ""} ${forced}`;
}

/** Delta, and the SotW types in which absence means nothing: what differs. */
function difference(state: StreamState, type: TypeState, view: View): SharedOutcome {
  const { held, subscription, forced } = type;
  const from = held.base;
  const { changed, removed } = diffViews(from, view);
  const absent = from === nothing ? [...subscription.names].filter((name) => !view.resources.has(name)) : [];
  if (absent.length > 0 && !mayBeMissing(state, type, absent)) return "each by itself";
  if (removed.some((name) => subscription.names.has(name))) return "each by itself";
  const gone = subscription.wildcard ? removed : [];
  const wanted = new Set<ResourceName>();
  for (const name of changed) if (isWanted(subscription, name)) wanted.add(name);
  for (const name of forced) if (view.resources.has(name) && isWanted(subscription, name)) wanted.add(name);
  if ([...forced].some((name) => !view.resources.has(name))) return "each by itself";
  if (subscription.wildcard && [...wanted].some((name) => view.unclaimed.has(name))) return "each by itself";
  if (wanted.size + gone.length + absent.length === 0 && !type.owed) return "nothing";
  const all = [...wanted].flatMap((name) => view.resources.get(name) ?? []);
  const count = fitting(all);
  const complete = count === all.length;
  const resources = complete ? all : all.slice(0, count);
  const to = complete
    ? view
    : partialView(
        from,
        view,
        resources.map(({ name }) => name),
      );
  const { typeUrl } = type.type;
  return state.shared.compose(
    // What does not exist is said with the first part: the parts after it look at what differs only.
    { typeUrl, versionInfo: versionOf(state, type, view), resources, removed: [...absent, ...(complete ? gone : [])] },
    { completes: complete ? view : undefined, step: { from, to } },
  );
}

/** Only delta can say that there is none, and not of what is about to come. */
function mayBeMissing({ variant, sequencer }: StreamState, type: TypeState, names: readonly ResourceName[]): boolean {
  const table = sequencer.snapshot?.tables.get(type.type.typeUrl);
  if (variant !== "delta") return false;
  return table === undefined || names.every((name) => findByName(table.resources, name) === undefined);
}

/** In delta for people only; in SotW the version of all that the client is to hold. */
function versionOf({ variant }: StreamState, type: TypeState, view: View): string {
  if (variant === "delta") return view.tableVersion;
  return tableVersion([...type.subscription.names].flatMap((name) => view.resources.get(name) ?? []).sort(byName));
}

function fitting(resources: readonly Resource[]): number {
  let bytes = 0;
  for (const [index, resource] of resources.entries()) {
    bytes += resource.name.length + resource.body.byteLength;
    if (index > 0 && bytes > RESPONSE_BYTES_MAX) return index;
  }
  return resources.length;
}

/** SotW types in which absence means deletion: everything. */
function fullState(state: StreamState, type: TypeState, view: View): SharedOutcome {
  const { wildcard, names } = type.subscription;
  if (!wildcard && names.size === 0) return "nothing";
  if (view.unclaimed.size > 0 && diffViews(type.held.base, view).changed.some((name) => view.unclaimed.has(name))) {
    return "each by itself";
  }
  const table = state.sequencer.snapshot?.tables.get(type.type.typeUrl);
  const wanted = wildcard ? [...view.resources.values()] : [...names].flatMap((name) => view.resources.get(name) ?? []);
  // When nothing is left but the snapshot has some, saying nothing is better than "delete everything".
  if (wanted.length === 0 && (table?.resources.size ?? 0) > 0) return "each by itself";
  const resources = wanted.sort(byName);
  const { typeUrl } = type.type;
  return state.shared.compose(
    { typeUrl, versionInfo: tableVersion(resources), resources, removed: [] },
    { completes: view, step: { from: type.held.base, to: view } },
  );
}
