/**
 * A rollout that is counted by Prometheus: what is asked, what its answers are worth, and that whatever is missing holds.
 */
import { describe, expect, test } from "vitest";
import { sharesOf } from "../../../src/model/live-weights.ts";
import { readAnswer } from "../../../src/rollout/prometheus-answer.ts";
import type { BothNames } from "../../../src/rollout/prometheus-queries.ts";
import { questionsFor, reportsOfAnswers } from "../../../src/rollout/prometheus-queries.ts";
import { readPlan } from "../../../src/rollout/read-plan.ts";
import { sourcesText } from "../../../src/rollout/sources.ts";
import { played, report, shopSplit } from "../../support/played-rollout.ts";

const url = "http://prometheus:9090";
const steps = [{ weight: 20, hold: "20s", maxHold: "5m", minRequests: 100 }];
const gates = { successRate: { objective: 95 } };
const plan = { steps, gates, evidence: { prometheus: { url } } };
const queries = { completed: 'sum(all{c="{{cluster}}"})', errors: 'sum(bad{c="{{cluster}}"})' };

const names: BothNames = {
  canary: { counted: ["shop|canary|fallback", "shop|canary"], hosts: "shop|canary" },
  baseline: { counted: ["shop|stable|fallback", "shop|stable"], hosts: "shop|stable" },
};

const standingOf = (of: typeof shopSplit) => ({
  shares: sharesOf(of, undefined),
  copying: { isPossible: true, mirroredAt: {} },
});

function planOf(written: object) {
  const read = readPlan({ split: "shop", ...written }, shopSplit, standingOf(shopSplit));
  if (!read.ok) throw new Error(read.error.join("\n"));
  return read.value;
}

function problemsOf(written: object, of = shopSplit): readonly string[] {
  const read = readPlan({ split: "shop", ...written }, of, standingOf(of));
  return read.ok ? [] : read.error;
}

describe("what a plan may say of it", () => {
  test("an address is enough", () => {
    expect(planOf({ ...plan, evidence: { prometheus: { url: `${url}/` } } })).toMatchObject({
      evidence: { url, timeoutMs: 5_000, everyMs: 5_000 },
      gates: { staleAfterMs: 120_000 },
    });
  });

  test("mistakes are told with their places", () => {
    const wrong = (prometheus: object, more: object = {}) => problemsOf({ ...plan, ...more, evidence: { prometheus } });
    expect(wrong({ url: "ftp://x" })).toEqual(["evidence.prometheus.url: is no http:// or https:// address"]);
    expect(wrong({ url: "http://me:secret@x" })[0]).toContain("has a user, a query or a fragment");
    expect(wrong({ url, timeout: "1m" })[0]).toContain("evidence.prometheus.timeout: is not from 0.001 s to 30 s");
    expect(wrong({ url, queries: { completed: "x", errors: "{{cluster}}" } })[0]).toContain(
      "evidence.prometheus.queries.completed: does not say {{cluster}}",
    );
    expect(wrong({ url, queries }, { gates: { latency: { threshold: "300ms" } } })).toEqual([
      "evidence.prometheus.queries: gates.latency needs the queries `answered` and `inTime` as well",
    ]);
    expect(wrong({ url, every: "90s" })).toEqual([
      "evidence.prometheus.every: gates.staleAfter must be twice as long, and is 120 s",
    ]);
    const backends = shopSplit.backends.map((each) => ({ ...each, service: "shop.internal" }));
    expect(problemsOf(plan, { ...shopSplit, backends })[0]).toContain("`shop.internal` has one: write `queries`");
  });
});

describe("what is asked", () => {
  test("counters of Envoy as they stand, by Envoy", () => {
    const timed = planOf({ ...plan, gates: { latency: { threshold: "7.5s" } } });
    const asked = new Map(questionsFor(timed, names).map(({ key, query }) => [key, query]));
    const canary = 'envoy_cluster_name=~"shop[|]canary[|]fallback|shop[|]canary"';
    expect(asked.get("canary completed")).toBe(`sum by (instance) (envoy_cluster_upstream_rq_xx{${canary}})`);
    expect(asked.get("canary errors")).toBe(
      `sum by (instance) (envoy_cluster_upstream_rq_xx{${canary},envoy_response_code_class="5"})`,
    );
    expect(asked.get("canary inTime")).toBe(
      `sum by (instance) (envoy_cluster_upstream_rq_time_bucket{${canary},le=~"7500([.]0)?"})`,
    );
    expect(asked.get("canary scraped")).toBe(
      'min by (instance) (timestamp(envoy_cluster_membership_healthy{envoy_cluster_name=~"shop[|]canary"}))',
    );
    expect(asked.has("baseline scraped")).toBe(false);
    expect(asked.get("baseline answered")).toContain("shop[|]stable");
  });

  test("own queries with the names put in", () => {
    const own = planOf({ ...plan, evidence: { prometheus: { url, queries } } });
    expect(questionsFor(own, { ...names, canary: { counted: [], hosts: String.raw`a"\b` } })[0]).toEqual({
      key: "canary completed",
      query: String.raw`sum(all{c="a\"\\b"})`,
    });
  });
});

