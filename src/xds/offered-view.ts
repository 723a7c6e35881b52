/**
 * What is offered of one type to one client: the sequencer's view, where it is the same for everybody, and for
 * what is asked for on demand an answer under each asked name; and of collections only what is in them.
 */
import { answerHosts } from "./asked-hosts.ts";
import { collectionView } from "./collections.ts";
import { viewOf } from "./sequencer.ts";
import type { StreamState, TypeState } from "./stream-state.ts";
import type { View } from "./view.ts";

/** Undefined while nothing is known to offer; the same object while nothing changed. */
export function offeredView(state: StreamState, type: TypeState): View | undefined {
  const view = viewOf(state.sequencer, type.type.typeUrl);
  if (view === undefined) return view;
  if (type.subscription.collections.size > 0) return collectionView(view, type.subscription);
  return type.type.onDemand && state.variant === "delta" ? answerHosts(view, type.subscription.names) : view;
}
