/**
 * Weights of splits that a runtime layer no longer has, while routes of before still read them.
 *
 * Envoy takes the weight of the route for a key that is not there: without this, a split whose backends are exchanged
 * would have the weights of the file for as long as its new clusters warm up, also one that somebody has set to 0. The
 * keys of the new backends are others (`translate/split-weights.ts`), so both stand side by side.
 */
import { resourceVersion } from "../snapshot/encode-content.ts";
import type { Resource, ResourceName, VersionInfo } from "../snapshot/resource.ts";
import type { TypeTable } from "../snapshot/snapshot.ts";
import { brand } from "../support/brand.ts";
import { runtimeLayerName } from "../translate/runtime-layer.ts";
import { weightKeys } from "../translate/split-weights.ts";
import { FieldCursor } from "./field-cursor.ts";
import type { Retained } from "./view.ts";

/** Of `envoy.service.runtime.v3.Runtime`, of the Struct in it and of an entry of that. */
const LAYER = 2;
const FIELDS = 1;
const KEY = 1;

/** The tag of the layer: a field with a length. */
const LAYER_TAG = (LAYER << 3) | 2;

/** Fairway's own layer, in which alone weights are. */
export const runtimeLayer = brand<ResourceName>(runtimeLayerName);

/** The layer of `after` with the weights of the one that is shown: that of `before`, or what is retained instead. */
export function leavingWeights(
  before: TypeTable,
  after: TypeTable,
  retained: ReadonlyMap<ResourceName, Pick<Retained, "resource">>,
): readonly Resource[] {
  const layer = after.resources.get(runtimeLayer);
  const shown = retained.get(runtimeLayer)?.resource ?? before.resources.get(runtimeLayer);
  if (layer === undefined || shown === undefined) return [];
  const kept = withLeavingWeights(shown, layer);
  return kept === layer ? [] : [kept];
}

const known = new WeakMap<Resource, WeakMap<Resource, Resource>>();

/** `after` with the weights that only `before` has; `after` itself when there are none. */
function withLeavingWeights(before: Resource, after: Resource): Resource {
  let ofBefore = known.get(before);
  if (ofBefore === undefined) known.set(before, (ofBefore = new WeakMap()));
  let kept = ofBefore.get(after);
  if (kept === undefined) ofBefore.set(after, (kept = keepWeights(before, after)));
  return kept;
}

/** A message that stands twice is read as one with the fields of both, so what is kept can stand behind the rest. */
function keepWeights(before: Resource, after: Resource): Resource {
  const values = entriesOf(after);
  const leaving = [...entriesOf(before)].filter(([key]) => key.startsWith(weightKeys) && !values.has(key));
  if (leaving.length === 0) return after;
  const layer = Buffer.concat(leaving.map(([, entry]) => entry));
  const body = Buffer.concat([after.body, Buffer.from([LAYER_TAG]), lengthOf(layer), layer]);
  const version = brand<VersionInfo>(resourceVersion(after.typeUrl, body, { ttlMs: after.ttlMs }));
  return { ...after, body, version };
}

/** The bytes of each value with its key and tag, by key. */
function entriesOf({ body }: Resource): ReadonlyMap<string, Buffer> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const entries = new Map<string, Buffer>();
  for (const message = new FieldCursor(bytes); message.next();) {
    if (message.number !== LAYER) continue;
    for (const layer = message.inside(); layer.next();) {
      if (layer.number !== FIELDS) continue;
      for (const entry = layer.inside(); entry.next();) {
        if (entry.number !== KEY) continue;
        entries.set(bytes.toString("utf8", entry.from, entry.end), bytes.subarray(layer.start, layer.end));
        break;
      }
    }
  }
  return entries;
}

const filled = new WeakMap<Resource, boolean>();

/** Whether the layer has any value: one that has none is missed by nobody. */
export function hasValues(runtime: Resource): boolean {
  let found = filled.get(runtime);
  if (found === undefined) filled.set(runtime, (found = entriesOf(runtime).size > 0));
  return found;
}

/** As a varint. */
function lengthOf({ length }: Buffer): Buffer {
  const bytes: number[] = [];
  let rest = length;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
