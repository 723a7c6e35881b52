/**
 * The guard against removing much by accident.
 *
 * A half-written file, an emptied directory or a bad merge reads as a wish to remove; obeying it at once
 * is the worst a control plane can do. So a change that removes a large part of a type, or the last of
 * it, is held until somebody confirms it. What one change replaces (a → b) is no removal.
 */
import type { NodeGroup } from "../model/intent.ts";
import type { KnownResource, KnownSnapshot, KnownTable } from "./known-snapshot.ts";
import type { ResourceName } from "./resource.ts";
import type { Snapshot } from "./snapshot.ts";
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
  /** For endpoints and route configurations: the hosts or virtual hosts of each of these names, before and after. */
  readonly hosts: readonly HostLoss[];
}

/** How many hosts there were, and would be. */
export interface HostLoss {
  readonly beforeCount: number;
  readonly afterCount: number;
}

/** What the guard looks at in a snapshot: by type URL the names of what serves anybody, with the number of its hosts. */
export type LivingNames = ReadonlyMap<string, ReadonlyMap<ResourceName, number>>;

/** Whether a snapshot may follow another without being confirmed. */
export type RemovalVerdict =
  | { readonly kind: "allowed" }
  | { readonly kind: "held"; readonly findings: readonly RemovalFinding[] };

/** Compares what is served with what is wanted, under the group's thresholds. */
export function checkRemoval(served: Snapshot, wanted: Snapshot, settings: NodeGroup["removalGuard"]): RemovalVerdict {
  const differing = [...served.tables.values()].filter((table) => {
    const after = wanted.tables.get(table.typeUrl);
    return table !== after && table.version !== after?.version;
  });
  return checkRemovalFrom(new Map(differing.map((table) => [table.typeUrl, livingIn(table)])), wanted, settings);
}

/** The same where no more than the names are known of what is served. */
export function checkRemovalFrom(
  served: LivingNames,
  wanted: Snapshot,
  settings: NodeGroup["removalGuard"],
): RemovalVerdict {
  if (settings.mode === "off") return { kind: "allowed" };
  const findings = [...served].flatMap(([typeUrl, living]) => {
    const finding = removalOf(typeUrl, living, wanted);
    return isTooMuch(finding, settings) ? [finding] : [];
  });
  return findings.length === 0 ? { kind: "allowed" } : { kind: "held", findings };
}

/** What the guard would look at, for whoever keeps it. */
export function livingNames({ tables }: Pick<KnownSnapshot, "tables">): LivingNames {
  return new Map([...tables.values()].map((table) => [table.typeUrl, livingIn(table)]));
}

function removalOf(typeUrl: string, served: ReadonlyMap<ResourceName, number>, snapshot: Snapshot): RemovalFinding {
  const table = snapshot.tables.get(typeUrl);
  const before = [...served.keys()].filter((name) => !isReplaced(typeUrl, name, snapshot));
  const after = livingIn(table);
  const removed = before.filter((name) => !after.has(name));
  const addedCount = after.size - (before.length - removed.length);
  const names = removed.slice(0, namesShownMax);
  return {
    typeUrl,
    removedCount: Math.max(0, removed.length - addedCount),
    ofCount: before.length,
    names,
    hosts: hasHosts(typeUrl)
      ? names.map((name) => ({
          beforeCount: served.get(name) ?? 0,
          afterCount: table?.resources.get(name)?.hostCount ?? 0,
        }))
      : [],
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

function livingIn(table: Pick<KnownTable, "resources"> | undefined): ReadonlyMap<ResourceName, number> {
  const resources = [...(table?.resources.values() ?? [])].filter(isAlive);
  return new Map(resources.map(({ name, hostCount }) => [name, hostCount]));
}

/** A load assignment or a route configuration without hosts serves nobody: emptying it counts as removing it. */
function isAlive({ typeUrl, hostCount }: KnownResource): boolean {
  return !hasHosts(typeUrl) || hostCount > 0;
}

function hasHosts(typeUrl: string): boolean {
  return typeUrl === typeUrls.endpoints || typeUrl === typeUrls.route;
}
