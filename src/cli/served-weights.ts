/**
 * The weights that were set at a running server, as a build takes them: what a change of config does is seen with them in
 * force, and what it does not do because of them is told.
 */
import type { SplitJson } from "../admin/split-schema.ts";
import type { Split } from "../model/intent-split.ts";
import type { LiveWeights } from "../model/live-weights.ts";
import { sharesOf } from "../model/live-weights.ts";
import type { LiveShare } from "../snapshot/change-effects.ts";
import { sameContent } from "../support/same-content.ts";
import { clusterName, fallbackClusterName } from "../translate/names.ts";
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

/** By the name of a cluster: which of its shares were set, as the files have the splits now. */
export function liveSharesOf(
  served: readonly SplitJson[],
  splits: readonly Split[],
): (cluster: string) => readonly LiveShare[] {
  const set = liveWeights(served);
  const shares = splits.flatMap((split) => {
    const live = set.get(split.name);
    if (live === undefined) return [];
    const inForce = percents(sharesOf(split, live));
    return split.backends.flatMap(({ name: backend, service, subset }) => {
      const percent = inForce[backend] ?? 0;
      const clusters = [
        clusterName(service, subset),
        ...(subset === undefined ? [] : [fallbackClusterName(service, subset)]),
      ];
      return percent === 0
        ? []
        : clusters.map((cluster) => ({ cluster, share: { split: split.name, backend, percent } }));
    });
  });
  const byCluster = Map.groupBy(shares, ({ cluster }) => cluster);
  return (cluster) => (byCluster.get(cluster) ?? []).map(({ share }) => share);
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
