/**
 * Whether an Envoy does without the runtime layer of its group, because its bootstrap has none.
 *
 * It cannot be told the values in it, such as weights of splits, so it has not what its group is to have. Nothing waits
 * for it, because nothing comes of waiting: it has the limits of its clusters and the weights of its routes.
 */
import { typeUrls } from "../snapshot/type-url.ts";
import { runtimeLayerName } from "../translate/runtime-layer.ts";
import { hasValues, runtimeLayer } from "./leaving-weights.ts";
import type { StreamState } from "./stream-state.ts";

/** `coming`: it has asked for it and not acknowledged it yet. */
export type LayerStanding = "not-needed" | "held" | "coming" | "missing";

/** Clients that name their listeners are no Envoys, and have no such thing. */
export function layerStanding(state: StreamState): LayerStanding {
  const wanted = state.sequencer.snapshot?.tables.get(typeUrls.runtime)?.resources.get(runtimeLayer);
  if (wanted === undefined || !hasValues(wanted)) return "not-needed";
  const states = [state, ...state.companions()];
  const takesAll = (typeUrl: string) => states.some(({ types }) => types.get(typeUrl)?.subscription.wildcard === true);
  if (!takesAll(typeUrls.listener) && !takesAll(typeUrls.cluster)) return "not-needed";
  const runtimes = states.flatMap(({ types }) => types.get(typeUrls.runtime) ?? []);
  if (runtimes.some(({ held }) => held.has(runtimeLayer))) return "held";
  return runtimes.some(({ subscription }) => subscription.names.has(runtimeLayer)) ? "coming" : "missing";
}

/** For people. */
export const missingLayerText = `the runtime layer ${runtimeLayerName}, which its bootstrap does not have: start it with \`fairway bootstrap --runtime\``;
