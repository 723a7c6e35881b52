/**
 * Snapshots in the shape of the admin API.
 */
import { protoDuration } from "../model/duration.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Confirmation } from "../snapshot/confirmation.ts";
import { diffSnapshots } from "../snapshot/diff.ts";
import type { Resource } from "../snapshot/resource.ts";
import type { Snapshot, TypeTable } from "../snapshot/snapshot.ts";
import { resourceType } from "../snapshot/type-url.ts";
import type { Convergence } from "../fleet/convergence.ts";
import type { GroupView, HeldChange, PastSnapshot, RefusedConfig } from "./admin-views.ts";
import type { GroupJson, SnapshotJson, SnapshotListJson, WarningListJson } from "./api-schema.ts";
import { isoTime } from "./iso-time.ts";

/** Which resources of a snapshot, and how many. */
export interface ResourceQuery {
  readonly limit: number;
  /** `clusters/shop`: the type and name of the last resource of the page before. */
  readonly after?: string | undefined;
  readonly type?: string | undefined;
  /** Gives the resource itself; without it only name, version and place are shown. */
  readonly render?: ((resource: Resource) => unknown) | undefined;
}

/** A broken config can have thousands of problems; `fairway check` shows them all. */
const DIAGNOSTICS_MAX = 100;
/** Many have one cause, and a comparison wants all of them. */
const WARNINGS_MAX = 1_000;
/** Of encoded resources in one page; as JSON they are some five times larger. */
const PAGE_BYTES_MAX = 1024 * 1024;
/** How many resources are rendered before other work has its turn. */
const RENDERED_AT_ONCE_MAX = 20;

/** One group with its past. */
export function groupJson(group: GroupView, historyMax: number): GroupJson {
  const { current, held, convergence } = group;
  return {
    group: group.name,
    source: group.source,
    ...(current === undefined ? {} : { current: { ...pastJson(current), types: typesJson(current) } }),
    history: group.history.slice(0, historyMax).map(pastJson),
    ...(held === undefined ? {} : { held: heldJson(held, current) }),
    ...(convergence === undefined ? {} : { convergence: convergenceJson(convergence) }),
  };
}

/** Why the config is not used. */
export function refusedJson(refused: RefusedConfig): NonNullable<SnapshotListJson["refused"]> {
  return {
    since: isoTime(refused.sinceMs),
    diagnosticsCount: refused.diagnostics.length,
    diagnostics: refused.diagnostics.slice(0, DIAGNOSTICS_MAX).map((diagnostic) => ({ ...diagnostic })),
  };
}

/** What the config was warned of. */
export function warningsJson(warnings: readonly Diagnostic[]): WarningListJson {
  return {
    count: warnings.length,
    warnings: warnings.slice(0, WARNINGS_MAX).map((warning) => ({ ...warning })),
  };
}

/**
 * A page of a snapshot's resources, in the order of types and names; `snapshots` have equal content.
 * Rendering lets other work through, so the promise may take a while.
 */
export async function snapshotJson(
  snapshots: readonly [Snapshot, ...Snapshot[]],
  query: ResourceQuery,
): Promise<SnapshotJson> {
  const [snapshot] = snapshots;
  const types: SnapshotJson["types"] = {};
  const page = pageOf(snapshot, query);
  for (const table of snapshot.tables.values()) {
    const name = typeName(table.typeUrl);
    if (query.type !== undefined && query.type !== name) continue;
    types[name] = { version: table.version, count: table.resources.size, resources: [] };
  }
  let rendered = 0;
  for (const resource of page.resources) {
    types[typeName(resource.typeUrl)]?.resources.push(resourceJson(resource, query.render));
    rendered += 1;
    if (query.render !== undefined && rendered % RENDERED_AT_ONCE_MAX === 0) await otherWork();
  }
  return {
    version: snapshot.version,
    groups: snapshots.map(({ group, cause }) => ({ group, at: isoTime(cause.atMs), cause: cause.text })),
    types,
    ...(page.next === undefined ? {} : { next: page.next }),
  };
}

/** Names of a type that a held change removes, in the list of groups; the rest is a page of the snapshots away. */
const REMOVED_NAMES_MAX = 50;

/** The name of a type in the API. */
export function typeName(typeUrl: string): string {
  return resourceType(typeUrl)?.plural ?? typeUrl;
}

/** How long a node keeps it, and whether it has to ask for it; most are kept for good and sent to all. */
export function deliveryJson(resource: Resource | undefined): { readonly ttl?: string; readonly onDemand?: true } {
  return {
    ...(resource?.ttlMs === undefined ? {} : { ttl: protoDuration(resource.ttlMs) }),
    ...(resource?.onDemand === undefined ? {} : { onDemand: resource.onDemand }),
  };
}

