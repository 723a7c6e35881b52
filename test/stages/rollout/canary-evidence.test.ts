/**
 * Evidence that is added up look by look, stays small, and survives being stored.
 */
import { describe, expect, test } from "vitest";
import type { CanaryEvidence, Look } from "../../../src/rollout/canary-evidence.ts";
import { addLook, beginStep, startEvidence } from "../../../src/rollout/canary-evidence.ts";
import { defaultMetricGate } from "../../../src/rollout/gates.ts";
import { shareOf } from "../../../src/rollout/counts.ts";

const tolerances = { errors: defaultMetricGate, slow: defaultMetricGate };
const quiet = Array.from({ length: 30 }, () => ({ completed: 1_000, bad: 1 }));

function lookAt(atMs: number, [completed, errors, slow]: readonly [number, number, number?]): Look {
  const outcomes = { completed, errors, ...(slow !== undefined && { slow }) };
  return { atMs, canary: outcomes, baseline: { ...outcomes, completed: completed * 9 } };
}

function after(evidence: CanaryEvidence, looks: readonly Look[]): CanaryEvidence {
  return looks.reduce((known, look) => addLook(known, look, tolerances), evidence);
}

test("looks are added up, metric by metric", () => {
  const evidence = after(startEvidence(0, { errors: quiet, slow: quiet }), [
    lookAt(10_000, [100, 2, 7]),
    lookAt(20_000, [50, 0, 3]),
  ]);
  expect(evidence.errors).toMatchObject({
    canary: { completed: 150, bad: 2 },
    baseline: { completed: 1_350, bad: 2 },
    badLooks: 1,
    lastAtMs: 20_000,
  });
  expect(evidence.slow).toMatchObject({ canary: { completed: 150, bad: 10 }, badLooks: 2 });
});

test("only what was asked for at the start is watched", () => {
  expect(Object.keys(after(startEvidence(0, { errors: quiet }), [lookAt(10_000, [10, 1, 1])]))).toEqual(["errors"]);
});

test("a look without times leaves what is known of slow requests as it was, and shows how old it is", () => {
  const evidence = after(startEvidence(0, { errors: quiet, slow: quiet }), [
    lookAt(10_000, [100, 2, 7]),
    lookAt(20_000, [50, 0]),
  ]);
  expect(evidence.errors).toMatchObject({ canary: { completed: 150 }, lastAtMs: 20_000 });
  expect(evidence.slow).toMatchObject({ canary: { completed: 100 }, lastAtMs: 10_000 });
});

test("a look over a gap is worth what the looks that were missed are", () => {
  const start = startEvidence(0, { errors: quiet });
  const each = after(
    start,
    [1, 2, 3, 4].map((n) => lookAt(n * 10_000, [100, n])),
  );
  const gap = after(start, [lookAt(40_000, [400, 10])]);
  expect(gap.errors?.canary).toEqual(each.errors?.canary);
  gap.errors?.test.logWorse.forEach((log, index) => expect(log).toBeCloseTo(each.errors!.test.logWorse[index]!, 9));
});

test("what would be expected of the canary is reckoned look by look, so that an incident at another weight does not count", () => {
  const evidence = after(startEvidence(0, { errors: quiet }), [
    { atMs: 10_000, canary: { completed: 50, errors: 0 }, baseline: { completed: 950, errors: 0 } },
    { atMs: 20_000, canary: { completed: 500, errors: 100 }, baseline: { completed: 500, errors: 100 } },
  ]);
  expect(shareOf(evidence.errors!.canary)).toBeCloseTo(100 / 550);
  expect(shareOf(evidence.errors!.baseline)).toBeCloseTo(100 / 1_450);
  expect(shareOf(evidence.errors!.expected)).toBeCloseTo(100 / 550);
});

test("a step asks for requests of its own", () => {
  const evidence = beginStep(after(startEvidence(0, { errors: quiet }), [lookAt(10_000, [300, 0])]));
  expect(after(evidence, [lookAt(20_000, [200, 0])]).errors).toMatchObject({
    canary: { completed: 500 },
    stepFrom: 300,
  });
});

describe("evidence stays small", () => {
  test("over days, with a look every second", () => {
    let evidence = startEvidence(0, { errors: quiet });
    for (let second = 1; second <= 2_000; second += 1) evidence = after(evidence, [lookAt(second * 1_000, [10, 1])]);
    expect(evidence.errors!.samples.length).toBeLessThan(110);
    expect(evidence.errors!.samples[0]!.atMs).toBeLessThanOrEqual(1_700_000);
    expect(evidence.errors!.samples.at(-1)!.canary.completed).toBe(20_000);
    expect(JSON.stringify(evidence).length).toBeLessThan(20_000);
  });

  test("and looks that are hardly apart are one look, where looks are counted", () => {
    const burst = [10_000, 10_100, 10_200, 11_000].map((atMs) => lookAt(atMs, [100, 1]));
    expect(after(startEvidence(0, { errors: quiet }), burst).errors!.badLooks).toBe(1);
  });
});

test("evidence goes through JSON unchanged", () => {
  const evidence = after(startEvidence(0, { errors: quiet, slow: [] }), [lookAt(10_000, [100, 2, -1])]);
  expect(JSON.parse(JSON.stringify(evidence))).toEqual(evidence);
});
