/**
 * The facts that a report takes from the record of a rollout.
 */
import { describe, expect, test } from "vitest";
import { reportOf } from "../../../src/rollout/report.ts";
import { describePhase } from "../../../src/rollout/describe-rollout.ts";
import type { Phase, RolloutRecord } from "../../../src/rollout/rollout-record.ts";
import {
  promotedRecord,
  recordOf,
  rolledBackRecord,
  START_MS,
  stepOf,
  withRoutes,
} from "../../support/report-records.ts";

const NOW_MS = START_MS + 600_000;
const report = (record: RolloutRecord) => reportOf(record, NOW_MS);

const running = (phase: Phase, of: Partial<RolloutRecord> = {}) => recordOf({ phase, ...of });
const measuring: Phase = { kind: "measuring", sinceMs: START_MS };
const passed = { kind: "pass", reason: "proved", sentence: "v2 is good.", metrics: [], atMs: NOW_MS } as const;

describe("the headline", () => {
  test("says how it ended and why", () => {
    expect(report(promotedRecord()).headline).toEqual({
      state: "promoted",
      title: "reviews: 2.4.0 is promoted",
      sentence: "v2 has passed all steps.",
    });
    const record = rolledBackRecord();
    expect(report(record).headline).toEqual({
      state: "rolled-back",
      title: "reviews: 2.4.0 was rolled back",
      sentence: record.verdict?.sentence,
    });
  });

  test("of a promotion that was undone is not that of a gate that failed", () => {
    const sentence = "It was promoted, and ann has undone it: too many tickets";
    const undone = {
      ...promotedRecord(),
      outcome: { kind: "rolled-back" as const, sentence, by: "ann", atMs: NOW_MS },
    };
    expect(report(undone).headline).toMatchObject({ title: "reviews: 2.4.0 was promoted, and undone", sentence });
    expect(report(undone).recommendation).toMatchObject({ kind: "hold" });
    expect(describePhase({ ...undone, phase: { kind: "done", sinceMs: NOW_MS } })).toBe(`undone: ${sentence}`);
  });

  const why = { sinceMs: START_MS, waitsFor: "2 of 3 Envoys." };
  test.each<[string, Phase, string, string]>([
    ["waits for Envoys", { kind: "converging", ...why }, "running", "It waits for 2 of 3 Envoys."],
    ["measures", measuring, "running", "v2 is measured; there is no verdict yet."],
    ["waits for somebody", { kind: "awaiting-approval", sinceMs: 0 }, "running", "Somebody has to approve it."],
    ["is paused", { kind: "paused", sinceMs: 0, why: "Lunch.", by: "person" }, "paused", "Lunch."],
    [
      "asks another program, whose secrets are not shown",
      { kind: "calling-webhook", sinceMs: 0, url: "https://ci.example.com/hook?token=secret" },
      "running",
      "It waits for the answer of ci.example.com.",
    ],
    [
      "goes back",
      { kind: "rolling-back", ...why, outcome: { kind: "rolled-back", sentence: "v2 fails." } },
      "rolling-back",
      "v2 fails.",
    ],
  ])("of one that %s", (_name, phase, state, sentence) => {
    expect(report(running(phase)).headline).toMatchObject({ state, sentence });
  });

  test("takes the verdict of this step, and not of the one before", () => {
    const steps = [stepOf({ index: 0, share: 500, startedAtMs: NOW_MS - 1_000 })];
    const of = (atMs: number) => report(running(measuring, { steps, verdict: { ...passed, atMs } })).headline.sentence;
    expect(of(NOW_MS)).toBe("v2 is good.");
    expect(of(NOW_MS - 2_000)).toBe("v2 is measured; there is no verdict yet.");
  });
});

describe("the recommendation", () => {
  test.each<[string, RolloutRecord, string]>([
    ["is to promote what passes", running(measuring, { verdict: passed }), "promote"],
    ["is to hold what was judged too long ago", running(measuring, { verdict: { ...passed, atMs: START_MS } }), "hold"],
    ["is to hold what is not judged", running(measuring), "hold"],
    ["is to hold what is in doubt", running(measuring, { verdict: { ...passed, kind: "inconclusive" } }), "hold"],
    ["is to roll back what fails", running(measuring, { verdict: { ...passed, kind: "fail" } }), "rollback"],
    ["stays after a promotion", promotedRecord(), "promote"],
    ["stays after a rollback", rolledBackRecord(), "rollback"],
    [
      "is to hold what somebody has ended",
      recordOf({ outcome: { kind: "aborted", sentence: "Not today.", atMs: NOW_MS } }),
      "hold",
    ],
  ])("%s", (_name, record, kind) => {
    expect(report(record).recommendation.kind).toBe(kind);
  });
});

