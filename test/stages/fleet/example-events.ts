/**
 * Stream events and snapshots in short, for tests of what is made from them.
 */
import { brand } from "../../../src/support/brand.ts";
import type { Resource, ResourceName, VersionInfo } from "../../../src/snapshot/resource.ts";
import type { GroupName, Snapshot } from "../../../src/snapshot/snapshot.ts";
import { createSnapshot, createTable } from "../../../src/snapshot/snapshot.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import type { NodeIdentity, StreamEvent } from "../../../src/xds/stream-event.ts";

export const edge = brand<GroupName>("edge");

type Of<K extends StreamEvent["kind"]> = Extract<StreamEvent, { readonly kind: K }>;

/** What a node says of itself. */
export function identity(id: string): NodeIdentity {
  return {
    id,
    cluster: "shop",
    locality: { region: "eu", zone: "eu-1", subZone: "" },
    metadata: new Map([["token", "not for logs"]]),
    userAgent: "envoy 1.40.0",
  };
}

/** A snapshot whose version follows from the versions of its clusters. */
export function snapshotOf(clusters: Readonly<Record<string, string>>, group: GroupName = edge): Snapshot {
  const resources = Object.entries(clusters).map(([name, version], index) => clusterOf(name, { version, index }));
  return createSnapshot(group, new Map([[typeUrls.cluster, createTable(typeUrls.cluster, resources)]]), {
    updates: { graceMs: 30_000, deadlineMs: 60_000, onDeadline: "hold", drainMs: 600_000 },
    cause: { text: "routes.yaml", atMs: 1_000 },
  });
}

function clusterOf(name: string, of: { readonly version: string; readonly index: number }): Resource {
  return {
    typeUrl: typeUrls.cluster,
    name: brand<ResourceName>(name),
    version: brand<VersionInfo>(of.version),
    body: Buffer.from(`${name}@${of.version}`),
    references: [],
    at: { file: "services.yaml", line: of.index + 1, column: 3 },
    hostCount: 0,
  };
}

/** Events of one stream of one node; each call of `at` moves its clock on. */
export function streamOf(nodeId: string, streamId: number, of: Partial<Of<"stream-opened">> = {}) {
  let atMs = of.atMs ?? 10_000;
  const base = () => ({ nodeId, streamId, atMs: atMs++ });
  const typeUrl = typeUrls.cluster;
  return {
    opened: (): Of<"stream-opened"> => ({
      ...base(),
      kind: "stream-opened",
      variant: of.variant ?? "delta",
      node: identity(nodeId),
      group: "group" in of ? of.group : edge,
      peer: "10.0.0.1:4000",
    }),
    refused: (reason: string, { isTooEarly = false } = {}): Of<"stream-refused"> => ({
      ...base(),
      kind: "stream-refused",
      reason,
      isTooEarly,
      node: identity(nodeId),
      peer: "10.0.0.1:4000",
    }),
    moved: (group: GroupName): Of<"stream-moved"> => ({ ...base(), kind: "stream-moved", group }),
    closed: (): Of<"stream-closed"> => ({ ...base(), kind: "stream-closed", reason: "the client went away" }),
    subscribed: (): Of<"subscribed"> => ({ ...base(), kind: "subscribed", typeUrl, wildcard: true, namesCount: 0 }),
    sent: (snapshot: Snapshot, nonce = "1"): Of<"sent"> => ({
      ...base(),
      kind: "sent",
      variant: of.variant ?? "delta",
      typeUrl,
      nonce,
      snapshotVersion: snapshot.version,
      versionInfo: `v-${nonce}`,
      resourcesCount: 1,
      removedCount: 0,
      bytes: 100,
    }),
    acked: (nonce = "1"): Of<"acked"> => ({
      ...base(),
      kind: "acked",
      typeUrl,
      nonce,
      versionInfo: `v-${nonce}`,
      roundTripMs: 5,
    }),
    rejected: (name: string, version: string, nonce = "1"): Of<"rejected"> => ({
      ...base(),
      kind: "rejected",
      typeUrl,
      nonce,
      versionInfo: `v-${nonce}`,
      message: `Error adding/updating cluster(s) ${name}`,
      resources: [{ typeUrl, name, version, at: { file: "services.yaml", line: 7, column: 3 } }],
    }),
    gate: (snapshot: Snapshot, state: Of<"gate">["state"]): Of<"gate"> => ({
      ...base(),
      kind: "gate",
      snapshotVersion: snapshot.version,
      state,
      waitingFor: "CDS to be acknowledged",
    }),
    synced: (snapshot: Snapshot): Of<"synced"> => ({
      ...base(),
      kind: "synced",
      snapshotVersion: snapshot.version,
    }),
  };
}
