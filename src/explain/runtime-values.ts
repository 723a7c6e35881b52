/**
 * The values that Envoys read while they work: those of the runtime layer of the snapshot.
 */
import { typeUrls } from "../snapshot/type-url.ts";
import { runtimeLayerName } from "../translate/runtime-layer.ts";
import type { ResourceLookup } from "./resource-lookup.ts";

export type RuntimeValues = Readonly<Record<string, unknown>>;

/** By key; of a group whose Envoys have no layer, none. */
export function runtimeValues(lookup: ResourceLookup): RuntimeValues {
  return lookup.get<{ readonly layer?: RuntimeValues }>(typeUrls.runtime, runtimeLayerName)?.json.layer ?? {};
}
