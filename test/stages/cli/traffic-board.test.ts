/**
 * What replicas tell each other of the requests to versions that are rolled out.
 */
import { expect, test } from "vitest";
import { TrafficBoard } from "../../../src/cli/traffic-board.ts";
import type { RouteSource } from "../../../src/evidence/route-view.ts";
import type { NodeTraffic } from "../../../src/evidence/traffic-view.ts";
import { DirectoryStateStore } from "../../../src/store/directory-state-store.ts";
import { eventually } from "../../support/eventually.ts";
import { tempDir } from "../../support/temp-dir.ts";

const HOUR_MS = 3_600_000;

function node(nodeId: string, reportedAtMs: number, completed: number): NodeTraffic {
  const cluster = { completed, errors: 0, healthyHosts: 1, totalHosts: 1 };
  return { nodeId, reportedAtMs, clusters: new Map([["shop|canary", cluster]]) };
}

/** One replica was told of so many requests of the route. */
function told(id: string, requests: number): RouteSource {
  const tally = { requests, errors: 1, slow: 0 };
  return { id, clusters: new Map([["shop|canary", new Map([["shop/main", tally]])]]) };
}

test("a replica reads what all have heard, of each node the newest, and clears away what one that is gone has left", async () => {
  await using directory = await tempDir();
  const store = await DirectoryStateStore.open({ directory: directory.path });
  const now = 10 * HOUR_MS;
  const boardOf = (replica: string, heard: readonly NodeTraffic[], requests: number, nowMs = now) => {
    const clock = { nowMs: () => nowMs, monotonicMs: () => 0 };
    const routes = { readRoutes: () => [told(replica, requests)] };
    const local = {
      traffic: { read: () => heard },
      loads: { read: () => heard.map((each) => ({ ...each, countedSinceMs: 7 })) },
    };
    return new TrafficBoard({ store, clock, replica, local, routes });
  };
  const gone = boardOf("gone", [node("edge-1", now - 2 * HOUR_MS, 1)], 1, now - 2 * HOUR_MS);
  gone.tell(["shop|canary"]);
  const a = boardOf("a", [node("edge-1", now - 5_000, 10), node("edge-2", now - 1_000, 7)], 20);
  const b = boardOf("b", [node("edge-1", now - 1_000, 12)], 30);
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
  // Of requests each replica is told others, so all of them count.
  expect(a.readRoutes(["shop|canary"]).filter(({ id }) => id !== "gone")).toEqual([told("a", 20), told("b", 30)]);
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

test("what another replica tells is as old as it says, however wrong its clock is, and old when it comes late", async () => {
  await using directory = await tempDir();
  const store = await DirectoryStateStore.open({ directory: directory.path });
  /** What never goes back, and how far the clock of the other is ahead. */
  const time = { nowMs: 10 * HOUR_MS, otherAheadMs: 0 };
  const own = { nowMs: () => time.nowMs, monotonicMs: () => time.nowMs };
  const others = { nowMs: () => time.nowMs + time.otherAheadMs, monotonicMs: () => time.nowMs };
  let heard: readonly NodeTraffic[] = [];
  const none = { read: () => [] };
  const shared = { store, routes: { readRoutes: () => [] } };
  const a = new TrafficBoard({ ...shared, clock: own, replica: "a", local: { traffic: none, loads: none } });
  const local = { traffic: { read: () => heard }, loads: none };
  const b = new TrafficBoard({ ...shared, clock: others, replica: "b", local });
  a.start();
  const ageTold = async (completed: number, madeAgoMs: number): Promise<number | undefined> => {
    heard = [node("edge-1", others.nowMs() - madeAgoMs, completed)];
    b.tell(["shop|canary"]);
    const read = () => a.traffic.read(["shop|canary"])[0];
    await eventually("what it tells", () => read()?.clusters.get("shop|canary")?.completed === completed);
    const { reportedAtMs = Infinity } = read() ?? {};
    return time.nowMs - reportedAtMs;
  };
  expect(await ageTold(1, 3_000)).toBe(3_000);
  time.nowMs += 5_000;
  time.otherAheadMs = HOUR_MS;
  expect(await ageTold(2, 3_000)).toBe(3_000);
  time.nowMs += 5_000;
  // As what it wrote half a minute ago, if this one had stood still meanwhile.
  time.otherAheadMs -= 30_000;
  expect(await ageTold(3, 3_000)).toBe(33_000);
  await b.close();
  await a.close();
  await store.close();
});
