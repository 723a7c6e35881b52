/**
 * What replicas tell each other of the requests to versions that are rolled out.
 */
import { expect, test } from "vitest";
import { TrafficBoard } from "../../../src/cli/traffic-board.ts";
import type { NodeTraffic } from "../../../src/evidence/traffic-view.ts";
import { DirectoryStateStore } from "../../../src/store/directory-state-store.ts";
import { eventually } from "../../support/eventually.ts";
import { tempDir } from "../../support/temp-dir.ts";

const HOUR_MS = 3_600_000;

function node(nodeId: string, reportedAtMs: number, completed: number): NodeTraffic {
  const cluster = { completed, errors: 0, healthyHosts: 1, totalHosts: 1 };
  return { nodeId, reportedAtMs, clusters: new Map([["shop|canary", cluster]]) };
}

test("a replica reads what all have heard, of each node the newest, and clears away what one that is gone has left", async () => {
  await using directory = await tempDir();
  const store = await DirectoryStateStore.open({ directory: directory.path });
  const clock = { nowMs: () => 10 * HOUR_MS, monotonicMs: () => 0 };
  const now = clock.nowMs();
  const boardOf = (replica: string, heard: readonly NodeTraffic[]) =>
    new TrafficBoard({
      store,
      clock,
      replica,
      local: {
        traffic: { read: () => heard },
        loads: { read: () => heard.map((each) => ({ ...each, countedSinceMs: 7 })) },
      },
    });
  const gone = boardOf("gone", [node("edge-1", now - 2 * HOUR_MS, 1)]);
  gone.tell(["shop|canary"]);
  const a = boardOf("a", [node("edge-1", now - 5_000, 10), node("edge-2", now - 1_000, 7)]);
  const b = boardOf("b", [node("edge-1", now - 1_000, 12)]);
  a.start();
  b.start();
  b.tell(["shop|canary"]);
  const read = () =>
    a.traffic.read(["shop|canary"]).map((each) => [each.nodeId, each.clusters.get("shop|canary")?.completed]);
  await eventually("what the other has heard", () => read().length === 2 && read()[0]?.[1] === 12);
  expect(read()).toEqual([
    ["edge-1", 12],
    ["edge-2", 7],
  ]);
  const loads = a.loads.read(["shop|canary"]);
  expect(
    loads.map(({ nodeId, countedSinceMs, clusters }) => [
      nodeId,
      countedSinceMs,
      clusters.get("shop|canary")?.completed,
    ]),
  ).toEqual([
    ["edge-1", 7, 12],
    ["edge-2", 7, 7],
  ]);
  await eventually("the removal", async () => (await store.list("traffic/")).length === 1);
  await b.close();
  expect(await store.list("traffic/")).toEqual([]);
  await a.close();
  await gone.close();
  await store.close();
});
