/**
 * Snapshots made by hand or from intents, for tests of what comes after building them.
 */
import type { Intent } from "../../src/model/intent.ts";
import { brand } from "../../src/support/brand.ts";
import { assert } from "../../src/support/assert.ts";
import { buildSnapshots } from "../../src/snapshot/build-snapshots.ts";
import type { ResourceEncoder } from "../../src/snapshot/encode-resource.ts";
import { createResourceEncoder } from "../../src/snapshot/encode-resource.ts";
import type { Reference, Resource, ResourceName, VersionInfo } from "../../src/snapshot/resource.ts";
import type { GroupName, Snapshot } from "../../src/snapshot/snapshot.ts";
import { createSnapshot, createTable } from "../../src/snapshot/snapshot.ts";
import { place } from "./build-intent.ts";
import { envoyApi } from "./envoy-api.ts";

const updates = { graceMs: 30_000, deadlineMs: 15_000, onDeadline: "hold", drainMs: 600_000 } as const;
const cause = { text: "start", atMs: 0 } as const;

/** A resource whose content is a text, for code that does not look into it. */
export function fakeResource(
  typeUrl: string,
  name: string,
  rest: {
    readonly content?: string;
    readonly references?: readonly Reference[];
    readonly hostCount?: number;
    readonly ttlMs?: number;
  } = {},
): Resource {
  const content = rest.content ?? "1";
  return {
    typeUrl,
    name: brand<ResourceName>(name),
    version: brand<VersionInfo>(content),
    body: Buffer.from(content),
    references: rest.references ?? [],
    at: place(),
    hostCount: rest.hostCount ?? 0,
    ...(rest.ttlMs === undefined ? {} : { ttlMs: rest.ttlMs }),
  };
}

/** A snapshot of the group `default` with just these resources. */
export function fakeSnapshot(resources: readonly Resource[]): Snapshot {
  const byType = Map.groupBy(resources, (resource) => resource.typeUrl);
  const tables = new Map([...byType].map(([typeUrl, ofType]) => [typeUrl, createTable(typeUrl, ofType)]));
  return createSnapshot(brand<GroupName>("default"), tables, { updates, cause });
}

/** The one snapshot of an intent with one group that has nothing wrong. */
export function snapshotOf(intent: Intent, encoder: ResourceEncoder = createResourceEncoder(envoyApi)): Snapshot {
  const [snapshot] = snapshotsOf(intent, encoder).values();
  assert(snapshot !== undefined, "an intent has a group");
  return snapshot;
}

/** The snapshots of an intent that has nothing wrong. */
export function snapshotsOf(
  intent: Intent,
  encoder: ResourceEncoder = createResourceEncoder(envoyApi),
): ReadonlyMap<GroupName, Snapshot> {
  const built = buildSnapshots({ intent, encoder, cause });
  assert(built.ok, `the intent must have no errors: ${JSON.stringify(built)}`);
  return built.value.snapshots;
}
