/**
 * The verdict on canaries that one can picture, with the sentence that is shown.
 */
import { describe, expect, test } from "vitest";
import type { CanaryEvidence } from "../../../src/rollout/canary-evidence.ts";
import { addLook, beginStep, startEvidence } from "../../../src/rollout/canary-evidence.ts";
import type { Gates } from "../../../src/rollout/gates.ts";
import { defaultGates, defaultMetricGate } from "../../../src/rollout/gates.ts";
import type { Verdict } from "../../../src/rollout/verdict.ts";
import { judge } from "../../../src/rollout/verdict.ts";

const LOOK_MS = 10_000;
const names = { canary: "v2", baseline: "v1" };
/** Neither more nor less even than chance. */
const before = Array.from({ length: 30 }, (_, index) => ({ completed: 1_000, bad: 10 + ((index * 7) % 3) }));

/** Completed, errors, slow. */
type Row = readonly [number, number, number?];

interface Story {
  readonly gates?: Gates;
  readonly looks: number;
  readonly canary: Row | ((look: number) => Row);
  readonly baseline: Row | ((look: number) => Row);
}

const outcomesOf = ([completed, errors, slow]: Row) => ({ completed, errors, ...(slow !== undefined && { slow }) });

function tell({ gates = defaultGates, looks, canary, baseline }: Story): CanaryEvidence {
  const rowAt = (row: Story["canary"], look: number) => (typeof row === "function" ? row(look) : row);
  let evidence = startEvidence(0, { errors: before, ...(gates.slow && { slow: before }) });
  for (let look = 1; look <= looks; look += 1) {
    const outcomes = { canary: outcomesOf(rowAt(canary, look)), baseline: outcomesOf(rowAt(baseline, look)) };
    evidence = addLook(evidence, { atMs: look * LOOK_MS, ...outcomes }, gates);
  }
  return evidence;
}

function judged(story: Story, moment: { nowMs?: number; stepEndsAtMs?: number; rejection?: string } = {}): Verdict {
  const nowMs = story.looks * LOOK_MS;
  return judge(tell(story), story.gates ?? defaultGates, { nowMs, stepEndsAtMs: nowMs, names, ...moment });
}

const withObjective: Gates = { ...defaultGates, errors: { ...defaultMetricGate, objective: 0.999 } };
const withSlow: Gates = { ...defaultGates, slow: { ...defaultMetricGate, thresholdMs: 300 } };
const alike = { looks: 60, canary: [100, 1], baseline: [900, 9] } satisfies Story;

describe("a canary fails", () => {
  test("when it has many times the errors of the baseline", () => {
    const verdict = judged({ looks: 4, canary: [50, 3], baseline: [950, 9] });
    expect(verdict).toMatchObject({ kind: "fail", reason: "worse" });
    expect(verdict.sentence).toMatch(
      /^v2 fails 6\.0 % of its requests, v1 0\.95 % \(200 and 3,800 requests\): the data are [\d,]+ times more likely if v2 fails 1\.9 to 12\.5 times as often as v1 than if it fails at most 25 % more often\.$/,
    );
  });

  test("before the step is over", () => {
    expect(judged({ looks: 8, canary: [50, 3], baseline: [950, 9] }, { stepEndsAtMs: 1e6 }).kind).toBe("fail");
  });

  test("when it is too slow for more requests than the baseline", () => {
    const verdict = judged({ gates: withSlow, looks: 12, canary: [50, 0, 4], baseline: [950, 0, 19] });
    expect(verdict).toMatchObject({ kind: "fail", reason: "worse" });
    expect(verdict.sentence).toMatch(/^v2 takes longer than 300 ms for 8\.0 % of its requests, v1 2\.0 % /);
    expect(verdict.sentence).toMatch(/if v2 is slow 1\.9 to 12\.5 times as often as v1/);
  });

  test("when a fifth of its requests fail in two looks", () => {
    const verdict = judged({ looks: 2, canary: [40, 20], baseline: [960, 1] });
    expect(verdict).toMatchObject({ kind: "fail", reason: "fails-plainly" });
    expect(verdict.sentence).toBe(
      "v2 fails 50 % of its requests, v1 0.10 % (80 and 1,920 requests), in two looks one after the other.",
    );
  });

  test("when it alone spends the error budget much too fast", () => {
    const canary: Row = [2_000, 60];
    const alone = judged({ gates: withObjective, looks: 30, canary, baseline: [0, 0] });
    expect(alone).toMatchObject({ kind: "fail", reason: "burns-budget" });
    expect(alone.sentence).toBe(
      "v2 fails 3.0 % of its requests (60,000 requests): 99.9 % shall succeed, and in the last five minutes errors came 30 times as fast as that allows.",
    );
  });

  test("when Envoys refused its configuration", () => {
    const verdict = judged(alike, { rejection: "edge-1: unknown cluster reviews|v2" });
    expect(verdict).toMatchObject({ kind: "fail", reason: "rejected" });
    expect(verdict.sentence).toBe("Envoys refused the configuration of v2: edge-1: unknown cluster reviews|v2");
  });

  test("even if nothing has been heard of it since", () => {
    expect(judged({ looks: 8, canary: [50, 3], baseline: [950, 9] }, { nowMs: 1e7 }).kind).toBe("fail");
  });
});