describe("the comparison", () => {
  test("is of all requests, and tells the baseline's errors at the times of the canary's", () => {
    const record = rolledBackRecord();
    const known = record.evidence?.errors;
    const evidence = known && { errors: { ...known, expected: { completed: 2_000, bad: 14 } } };
    expect(report({ ...record, evidence }).versions?.baselineAlike).toEqual({ errors: 0.007 });
    const { versions } = report(record);
    expect(versions?.canary).toMatchObject({ completed: 2_100, errors: { share: expect.closeTo(0.0433, 4) } });
    expect(versions?.baseline.errors.lower).toBeGreaterThan(0);
    expect(versions?.baselineAlike.errors).toBeCloseTo(0.001, 5);
    expect(versions?.canary.slow?.share).toBeCloseTo(0.06, 2);
    expect(versions?.canary.latency?.p99.ms).toBeGreaterThan(versions?.baseline.latency?.p99.ms ?? Infinity);
  });

  test("is not there before the first request", () => {
    expect(report(recordOf()).versions).toBeUndefined();
  });
});

describe("a step", () => {
  test("tells how soon Envoys had it and how long it was measured", () => {
    expect(report(promotedRecord()).steps[0]).toMatchObject({
      name: "1 (5 %)",
      result: "passed",
      ackMs: 840,
      measuredMs: 120_000,
      nodesCount: 3,
    });
  });

  test("that goes on is measured until now", () => {
    const step = stepOf({ index: 0, share: 500, startedAtMs: NOW_MS - 50_000 });
    const { steps } = report(running(measuring, { steps: [{ ...step, endedAtMs: undefined }] }));
    expect(steps[0]).toMatchObject({ result: "running", tookMs: 50_000, measuredMs: 48_160 });
  });

  test("that was not reached is there all the same", () => {
    const { steps } = report(rolledBackRecord());
    expect(steps.map(({ name, result }) => `${name} ${result}`)).toEqual([
      "1 (5 %) passed",
      "2 (25 %) failed",
      "rollback passed",
      "3 (50 %) not-reached",
    ]);
  });

  test("in which the requests are not split as the weights say is a caution", () => {
    const step = stepOf({ index: 0, share: 500 });
    const skewed = { ...step, canary: { completed: 3_000, errors: 0 }, baseline: { completed: 7_000, errors: 0 } };
    expect(report(promotedRecord()).cautions).toEqual([]);
    expect(report(running(measuring, { steps: [skewed] })).cautions).toEqual([
      "In step 1 (5 %), v2 had 30 % of the requests, and should have had 5.0 % by the weights.",
    ]);
  });

  test("is compared with its share of the requests to both, where a split has others", () => {
    const step = stepOf({ index: 0, share: 2_000 });
    const steps = [{ ...step, canary: { completed: 4_000, errors: 0 }, baseline: { completed: 6_000, errors: 0 } }];
    const record = running(measuring, { steps, sharesBefore: { v1: 5_000, v2: 0, old: 5_000 } });
    expect(report(record).steps[0]?.traffic?.split).toMatchObject({ configured: 0.4, isAsConfigured: true });
  });
});

test("the weights are those before, and those that the rollout has left", () => {
  const { config } = report(promotedRecord());
  expect(config).toMatchObject({ weightsBefore: { v1: 100, v2: 0 }, weightsAfter: { v1: 0, v2: 100 } });
  expect(report(rolledBackRecord()).config.weightsAfter).toEqual({ v1: 100, v2: 0 });
  const sharesBefore = { v1: 5_000, v2: 0, old: 5_000 };
  const steps = [stepOf({ index: 0, share: 500 })];
  expect(report(running(measuring, { steps, sharesBefore })).config.weightsAfter).toEqual({ old: 50, v1: 45, v2: 5 });
  const promotion = stepOf({ kind: "promotion", share: 10_000 });
  const promoted = { kind: "promoted", sentence: "Done.", atMs: NOW_MS } as const;
  expect(report(recordOf({ steps: [promotion], outcome: promoted, sharesBefore })).config.weightsAfter).toEqual({
    old: 0,
    v1: 0,
    v2: 100,
  });
  const outcome = { kind: "superseded", sentence: "Somebody was here.", atMs: NOW_MS } as const;
  expect(report(recordOf({ outcome })).config.weightsAfter).toBeUndefined();
});

test("the evidence has what decides beside what is known", () => {
  const { evidence } = report(rolledBackRecord());
  expect(evidence).toMatchObject({ kind: "fail", reason: "worse", judgedAt: "2026-11-29T06:03:06.840Z" });
  const [errors] = evidence?.metrics ?? [];
  expect(errors).toMatchObject({ name: "errors", worseLimit: 200, safeLimit: 20, canary: { share: 0.06 } });
  expect(errors?.worse).toBeGreaterThan(200);
});

test("a rollback tells its time to safe", () => {
  expect(report(rolledBackRecord()).rollback).toEqual({ timeToSafeMs: 640 });
  expect(report(promotedRecord()).rollback).toBeUndefined();
});

test("of a webhook the host is told, and not what lets a caller in", () => {
  const { plan } = recordOf();
  const steps = [{ kind: "webhook", url: "https://user:pass@ci.example.com/hook/secret", timeoutMs: 10_000 }] as const;
  const text = JSON.stringify(report(recordOf({ plan: { ...plan, steps } })));
  expect(text).toContain("ci.example.com");
  expect(text).not.toMatch(/pass@|secret/);
});

test("goes through JSON unchanged", () => {
  for (const record of [promotedRecord(), rolledBackRecord(), withRoutes(rolledBackRecord()), recordOf()]) {
    const made = report(record);
    expect(JSON.parse(JSON.stringify(made))).toEqual(made);
  }
});
