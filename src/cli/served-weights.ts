/**
 * The weights that were set at a running server, as a build takes them: what a change of config does is seen with them in
 * force.
 */
import type { SplitJson } from "../admin/split-schema.ts";
import type { LiveWeights } from "../model/live-weights.ts";
import { askServer } from "./ask-server.ts";

/** By split; none of a server that knows nothing of it. */
export async function servedWeights(server: string): Promise<ReadonlyMap<string, LiveWeights>> {
  const { status, body } = await askServer(server, "/v1/splits");
  if (status !== 200) return new Map();
  const { splits } = body as { readonly splits: readonly SplitJson[] };
  return new Map(splits.flatMap((split) => weightsOf(split)));
}

function weightsOf({ name, number, source, lastChange }: SplitJson): readonly (readonly [string, LiveWeights])[] {
  if (source === "file" || lastChange === undefined) return [];
  const shares = Object.entries(lastChange.after).map(([backend, percent]) => [backend, Math.round(percent * 100)]);
  return [[name, { split: name, revision: number, shares: Object.fromEntries(shares) as Record<string, number> }]];
}
