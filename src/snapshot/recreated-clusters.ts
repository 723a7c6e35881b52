/**
 * Warnings about clusters that Envoy would make anew, with what is lost by it.
 *
 * Envoy never changes a cluster: whatever field of the resource differs, it builds a second one and drops the
 * first, with its connections, its ejected hosts and all that it has counted. Endpoints are a resource of their
 * own, so hosts that come and go lose nothing; nor does a cluster that is only sent otherwise, as on demand.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
import type { JsonValue } from "../model/intent.ts";
import { changedFields } from "./changed-fields.ts";
import { deliveryChange } from "./delivery-change.ts";
import { createRedactor } from "./redact.ts";
import { renderResource } from "./render.ts";
import type { Resource } from "./resource.ts";
import type { GroupName, Snapshot } from "./snapshot.ts";
import { typeUrls } from "./type-url.ts";

/** Each costs decoding twice, and nobody reads more of them. */
const CLUSTERS_MAX = 20;
/** So many fields fit into a sentence. */
const FIELDS_MAX = 3;

interface Change {
  readonly before: Resource;
  readonly after: Resource;
}

/** One warning for each cluster that differs, whichever groups have it; a group that is new loses nothing. */
export function recreatedClusters(
  before: ReadonlyMap<GroupName, Snapshot>,
  after: ReadonlyMap<GroupName, Snapshot>,
  api: EnvoyApi,
): readonly Diagnostic[] {
  const changes = new Map<string, Change>();
  for (const [group, snapshot] of after) {
    for (const change of changedClusters(before.get(group), snapshot)) {
      changes.set(`${change.after.name} ${change.before.version} ${change.after.version}`, change);
    }
  }
  const all = [...changes.values()];
  const redact = createRedactor(api);
  const told = all.slice(0, CLUSTERS_MAX).map((change) => explain(change, (item) => renderResource(item, api, redact)));
  const next = all[CLUSTERS_MAX];
  return next === undefined ? told : [...told, theRest(next, all.length - CLUSTERS_MAX)];
}

function* changedClusters(before: Snapshot | undefined, after: Snapshot): Iterable<Change> {
  const [old, now] = [before?.tables.get(typeUrls.cluster), after.tables.get(typeUrls.cluster)];
  if (old === undefined || now === undefined || old.version === now.version) return;
  for (const [name, resource] of now.resources) {
    const known = old.resources.get(name);
    if (known === undefined || known.version === resource.version) continue;
    if (deliveryChange(known, resource)?.isAll !== true) yield { before: known, after: resource };
  }
}

function explain({ before, after }: Change, render: (resource: Resource) => JsonValue): Diagnostic {
  const old = render(before);
  const fields = changedFields(old, render(after));
  const shown = fields.slice(0, FIELDS_MAX).join(", ");
  const more = fields.length > FIELDS_MAX ? ` and ${fields.length - FIELDS_MAX} more` : "";
  return {
    code: "cluster-recreated",
    severity: "warning",
    // What is redacted looks the same before and after.
    message: `Envoys will make the cluster \`${after.name}\` anew (${shown === "" ? "a secret changed" : `${shown}${more}`}): ${lostWithCluster(old)}`,
    at: after.at,
    hint: "nothing is lost when only endpoints change; make such a change when there is little traffic, and changes of one cluster together",
    ...(before.at.file === after.at.file ? {} : { related: { at: before.at, message: "what it is compared with" } }),
  };
}

/** What the old cluster knew. */
export function lostWithCluster(cluster: JsonValue): string {
  const fields = cluster as { readonly [key: string]: JsonValue };
  return [
    "its connections are drained",
    ...("outlier_detection" in fields ? ["ejected hosts get requests again"] : []),
    ...("health_checks" in fields ? ["every host is checked anew"] : []),
    ...("circuit_breakers" in fields ? ["its circuit breakers count from zero"] : []),
  ].join(", ");
}

function theRest({ after }: Change, count: number): Diagnostic {
  return {
    code: "cluster-recreated",
    severity: "warning",
    message: `Envoys will make ${count} more cluster${count === 1 ? "" : "s"} anew`,
    at: after.at,
    hint: "repeat the comparison after a part of the change to see these",
  };
}