describe("a canary passes", () => {
  test("when it is shown to be about as good as the baseline", () => {
    const verdict = judged({ ...alike, looks: 25 });
    expect(verdict).toMatchObject({ kind: "pass", reason: "proved", metrics: [{ proof: "compared" }] });
    expect(verdict.sentence).toMatch(
      /^v2 fails 1\.0 % of its requests, v1 1\.0 % \(2,500 and 22,500 requests\): the data are [\d,.]+ times more likely if v2 fails about as often as v1 than if it fails twice as often\.$/,
    );
  });

  test("when it is shown to keep its objective", () => {
    const verdict = judged({ gates: withObjective, looks: 20, canary: [1_000, 0], baseline: [1_000, 0] });
    expect(verdict).toMatchObject({ kind: "pass", reason: "proved", metrics: [{ proof: "objective" }] });
    expect(verdict.sentence).toMatch(/: v2 fails at most 0\.01\d %, and 0\.1 % are allowed\.$/);
  });

  test("without proof, when none is asked for", () => {
    const gates = { ...defaultGates, requireProof: false };
    const verdict = judged({ gates, looks: 20, canary: [50, 0], baseline: [950, 1] });
    expect(verdict).toMatchObject({ kind: "pass", reason: "nothing-against" });
    expect(verdict.sentence).toMatch(/: nothing speaks against v2, and no proof is asked for\.$/);
  });

  test("when all of its metrics are good", () => {
    const verdict = judged({ gates: withSlow, looks: 90, canary: [100, 1, 3], baseline: [900, 9, 27] });
    expect(verdict).toMatchObject({ kind: "pass", metrics: [{ name: "errors" }, { name: "slow" }] });
    expect(verdict.sentence).toMatch(/^v2 fails .*; v2 takes longer than 300 ms for 3\.0 % .*: the data .*; the data /);
  });
});

