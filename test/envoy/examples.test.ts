/**
 * Every example, received by a real Envoy over ADS: it accepts every resource of every type.
 *
 * Envoy's `--mode validate` would not do: it does not look at what comes over xDS.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import { Envoy } from "../../demo/kit/envoy.ts";
import { Fairway } from "../../demo/kit/fairway.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { loadConfig } from "../../src/cli/load-config.ts";
import type { NodeGroup } from "../../src/model/intent.ts";
import type { Snapshot } from "../../src/snapshot/snapshot.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { envoyApi } from "../support/envoy-api.ts";
import { examplesDir, listExamples } from "../support/examples.ts";
import { tempDir } from "../support/temp-dir.ts";
import type { NodeView } from "./scene.ts";

/** The oldest once: that it takes what it is sent does not depend on how it is sent. */
const ways = [
  { api: "delta", version: "1.40" },
  { api: "sotw", version: "1.40" },
  { api: "delta", version: "1.36" },
] as const;
type Way = (typeof ways)[number];

/** What is no complaint about an example: that a filter of Envoy's is young, and that nobody answers for its services. */
const expected = /marked as work-in-progress|Jwks async fetching url=\S+: failed/;

/** Its secrets are in an etcd: test/etcd/secrets.test.ts. */
const withoutEtcd = listExamples().filter((example) => example !== "etcd-secrets");

test.each(withoutEtcd)("Envoy accepts all of examples/%s, by delta and by SotW, the oldest too", async (example) => {
  await using directory = await tempDir();
  const configDir = join(examplesDir, example);
  const { groups, intent, snapshots } = await loadConfig([configDir], envoyApi);
  await using fairway = await Fairway.start({ configDir, stateDir: directory.join("state") });
  const forGrpc = new Set(
    intent?.gateways.filter(({ grpcListeners }) => grpcListeners.length > 0).flatMap((gateway) => gateway.groups),
  );
  // gRPC clients without an Envoy have theirs in test/clients.
  for (const group of groups.filter(({ name }) => !forGrpc.has(name))) {
    const snapshot = [...(snapshots?.values() ?? [])].find((each) => each.group === group.name);
    // Envoys of one node id take turns.
    for (const together of group.match.ids === undefined ? [ways] : ways.map((way) => [way])) {
      await Promise.all(together.map((way) => expectAllTaken(fairway, group, snapshot?.tables, way)));
    }
  }
});

async function expectAllTaken(
  fairway: Fairway,
  group: NodeGroup,
  tables: Snapshot["tables"] | undefined,
  { api, version }: Way,
): Promise<void> {
  const identity = identityFor(group, `${api}-${version}`);
  const runtime = group.runtime !== undefined;
  await using envoy = await Envoy.start({ xdsPort: fairway.xdsPort, api, version, runtime, ...identity });
  const node = await waitUntil(
    async () => {
      const { nodes } = await fairway.get<{ readonly nodes: readonly NodeView[] }>("/v1/nodes");
      const found = nodes.find(({ id }) => id === envoy.nodeId);
      return found?.status === "synced" || found?.status === "error" ? found : undefined;
    },
    { what: `${envoy.nodeId} to have its snapshot` },
  );
  const refusals = node.types.map(({ lastRejection }) => lastRejection).filter((refusal) => refusal !== undefined);
  expect(refusals).toEqual([]);
  expect(node.status).toBe("synced");
  const rejected = [...(await envoy.stats("update_rejected$"))].filter(([, count]) => count > 0);
  expect(rejected).toEqual([]);
  // No request has asked for what is on demand, which on SotW everybody has.
  const clusters = [...(tables?.get(typeUrls.cluster)?.resources.values() ?? [])];
  const held = clusters.filter(({ onDemand }) => api === "sotw" || onDemand === undefined);
  expect(await envoy.counter("cluster_manager.active_clusters")).toBe(held.length + 1);
  expect(await envoy.counter("listener_manager.total_listeners_active")).toBe(
    tables?.get(typeUrls.listener)?.resources.size ?? 0,
  );
  // Ended by us, so the stream's end at its stop is no complaint.
  expect(envoy.complaints().filter((line) => !expected.test(line))).toEqual([]);
}

/** A node that the group matches. */
function identityFor(
  { name, match }: NodeGroup,
  way: string,
): Pick<Parameters<typeof Envoy.start>[0], "nodeId" | "cluster" | "metadata"> {
  return {
    nodeId: match.ids?.[0] ?? `${name}-${way}`,
    cluster: match.clusters?.[0] ?? "default",
    ...(match.metadata === undefined ? {} : { metadata: metadataOf(match.metadata) }),
  };
}

function metadataOf(flat: NonNullable<NodeGroup["match"]["metadata"]>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(flat).map(([path, value]) => [path, String(value)]));
}
