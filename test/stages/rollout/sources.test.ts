/**
 * Envoys that are counted by OpenTelemetry and by load reports: never one by both in a step, and never by what cannot tell
 * what the plan asks.
 */
import { describe, expect, test } from "vitest";
import type { RolloutRecord } from "../../../src/rollout/rollout-record.ts";
import { sourcesText } from "../../../src/rollout/sources.ts";
import { played, report } from "../../support/played-rollout.ts";

const plan = {
  steps: [{ weight: 20, hold: "10s", maxHold: "2m", minRequests: 100 }],
  gates: { successRate: { objective: 95 } },
};

/** Hosts are seen to by others. */
const hostless = { ...plan, fleet: { healthyHosts: 0 } };

const sourcesOf = (record: RolloutRecord) => sourcesText(record.steps[0]?.sources ?? []);

describe("a rollout by load reports", () => {
  test("promotes a good canary, and says by what it was counted", () => {
    const world = played(hostless, ["edge-1"]);
    world.until("measuring", () => world.loads("edge-1", report(0, 0)));
    expect(sourcesOf(world.record)).toBe("1 by load reports (edge-1)");
    for (let count = 1; count <= 30; count += 1) world.tick(() => world.loads("edge-1", report(20 * count, 0)));
    expect(world.record.steps[0], world.record.verdict?.sentence).toMatchObject({ result: "passed" });
  });

  test("takes a bad one back", () => {
    const world = played(hostless, ["edge-1"]);
    world.until("measuring", () => world.loads("edge-1", report(0, 0)));
    for (let count = 1; count <= 6; count += 1) world.tick(() => world.loads("edge-1", report(20 * count, 8 * count)));
    expect(world.record.steps[0]).toMatchObject({ result: "failed" });
    expect(world.record.verdict?.sentence).toContain("canary fails");
  });

  test("a stream that begins anew counts from nought, and an older one counts no more", () => {
    const world = played(hostless, ["edge-1"]);
    world.until("measuring", () => world.loads("edge-1", report(0, 0)));
    world.tick(() => world.loads("edge-1", report(500, 0), 1));
    world.tick(() => world.loads("edge-1", report(520, 0), 1));
    expect(world.counted()).toEqual([20, 0]);
    // More than it had: only the time from which it counts tells that it is not a difference.
    world.tick(() => world.loads("edge-1", report(560, 7), 2));
    expect(world.counted()).toEqual([580, 7]);
    world.tick(() => world.loads("edge-1", report(900, 0), 1));
    expect(world.counted()).toEqual([580, 7]);
  });

  test("does not begin with a gate for times, and says the way out", () => {
    const world = played({ ...hostless, gates: { latency: { threshold: "300ms", objective: 99 } } }, ["edge-1"]);
    world.until("paused", () => world.loads("edge-1", report(0, 0)));
    expect(world.record.steps).toEqual([]);
    expect(world.record.verdict?.sentence).toContain(
      "how long requests take at edge-1: load reports have none, so leave out gates.latency",
    );
  });

  test("does not begin while nobody can tell of the canary's hosts, and says the way out", () => {
    const world = played(plan, ["edge-1"]);
    world.until("paused", () => world.loads("edge-1", report(0, 0)));
    expect(world.record.verdict?.sentence).toContain("say fleet: { healthyHosts: 0 }");
  });
});

describe("a rollout by both", () => {
  const both = (world: ReturnType<typeof played>) => () => {
    world.traffic("edge-1", report(0, 0));
    world.traffic("edge-2", report(0, 0));
    world.loads("edge-2", report(0, 0));
    world.loads("edge-3", report(0, 0));
  };

  test("takes OpenTelemetry where there is any, and names those without", () => {
    const world = played(plan, ["edge-1", "edge-2", "edge-3"]);
    world.until("measuring", both(world));
    expect(sourcesOf(world.record)).toBe("2 by OpenTelemetry, 1 by load reports (edge-3)");
  });

  test("waits for an Envoy with neither", () => {
    const world = played(plan, ["edge-1", "edge-2", "edge-3", "edge-4"]);
    world.tick(both(world));
    expect(world.record.phase).toMatchObject({
      kind: "preflight",
      waitsFor: expect.stringMatching(/reports of edge-4/),
    });
  });

  test("an Envoy without a report of its versions by OpenTelemetry is counted by its load reports", () => {
    const world = played(hostless, ["edge-1"]);
    world.until("measuring", () => {
      world.traffic("edge-1", { canary: undefined, baseline: undefined });
      world.loads("edge-1", report(0, 0));
    });
    expect(sourcesOf(world.record)).toBe("1 by load reports (edge-1)");
  });

  test("measures a step anew when the source of an Envoy falls silent, and adds nothing up from both", () => {
    const world = played(hostless, ["edge-1"]);
    world.until("measuring", () => world.traffic("edge-1", report(0, 0)));
    const { sinceMs } = world.record.phase;
    // Both tell the same requests; only one of them counts.
    const tell = (canary: number) => {
      world.traffic("edge-1", report(canary, 0));
      world.loads("edge-1", report(canary + 1_000, 0));
    };
    world.tick(() => tell(10));
    world.tick(() => tell(30));
    expect(world.counted()).toEqual([20, 0]);
    for (let count = 0; count < 29; count += 1) world.tick(() => world.loads("edge-1", report(1_040 + count, 0)));
    expect(world.counted()).toEqual([20, 0]);
    expect(sourcesOf(world.record)).toBe("1 by OpenTelemetry");
    for (let count = 0; count < 3; count += 1) world.tick(() => world.loads("edge-1", report(1_080, 0)));
    expect(sourcesOf(world.record)).toBe("1 by load reports (edge-1)");
    expect(world.counted()).toEqual([0, 0]);
    expect(world.record.audit.at(-1)).toMatchObject({
      action: "measures anew",
      text: "edge-1 fell silent and is heard by another source, and two sources cannot be added up",
    });
    world.tick(() => world.loads("edge-1", report(1_100, 0)));
    expect(world.counted()).toEqual([20, 0]);
    // However often that happens, the step ends in time.
    expect(world.record.phase).toMatchObject({ kind: "measuring", sinceMs });
  });

  test("with a gate for times load reports take no one's place, and the rollout holds", () => {
    const world = played({ ...plan, gates: { latency: { threshold: "300ms" } } }, ["edge-1"]);
    world.until("measuring", () => world.traffic("edge-1", report(0, 0)));
    for (let count = 0; count < 60; count += 1) world.tick(() => world.loads("edge-1", report(10 * count, 0)));
    expect(world.record.verdict).toMatchObject({ kind: "inconclusive", reason: "silent" });
    expect(world.record.verdict?.sentence).toBe("Nothing was reported lately by edge-1, so nothing is decided.");
    expect(world.counted()).toEqual([0, 0]);
  });
});