describe("a canary waits", () => {
  test("when nothing was reported lately, however good it was", () => {
    const verdict = judged({ ...alike, looks: 90 }, { nowMs: 90 * LOOK_MS + 45_000 });
    expect(verdict).toMatchObject({ kind: "inconclusive", reason: "no-data" });
    expect(verdict.sentence).toBe("Nothing was reported for 45 s, so v2 stays as it is.");
  });

  test("when nothing is known of a metric that is asked about", () => {
    const nowMs = 90 * LOOK_MS;
    const verdict = judge(tell({ ...alike, looks: 90 }), withSlow, { nowMs, stepEndsAtMs: nowMs, names });
    expect(verdict).toMatchObject({ kind: "inconclusive", reason: "no-data" });
    expect(verdict.sentence).toBe("Nothing is known of how long requests take, so v2 stays as it is.");
  });

  test("when times are not reported any more, though errors are", () => {
    const slowUntil = (look: number): Row => (look < 80 ? [100, 1, 3] : [100, 1]);
    const verdict = judged({ gates: withSlow, looks: 90, canary: slowUntil, baseline: [900, 9, 27] });
    expect(verdict).toMatchObject({ kind: "inconclusive", reason: "no-data" });
    expect(verdict.sentence).toBe("Nothing was reported of how long requests take for 110 s, so v2 stays as it is.");
  });

  test("while its step lasts", () => {
    const verdict = judged({ ...alike, looks: 90 }, { stepEndsAtMs: 90 * LOOK_MS + 40_000 });
    expect(verdict).toMatchObject({ kind: "inconclusive", reason: "step-not-over" });
    expect(verdict.sentence).toMatch(/: nothing speaks against v2 so far, and this step takes another 40 s\.$/);
  });

  test("when it had too few requests in this step, however many before", () => {
    const evidence = beginStep(tell({ ...alike, looks: 90 }));
    const nowMs = 91 * LOOK_MS;
    const look = { atMs: nowMs, canary: outcomesOf([120, 1]), baseline: outcomesOf([900, 9]) };
    const verdict = judge(addLook(evidence, look, defaultGates), defaultGates, { nowMs, stepEndsAtMs: nowMs, names });
    expect(verdict).toMatchObject({ kind: "inconclusive", reason: "too-few-requests" });
    expect(verdict.sentence).toBe("v2 has had 120 of the 500 requests that this step asks for.");
  });

  test("when it had no request at all", () => {
    expect(judged({ looks: 60, canary: [0, 0], baseline: [1_000, 10] })).toMatchObject({
      kind: "inconclusive",
      reason: "too-few-requests",
    });
  });

  test("when something speaks against it, but not enough", () => {
    const verdict = judged({ looks: 10, canary: [50, 1], baseline: (look) => [950, look % 2 === 0 ? 4 : 5] });
    expect(verdict).toMatchObject({ kind: "inconclusive", reason: "doubtful" });
    expect(verdict.sentence).toMatch(/more often, too much to go on and too little to go back\.$/);
  });

  test("when it is not shown to be good", () => {
    const verdict = judged({ gates: withObjective, looks: 20, canary: [50, 0], baseline: [950, 1] });
    expect(verdict).toMatchObject({ kind: "inconclusive", reason: "not-proved" });
    expect(verdict.sentence).toBe(
      "v2 fails 0 % of its requests, v1 0.11 % (1,000 and 19,000 requests): nothing speaks against v2, but the requests are too few to show that it fails less than twice as often as v1, or that it keeps 99.9 %, which takes 3,000 requests at least.",
    );
  });

  test("when bad requests come together, which takes more of them to show anything", () => {
    const unknown = startEvidence(0, { errors: [] });
    const look = { atMs: LOOK_MS, canary: outcomesOf([1_000, 0]), baseline: outcomesOf([9_000, 9]) };
    const moment = { nowMs: LOOK_MS, stepEndsAtMs: LOOK_MS, names };
    const verdict = judge(addLook(unknown, look, withObjective), withObjective, moment);
    expect(verdict.sentence).toMatch(
      /which takes 9,000 requests at least, as nobody has watched how bad ones of v1 come, and they are taken to come 3 at a time; a longer `maxHold`, a start when v1 has been even for three minutes, or `requireProof: false` are ways out\.$/,
    );
  });

  test("when the baseline had an accident before, which says how bad ones come", () => {
    const accident = Array.from({ length: 30 }, (_, index) => ({ completed: 1_000, bad: index === 20 ? 27 : 1 }));
    const look = { atMs: LOOK_MS, canary: outcomesOf([1_000, 0]), baseline: outcomesOf([9_000, 9]) };
    const moment = { nowMs: LOOK_MS, stepEndsAtMs: LOOK_MS, names };
    const known = (gates: Gates) => judge(addLook(startEvidence(0, { errors: accident }), look, gates), gates, moment);
    expect(known(withObjective).sentence).toMatch(
      /which takes [\d,]+ requests at least, as bad ones of v1 came 15 at a time in the minutes before; a longer `maxHold`, a start when v1 has been even for three minutes, or `requireProof: false` are ways out\.$/,
    );
    expect(known(defaultGates).sentence).toMatch(
      /less than twice as often as v1, as bad ones of v1 came 15 at a time in the minutes before; a longer/,
    );
  });

  test("when both versions miss the objective by far, because going back would not help", () => {
    const verdict = judged({ gates: withObjective, looks: 30, canary: [500, 15], baseline: [500, 15] });
    expect(verdict).toMatchObject({ kind: "inconclusive", reason: "both-burn" });
    expect(verdict.sentence).toMatch(
      /: both are far from what is promised, so it is not v2 alone, and it stays as it is\.$/,
    );
  });
});