describe("what an answer is worth", () => {
  const vector = (...result: readonly object[]) =>
    JSON.stringify({ status: "success", data: { resultType: "vector", result } });
  const sample = (instance: string, value: string) => ({ metric: { instance }, value: [1.5, value] });

  test("numbers by series", () => {
    const read = readAnswer(vector(sample("a:9901", "12"), sample("b:9901", "0")));
    expect(read.ok && [...read.value]).toEqual([
      ['instance="a:9901"', 12],
      ['instance="b:9901"', 0],
    ]);
    const scalar = readAnswer('{"status":"success","data":{"resultType":"scalar","result":[1,"7"]}}');
    expect(scalar.ok && [...scalar.value]).toEqual([["", 7]]);
  });

  test.each([
    ["<html>", "its answer is none of Prometheus"],
    ["{}", "its answer is none of Prometheus"],
    ['{"status":"success","data":{"resultType":"matrix","result":[]}}', "its answer is none of Prometheus"],
    ['{"status":"error","errorType":"bad_data","error":"parse error"}', "it says bad_data: parse error"],
    [
      '{"status":"success","warnings":["a store is away"],"data":{"resultType":"vector","result":[]}}',
      "may not be whole",
    ],
    [vector(sample("a", "NaN")), 'instance="a" has the value NaN'],
    [vector(sample("a", "")), "has the value"],
    [vector(sample("a", "-1")), "has the value -1"],
    [vector(sample("a", "1"), sample("a", "2")), 'it has instance="a" twice'],
    [vector(...Array.from({ length: 5_001 }, (_, index) => sample(String(index), "1"))), "more than 5000 series"],
  ])("%.60s is none", (text, why) => {
    const read = readAnswer(text);
    expect(read.ok ? "evidence" : read.error).toContain(why);
  });

  const answers = (of: object) =>
    new Map(Object.entries(of).map(([key, series]) => [key, new Map(Object.entries(series as object))])) as never;

  test("an Envoy without a request yet has none; one without the bucket is named", () => {
    const timed = planOf({ ...plan, gates: { latency: { threshold: "300ms" } } });
    const known = {
      "canary scraped": { a: 10, b: 11 },
      "canary healthyHosts": { a: 1, b: 1 },
      "canary completed": { a: 5 },
      "canary errors": {},
      "canary inTime": { a: 4 },
      "canary answered": { a: 5 },
      "baseline completed": {},
      "baseline errors": {},
      "baseline inTime": {},
      "baseline answered": {},
    };
    const read = reportsOfAnswers(timed, answers(known), 99_000);
    expect(read.ok && Object.fromEntries(read.value)).toMatchObject({
      a: {
        reportedAtMs: 10_000,
        canary: { completed: 5, errors: 0, timed: { answered: 5, inTime: 4 } },
        canaryHealthyHosts: 1,
      },
      b: { reportedAtMs: 11_000, canary: { completed: 0, errors: 0, timed: { answered: 0, inTime: 0 } } },
    });
    const without = reportsOfAnswers(timed, answers({ ...known, "canary answered": { a: 5, b: 3 } }), 99_000);
    expect(without.ok ? "" : without.error).toContain("of the canary has no bucket of 300 ms at b");
    const empty = reportsOfAnswers(timed, answers({ ...known, "canary scraped": {} }), 99_000);
    expect(empty.ok ? "" : empty.error).toContain("does it scrape /stats/prometheus of the Envoys?");
  });

  test("an own query that finds nothing does not stand for nought", () => {
    const own = planOf({ ...plan, evidence: { prometheus: { url, queries } } });
    const known = { "canary completed": { "": 5 }, "baseline completed": { "": 9 }, "baseline errors": { "": 0 } };
    const read = reportsOfAnswers(own, answers({ ...known, "canary errors": {} }), 99_000);
    expect(read.ok ? "" : read.error).toBe(
      "the query `errors` found nothing for the canary; where that stands for nought, add `or vector(0)`",
    );
    const whole = reportsOfAnswers(own, answers({ ...known, "canary errors": { "": 1 } }), 99_000);
    expect(whole.ok && whole.value.get("")).toMatchObject({
      reportedAtMs: 99_000,
      canary: { completed: 5, errors: 1 },
    });
  });
});

