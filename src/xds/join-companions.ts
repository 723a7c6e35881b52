/**
 * A stream of one type that begins beside others of its node begins where they are.
 *
 * Without ADS an Envoy opens a stream whenever a cluster or listener needs something new. What it asks for there it
 * needs for the step that its other streams are at: endpoints of a cluster that is about to leave, or a route that a
 * listener had before. The newest snapshot alone does not have them.
 */
import type { ResourceName } from "../snapshot/resource.ts";
import { resourceType, typeUrls } from "../snapshot/type-url.ts";
import { isEmptied } from "./leaving.ts";
import type { Sequencer } from "./sequencer.ts";
import type { StreamState } from "./stream-state.ts";
import type { Retained } from "./view.ts";

/** Takes over how far the stream is on which the parents of this type are; before the first request is answered. */
export function joinCompanions(state: StreamState, typeUrl: string, atMs: number): void {
  const companions = state.companions().filter(({ types, sequencer }) => types.size > 0 && sequencer.snapshot);
  const role = resourceType(typeUrl)?.role;
  const parents = role === "supply" ? typeUrls.cluster : typeUrls.listener;
  const other = companions.find(({ types }) => types.has(parents)) ?? companions[0];
  if (other === undefined) return;
  const { sequencer } = state;
  const newest = sequencer.snapshot;
  const { retained, ...rest } = other.sequencer;
  Object.assign(sequencer, rest, { views: new Map() });
  sequencer.retained.clear();
  for (const [of, entries] of retained) {
    sequencer.retained.set(of, new Map([...entries].map(([name, entry]) => [name, { ...entry }])));
  }
  for (const { sequencer: each } of companions) keepClaimed(sequencer, typeUrl, each);
  if (role === "reference" && !other.types.has(parents)) {
    // The first listeners wait for all that was asked for before them and is not acknowledged yet.
    if (sequencer.phase !== "supply") Object.assign(sequencer, { phase: "supply", phaseSinceMs: atMs, overdue: false });
    sequencer.previous = undefined;
  }
  if (newest !== undefined && newest.version !== sequencer.snapshot?.version) sequencer.next = newest;
  state.fresh = other.fresh;
  state.resumed = other.resumed;
}

/** What a client that came back holds is known to the stream on which it said so. */
function keepClaimed(sequencer: Sequencer, typeUrl: string, other: Sequencer): void {
  const table = sequencer.snapshot?.tables.get(typeUrl);
  const kept = sequencer.retained.get(typeUrl) ?? new Map<ResourceName, Retained>();
  sequencer.retained.set(typeUrl, kept);
  for (const [name, entry] of other.retained.get(typeUrl) ?? []) {
    const successor = table?.resources.get(name);
    const leaves = successor === undefined || isEmptied(entry.resource, successor);
    if (entry.claimed && leaves && kept.get(name)?.claimed !== true) kept.set(name, { ...entry });
  }
}
