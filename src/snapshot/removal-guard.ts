/**
 * The guard against removing much by accident.
 *
 * A half-written file, an emptied directory or a bad merge reads as a wish to remove; obeying it at once
 * is the worst a control plane can do. So a change that removes a large part of a type, or the last of
 * it, is held until somebody confirms it. What one change replaces (a → b) is no removal.
 */
import type { NodeGroup } from "../model/intent.ts";
import type { Resource, ResourceName } from "./resource.ts";
import type { Snapshot, TypeTable } from "./snapshot.ts";
import { typeUrls } from "./type-url.ts";

/** More than this share of a type … */
const defaultPercent = 20;
/** … and at least so many: of four clusters, one may always go. */
const defaultMinimum = 3;
/** Names in a finding: enough to recognise what is meant. */
const namesShownMax = 10;

/** One type of which too much would go. */
export interface RemovalFinding {
  readonly typeUrl: string;
  /** What goes less what comes. */
  readonly removedCount: number;
  readonly ofCount: number;
  /** The first 10 names that go, sorted. */
  readonly names: readonly ResourceName[];
}

/** Whether a snapshot may follow another without being confirmed. */
export type RemovalVerdict =
  | { readonly kind: "allowed" }
  | { readonly kind: "held"; readonly findings: readonly RemovalFinding[] };

/** Compares what is served with what is wanted, under the group's thresholds. */
export function checkRemoval(served: Snapshot, wanted: Snapshot, settings: NodeGroup["removalGuard"]): RemovalVerdict {
  if (settings.mode === "off") return { kind: "allowed" };
  const findings = [...served.tables.values()].flatMap((table) => {
    const finding = removalOf(table, wanted);
    return finding !== undefined && isTooMuch(finding, settings) ? [finding] : [];
  });
  return findings.length === 0 ? { kind: "allowed" } : { kind: "held", findings };
}

function removalOf(served: TypeTable, snapshot: Snapshot): RemovalFinding | undefined {
  const wanted = snapshot.tables.get(served.typeUrl);
  if (served === wanted || served.version === wanted?.version) return undefined;
  const before = livingNames(served).filter((name) => !isReplaced(served.typeUrl, name, snapshot));
  const after = livingNames(wanted);
  const removed = before.filter((name) => !wantedAlive(wanted, name));
  const addedCount = after.length - (before.length - removed.length);
  return {
    typeUrl: served.typeUrl,
    removedCount: Math.max(0, removed.length - addedCount),
    ofCount: before.length,
    names: removed.slice(0, namesShownMax),
  };
}

/** A cluster that now finds its hosts by itself, such as by DNS, has no less than before without its load assignment. */
function isReplaced(typeUrl: string, name: ResourceName, wanted: Snapshot): boolean {
  if (typeUrl !== typeUrls.endpoints || wanted.tables.get(typeUrl)?.resources.has(name) === true) return false;
  const cluster = wanted.tables.get(typeUrls.cluster)?.resources.get(name);
  return cluster?.references.every((reference) => reference.typeUrl !== typeUrls.endpoints) === true;
}

function isTooMuch(finding: RemovalFinding, settings: NodeGroup["removalGuard"]): boolean {
  const { removedCount, ofCount } = finding;
  if (removedCount === 0) return false;
  if (removedCount === ofCount) return true;
  const percent = settings.percent ?? defaultPercent;
  const minimum = settings.minimum ?? defaultMinimum;
  return removedCount >= minimum && removedCount * 100 > percent * ofCount;
}

function livingNames(table: TypeTable | undefined): readonly ResourceName[] {
  return [...(table?.resources.values() ?? [])].filter(isAlive).map((resource) => resource.name);
}

function wantedAlive(table: TypeTable | undefined, name: ResourceName): boolean {
  const resource = table?.resources.get(name);
  return resource !== undefined && isAlive(resource);
}

/** A load assignment or a route configuration without hosts serves nobody: emptying it counts as removing it. */
function isAlive(resource: Resource): boolean {
  const hasHosts = resource.typeUrl === typeUrls.endpoints || resource.typeUrl === typeUrls.route;
  return !hasHosts || resource.hostCount > 0;
}