describe("a rollout by it", () => {
  type Told = Parameters<ReturnType<typeof played>["traffic"]>[1];
  const begun = (written: object = plan, nodes: readonly string[] = ["edge-1"]) => {
    const world = played(written, nodes);
    const say = (told: Told, series: readonly string[] = ["a"], ageMs = 0) => {
      const said = { canary: undefined, baseline: undefined, canaryHealthyHosts: 1, ...told };
      const one = { ...said, reportedAtMs: world.nowMs - ageMs };
      world.prometheus = { kind: "answered", isByEnvoy: true, series: new Map(series.map((key) => [key, one])) };
    };
    return { world, say };
  };

  test("a good canary passes, and what its Envoys report otherwise is not counted", () => {
    const { world, say } = begun();
    world.until("measuring", () => say(report(0, 0)));
    for (let count = 1; count <= 30; count += 1) {
      world.tick(() => {
        say(report(20 * count, 0));
        world.traffic("edge-1", report(0, 0));
      });
    }
    expect(world.record.steps[0], world.record.verdict?.sentence).toMatchObject({ result: "passed" });
    expect(sourcesText(world.record.steps[0]?.sources ?? [])).toBe("1 by Prometheus");
    expect(world.record.totals.canary.completed).toBeGreaterThan(300);
  });

  test("a bad one goes back", () => {
    const { world, say } = begun();
    world.until("measuring", () => say(report(0, 0)));
    for (let count = 1; count <= 6; count += 1) world.tick(() => say(report(20 * count, 8 * count)));
    expect(world.record.steps[0]).toMatchObject({ result: "failed" });
  });

  test("a slow one goes back by what was not answered in time", () => {
    const { world, say } = begun({ ...plan, gates: { latency: { threshold: "310ms", objective: 90 } } });
    const timed = (count: number) => ({
      canary: { completed: 20 * count, errors: 0, timed: { answered: 20 * count, inTime: 10 * count } },
      baseline: { completed: 80 * count, errors: 0, timed: { answered: 80 * count, inTime: 80 * count } },
    });
    world.until("measuring", () => say(timed(0)));
    for (let count = 1; count <= 20; count += 1) world.tick(() => say(timed(count)));
    expect(world.record.steps[0]).toMatchObject({ result: "failed" });
    expect(world.record.verdict?.sentence).toContain("canary takes longer than 310 ms for 50 % of its requests");
  });

  test("times that lag behind the other counters make no canary slow", () => {
    const { world, say } = begun({ ...plan, gates: { ...gates, latency: { threshold: "300ms", objective: 90 } } });
    const timed = (count: number) => {
      // Of five seconds ago, as Envoy's page shows them, when the canary had no requests yet.
      const [canary, baseline] = [20 * Math.max(count - 5, 0), 80 * count + 100];
      return {
        canary: { completed: 20 * count, errors: 0, timed: { answered: canary, inTime: canary } },
        baseline: { completed: 80 * count + 500, errors: 0, timed: { answered: baseline, inTime: baseline } },
      };
    };
    world.until("measuring", () => say(timed(0)));
    for (let count = 1; count <= 60; count += 1) world.tick(() => say(timed(count)));
    // Of the same five seconds ago, for both what was answered and what was in time.
    const { errors, slow } = world.record.evidence ?? {};
    expect((errors?.canary.completed ?? 0) - (slow?.canary.completed ?? 0)).toBe(80);
    expect(world.record.steps[0], world.record.verdict?.sentence).toMatchObject({ result: "passed" });
  });

  test("does not begin without an answer, and says why", () => {
    const { world } = begun();
    const asked = () => (world.record.phase.kind === "preflight" ? world.record.phase.waitsFor : "");
    world.tick(() => undefined);
    expect(asked()).toBe("evidence of Prometheus at prometheus:9090: it has not answered yet");
    world.prometheus = { kind: "nothing", why: "it answers 500" };
    world.until("paused", () => undefined);
    expect(world.record.verdict?.sentence).toContain("Prometheus at prometheus:9090: it answers 500");
  });

  test.each([
    ["fails", "it answers 500"],
    ["has not all Envoys", "it has 1 of the 2 Envoys that are connected"],
    ["has old numbers", "it has not scraped a and b for more than 2 min"],
  ])("a canary that would pass is held while it %s", (how, why) => {
    const { world, say } = begun(plan, ["edge-1", "edge-2"]);
    world.until("measuring", () => say(report(0, 0), ["a", "b"]));
    for (let count = 1; count <= 15; count += 1) world.tick(() => say(report(20 * count, 0), ["a", "b"]));
    expect(world.record.verdict?.reason).toBe("step-not-over");
    for (let count = 1; count <= 60; count += 1) {
      world.tick(() => {
        if (how === "fails") world.prometheus = { kind: "nothing", why: "it answers 500" };
        else if (how === "has old numbers") say(report(300 + count, 0), ["a", "b"], 121_000);
        else say(report(300 + 20 * count, 0), ["a"]);
      });
    }
    expect(world.record.phase.kind).toBe("measuring");
    expect(world.record.verdict).toMatchObject({ kind: "inconclusive", reason: "silent" });
    expect(world.record.verdict?.sentence).toContain(`Prometheus at prometheus:9090: ${why}`);
  });

  test("counters that fall count nothing, neither below nought nor all anew", () => {
    const { world, say } = begun();
    world.until("measuring", () => say(report(0, 0)));
    world.tick(() => say(report(1_000, 0)));
    world.tick(() => say(report(1_040, 1)));
    expect(world.counted()).toEqual([40, 1]);
    world.tick(() => say(report(900, 0)));
    expect(world.counted()).toEqual([40, 1]);
    world.tick(() => say(report(910, 0)));
    expect(world.counted()).toEqual([50, 1]);
  });
});
