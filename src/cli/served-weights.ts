/**
 * The weights that were set at a running server, as a build takes them: what a change of config does is seen with them in
 * force, and what it does not do because of them is told.
 */
import type { SplitJson } from "../admin/split-schema.ts";
import type { Split } from "../model/intent-split.ts";
import type { LiveWeights } from "../model/live-weights.ts";
import { sharesOf } from "../model/live-weights.ts";
import { sameContent } from "../support/same-content.ts";
import { askServer } from "./ask-server.ts";
import { byText, weightsText } from "./draw-splits.ts";

/** All that the server has; none of a server that knows nothing of splits. */
export async function servedSplits(server: string): Promise<readonly SplitJson[]> {
  const { status, body } = await askServer(server, "/v1/splits");
  return status === 200 ? (body as { readonly splits: readonly SplitJson[] }).splits : [];
}

/** By split. */
export function liveWeights(served: readonly SplitJson[]): ReadonlyMap<string, LiveWeights> {
  return new Map(
    served.flatMap((split) => {
      const live = weightsOf(split);
      return live === undefined ? [] : [[split.name, live]];
    }),
  );
}

/** A sentence for each split whose file says something new that nobody gets, because other weights are set. */
export function hiddenDefaults(served: readonly SplitJson[], splits: readonly Split[]): readonly string[] {
  const files = new Map(splits.map((split) => [split.name, split]));
  return served.flatMap((split) => {
    const [file, live] = [files.get(split.name), weightsOf(split)];
    if (file === undefined || live === undefined || split.lastChange === undefined) return [];
    const own = percents(sharesOf(file, undefined));
    const inForce = percents(sharesOf(file, live));
    if (sameContent(own, split.default) || sameContent(own, inForce)) return [];
    return [
      `the new default of split \`${split.name}\` (${weightsText(own)}) is hidden by the weights that are set (${weightsText(inForce)}), change ${split.number} by ${byText(split.lastChange)}; \`fairway split reset ${split.name}\` takes them back`,
    ];
  });
}

function weightsOf({ name, number, source, mirror, lastChange }: SplitJson): LiveWeights | undefined {
  if (source === "file" || lastChange === undefined) return undefined;
  const shares = Object.entries(lastChange.after).map(([backend, percent]) => [backend, Math.round(percent * 100)]);
  const copies = mirror && { backend: mirror.backend, share: Math.round(mirror.percent * 100) };
  return {
    split: name,
    revision: number,
    shares: Object.fromEntries(shares) as Record<string, number>,
    mirror: copies,
  };
}

function percents(shares: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(shares).map(([backend, share]) => [backend, share / 100]));
}
