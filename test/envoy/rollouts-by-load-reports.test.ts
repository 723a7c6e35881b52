/**
 * Rollouts on a real Envoy that sends load reports and nothing else.
 */
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { rolledOut, rollout, rolloutScene } from "./rollout-scene.ts";

const step = { weight: 30, hold: "2s", maxHold: "60s", minRequests: 60 };
const plan = {
  steps: [step],
  gates: { successRate: { objective: 95 } },
  fleet: { healthyHosts: 0, ackTimeout: "10s" },
};

test("a good canary is promoted and bad ones go back, by load reports alone", { timeout: 240_000 }, async () => {
  await using scene = await rolloutScene({
    envoy: { trafficReports: false, loadReports: true },
    args: ["--load-report-interval", "1s"],
  });
  const [, v2] = scene.backends;
  if (v2 === undefined) throw new Error("there are two backends");
  await using load = Load.start({ url: scene.url, requestsPerSecond: 200, accept: () => true });

  const good = await rolledOut(scene, "good", plan);
  expect(good, good.text).toMatchObject({ code: 0, rollout: { outcome: { kind: "promoted" } } });
  const sources = [{ source: "load-reports", nodesCount: 1, nodes: ["edge-1"] }];
  expect(good.rollout.steps[0]).toMatchObject({ result: "passed", sources });
  expect((await rollout(scene, "status", "shop")).text).toContain("counted: 1 by load reports (edge-1)");
  expect((await rollout(scene, "report", "shop")).text).toContain("counted: 1 by load reports (edge-1)");
  expect(await rollout(scene, "undo", "shop")).toMatchObject({ code: 0 });
  expect(await rollout(scene, "watch", "shop")).toMatchObject({ code: 8 });

  v2.set({ failure: { answer: 500, percent: 30 } });
  const bad = await rolledOut(scene, "errors", plan);
  expect(bad, bad.text).toMatchObject({ code: 3, rollout: { outcome: { kind: "rolled-back" } } });
  expect(bad.rollout.verdict?.sentence).toContain("canary fails");

  const timed = { ...plan, gates: { latency: { threshold: "300ms" } }, fleet: { ...plan.fleet, ackTimeout: "1s" } };
  const refused = await rolledOut(scene, "timed", timed);
  expect(refused, refused.text).toMatchObject({ code: 4, rollout: { phase: "paused", weight: 0 } });
  expect(refused.text).toContain("leave out gates.latency");
  expect(await rollout(scene, "abort", "shop")).toMatchObject({ code: 0 });
  expect(await rollout(scene, "watch", "shop")).toMatchObject({ code: 8 });

  // Nobody listens there any more: Envoy counts that as failed requests as well.
  await v2.close();
  const gone = await rolledOut(scene, "gone", plan);
  expect(gone, gone.text).toMatchObject({ code: 3, rollout: { outcome: { kind: "rolled-back" } } });
  expect(gone.rollout.verdict?.sentence).toContain("canary fails");
  await load.stop();
});