function pageOf(
  snapshot: Snapshot,
  query: ResourceQuery,
): { readonly resources: readonly Resource[]; readonly next: string | undefined } {
  const resources: Resource[] = [];
  let bytes = 0;
  let last: string | undefined;
  for (const resource of rest(snapshot, query)) {
    const isFull = resources.length >= query.limit || (query.render !== undefined && bytes >= PAGE_BYTES_MAX);
    if (isFull) return { resources, next: last };
    resources.push(resource);
    bytes += resource.body.byteLength;
    last = `${typeName(resource.typeUrl)}/${resource.name}`;
  }
  return { resources, next: undefined };
}

/** The resources behind `after`, of the type that was asked for. */
function* rest(snapshot: Snapshot, { after, type }: ResourceQuery): Generator<Resource> {
  const slash = after?.indexOf("/") ?? -1;
  const afterType = after?.slice(0, slash);
  const afterName = after?.slice(slash + 1) ?? "";
  let begun = slash < 0;
  for (const table of snapshot.tables.values()) {
    const name = typeName(table.typeUrl);
    const isAfterType = name === afterType;
    if (begun || isAfterType) {
      if (type === undefined || type === name) yield* behind(table, begun ? undefined : afterName);
    }
    begun ||= isAfterType;
  }
}

function* behind(table: TypeTable, name: string | undefined): Generator<Resource> {
  for (const resource of table.resources.values()) {
    if (name === undefined || resource.name > name) yield resource;
  }
}

function resourceJson(
  resource: Resource,
  render: ResourceQuery["render"],
): NonNullable<SnapshotJson["types"][string]>["resources"][number] {
  const { name, version, at, hostCount } = resource;
  return {
    name,
    version,
    at: { ...at },
    ...deliveryJson(resource),
    ...(hostCount === 0 ? {} : { hosts: hostCount }),
    ...(render === undefined ? {} : { resource: render(resource) }),
  };
}

function pastJson({ version, cause, confirmed }: PastSnapshot): GroupJson["history"][number] {
  return {
    version,
    at: isoTime(cause.atMs),
    cause: cause.text,
    ...(confirmed === undefined ? {} : { confirmed: confirmedJson(confirmed) }),
  };
}

function confirmedJson({ actor, reason, replica, atMs }: Confirmation): GroupJson["history"][number]["confirmed"] {
  return { actor, actorVerified: false, at: isoTime(atMs), replica, ...(reason === undefined ? {} : { reason }) };
}

function typesJson(snapshot: Snapshot): NonNullable<GroupJson["current"]>["types"] {
  return Object.fromEntries(
    [...snapshot.tables.values()].map(({ typeUrl, version, resources }) => [
      typeName(typeUrl),
      { version, count: resources.size },
    ]),
  );
}

function heldJson(
  { snapshot, sinceMs, findings }: HeldChange,
  current: Snapshot | undefined,
): NonNullable<GroupJson["held"]> {
  return {
    ...pastJson(snapshot),
    heldSince: isoTime(sinceMs),
    findings: findings.map(({ typeUrl, removedCount, ofCount, names, hosts }) => ({
      type: typeName(typeUrl),
      removedCount,
      ofCount,
      names: [...names],
      ...(hosts.length === 0
        ? {}
        : {
            hosts: hosts.map(({ beforeCount, afterCount }, index) => ({
              of: names[index] ?? "",
              before: beforeCount,
              after: afterCount,
            })),
          }),
    })),
    changes: diffSnapshots(current, snapshot).map(({ typeUrl, added, changed, removed }) => ({
      type: typeName(typeUrl),
      added: added.length,
      changed: changed.length,
      removed: removed.length,
      removedNames: removed.slice(0, REMOVED_NAMES_MAX),
    })),
  };
}

function convergenceJson(convergence: Convergence): NonNullable<GroupJson["convergence"]> {
  const { publishedAtMs, convergedAtMs } = convergence;
  return {
    version: convergence.snapshotVersion,
    acknowledged: convergence.acknowledgedCount,
    pending: convergence.pendingCount,
    rejected: convergence.rejectedCount,
    disconnected: convergence.disconnectedCount,
    ...(publishedAtMs === undefined ? {} : { publishedAt: isoTime(publishedAtMs) }),
    ...(convergedAtMs === undefined ? {} : { convergedAt: isoTime(convergedAtMs) }),
    laggards: convergence.laggards.map(({ nodeId, state, reason, overdue }) => ({
      node: nodeId,
      state,
      ...(reason === undefined ? {} : { reason }),
      overdue,
    })),
  };
}

function otherWork(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