describe("what keeps a verdict from being hasty", () => {
  test("one burst of errors is one cause, however many errors it has", () => {
    const burst = (look: number): Row => [50, look === 5 ? 12 : 0];
    const verdict = judged({ looks: 20, canary: burst, baseline: [950, 1] });
    expect(verdict.metrics[0]!.worse).toBeGreaterThan(1_000);
    expect(verdict.kind).toBe("inconclusive");
    expect(verdict.sentence).toMatch(
      /: the data are .* likely if .*, which is enough to go back once it is seen in 3 reports, and it was in one report so far\.$/,
    );
  });

  test("with two metrics each must be twice as sure", () => {
    const baseline = (look: number): Row => [950, look <= 3 ? 9 : 8, 1];
    const story = { looks: 6, canary: [50, 2, 0], baseline } satisfies Story;
    const one = judged(story);
    expect(one.metrics[0]!.worse).toBeGreaterThan(100);
    expect(one.metrics[0]!.worse).toBeLessThan(200);
    expect(one.kind).toBe("fail");
    expect(judged({ ...story, gates: withSlow }).kind).toBe("inconclusive");
  });

  test("a canary that is slow where the threshold is the median does not fail plainly", () => {
    const verdict = judged({ gates: withSlow, looks: 60, canary: [100, 0, 50], baseline: [900, 0, 450] });
    expect(verdict.kind).not.toBe("fail");
  });
});

describe("before there is news of a step", () => {
  const evidence = beginStep(tell({ ...alike, looks: 90 }));
  const nowMs = 91 * LOOK_MS;
  const moment = { nowMs, stepEndsAtMs: nowMs + 60_000, measuredFromMs: nowMs - 2_000, names };
  const newsCome = "Envoys report every 5 s";

  test("nothing is said of a canary, and how often news come", () => {
    const verdict = judge(evidence, defaultGates, { ...moment, newsCome });
    expect(verdict).toMatchObject({ kind: "inconclusive", reason: "no-report-yet" });
    expect(verdict.sentence).toBe(
      "No report has come yet in this step: Envoys report every 5 s, and the first one only shows where counters stand.",
    );
  });

  test("it does not pass by what earlier steps have shown, however few requests are asked for", () => {
    const gates = { ...defaultGates, requestsMin: 0 };
    const over = { ...moment, stepEndsAtMs: nowMs };
    expect(judge(evidence, gates, { ...over, measuredFromMs: 0 }).kind).toBe("pass");
    expect(judge(evidence, gates, over)).toMatchObject({ kind: "inconclusive", reason: "no-report-yet" });
  });

  test("silence is counted from when the step began to be measured", () => {
    const late = { ...moment, nowMs: nowMs + 25_000 };
    expect(judge(evidence, defaultGates, late).reason).toBe("no-report-yet");
    expect(judge(evidence, defaultGates, { ...late, nowMs: nowMs + 29_000 }).sentence).toBe(
      "Nothing was reported for 31 s, so v2 stays as it is.",
    );
  });

  test("a canary that had no requests is said to have had none", () => {
    const verdict = judged({ looks: 2, canary: [0, 0], baseline: [1_000, 1] }, { stepEndsAtMs: 60_000 });
    expect(verdict.sentence).toBe("v2 has had no requests yet, and this step takes another 40 s.");
  });
});
