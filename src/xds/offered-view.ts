/**
 * What is offered of one type to one client: the sequencer's view, where it is the same for everybody, and for
 * what is asked for on demand an answer under each asked name; and of collections only what is in them.
 */
import { answerHosts } from "./asked-hosts.ts";
import { collectionView } from "./collections.ts";
import { viewAsAsked } from "./context-parameters.ts";
import { askedView } from "./on-demand-clusters.ts";
import { viewOf } from "./sequencer.ts";
import type { StreamState, TypeState } from "./stream-state.ts";
import type { View } from "./view.ts";

/** Undefined while nothing is known to offer; the same object while nothing changed. */
export function offeredView(state: StreamState, type: TypeState): View | undefined {
  const view = viewOf(state.sequencer, type.type.typeUrl);
  return view === undefined ? undefined : viewFor(state, type, view);
}

/** The part of any view that is for this client, by the names that it asks for; the same object for the same names. */
export function viewFor(state: StreamState, type: TypeState, view: View): View {
  const { names, collections, wildcard } = type.subscription;
  const isDelta = state.variant === "delta";
  if (type.type.onDemand && isDelta) return answerHosts(view, names);
  const named = viewAsAsked(view, names);
  if (collections.size > 0) return collectionView(named, type.subscription);
  return wildcard && isDelta ? askedView(state, type, named) : named;
}
