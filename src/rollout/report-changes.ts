/**
 * What changed of the served config while a rollout was on: between the versions of its beginning and of its end, or of
 * now, and what others did meanwhile.
 *
 * The weights of the split itself differ wherever it is used, so such a resource is only counted; what else differs is
 * what somebody else has pushed, and may be why the figures are as they are.
 */
import type { JsonValue } from "../model/intent.ts";
import { byWeight, fieldText, placeText, resourceText } from "../snapshot/change-words.ts";
import type { FieldChange } from "../snapshot/field-changes.ts";
import { isMap, itemsOf, textOf } from "../snapshot/field-changes.ts";
import type { GroupPlan, PlannedChange } from "../snapshot/plan.ts";
import { weightKeys } from "../translate/split-weights.ts";

/** See the file's comment. */
export interface ReportChanges {
  readonly until: "end" | "now";
  /** Sorted by name. */
  readonly groups: readonly ChangedGroup[];
  /** What others did in that time, oldest first. */
  readonly meanwhile: readonly Meanwhile[];
  readonly meanwhileLeftOut: number;
}

/** One group of nodes. */
export interface ChangedGroup {
  readonly group: string;
  readonly from: string;
  /** Absent when the group is served nothing any more. */
  readonly to?: string | undefined;
  /** Why nothing more is known of it. */
  readonly unknown?: string | undefined;
  /** Resources in which nothing differs but the weights of the split. */
  readonly weightsOnlyCount: number;
  /** The others; what Envoys notice most comes first. */
  readonly changes: readonly ChangedResource[];
  readonly changesLeftOut: number;
}

export interface ChangedResource {
  readonly kind: PlannedChange["kind"];
  /** `clusters/shop`. */
  readonly resource: string;
  /** `shop.yaml:5`: what causes it, or of one that is gone what did. */
  readonly at: string;
  /** `timeout 3s → 5s`, in Envoy's words. */
  readonly fields: readonly string[];
  readonly fieldsLeftOut: number;
  /** What Envoys did that somebody may have noticed. */
  readonly effects: readonly string[];
}

/** A change of the config, or of the weights of another split. */
export interface Meanwhile {
  readonly at: string;
  readonly what: string;
}

/** How much of it is told. */
export interface ChangeBounds {
  readonly changesMax: number;
  readonly fieldsMax: number;
  readonly meanwhileMax: number;
}

/** What people read, and what `--all` shows. */
export const changeBounds: ChangeBounds = { changesMax: 20, fieldsMax: 5, meanwhileMax: 20 };
export const allChangeBounds: ChangeBounds = { changesMax: 2_000, fieldsMax: 200, meanwhileMax: 500 };

/** The split of a rollout, and the clusters of its backends. */
export interface OwnWeights {
  readonly split: string;
  readonly clusters: ReadonlySet<string>;
}

/** Of a group whose two versions are both known. */
export function changedGroup(
  { group, changes: all }: Pick<GroupPlan, "group" | "changes">,
  { from, to }: { readonly from: string; readonly to: string },
  { own, bounds }: { readonly own: OwnWeights; readonly bounds: ChangeBounds },
): ChangedGroup {
  const others = all.filter((change) => !isWeightsOnly(change, own));
  return {
    group,
    from,
    to,
    weightsOnlyCount: all.length - others.length,
    changes: byWeight(others)
      .slice(0, bounds.changesMax)
      .map((change) => changedResource(change, own, bounds)),
    changesLeftOut: Math.max(others.length - bounds.changesMax, 0),
  };
}

function isWeightsOnly({ kind, fields }: PlannedChange, own: OwnWeights): boolean {
  return kind === "changed" && fields.length > 0 && fields.every((field) => isOwnWeight(field, own));
}

const runtimeKey = /^layer\.(.+)\.[0-9a-f]{8}\./;
const weightOfCluster = /\bweighted_clusters\.clusters\[([^\]]+)\](\.weight)?$/;
/** A TCP proxy leaves out what has no weight, and with one cluster left there are none to weigh. */
const targetOfProxy = /\.filters\[[^\]]+\]\.typed_config\.(?:cluster|weighted_clusters)$/;

/** In a route, a TCP proxy or the runtime layer. */
function isOwnWeight({ path, before, after }: FieldChange, { split, clusters }: OwnWeights): boolean {
  if (runtimeKey.exec(path)?.[1] === `${weightKeys}${split}`) return true;
  const cluster = weightOfCluster.exec(path)?.[1];
  if (cluster !== undefined) return clusters.has(cluster);
  return (
    targetOfProxy.test(path) && [...clusterNames(before), ...clusterNames(after)].every((name) => clusters.has(name))
  );
}

/** Of `cluster`, or of `weighted_clusters`. */
function clusterNames(target: JsonValue | undefined): readonly string[] {
  if (target === undefined) return [];
  if (!isMap(target)) return [textOf(target)];
  return itemsOf(target["clusters"]).map((item) => (isMap(item) ? textOf(item["name"]) : ""));
}

function changedResource(change: PlannedChange, own: OwnWeights, { fieldsMax }: ChangeBounds): ChangedResource {
  const fields = change.fields.filter((field) => !isOwnWeight(field, own));
  return {
    kind: change.kind,
    resource: resourceText(change),
    at: placeText(change.at),
    fields: [
      ...fields.slice(0, fieldsMax).map(fieldText),
      ...(change.isConcealed ? ["a value that is not shown"] : []),
    ],
    fieldsLeftOut: Math.max(fields.length - fieldsMax, 0),
    effects: change.effects.flatMap(({ weight, text }) => (weight === "quiet" ? [] : [text])),
  };
}
