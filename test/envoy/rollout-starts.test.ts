/**
 * Who may start a rollout and who may act on it, while the weights of a real Envoy are moved: jobs that run again, jobs of
 * others, a second split of the same versions, limits that Git lowers, locks and leases.
 */
import { describe, expect, test } from "vitest";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { RolloutJson } from "../../src/admin/rollout-schema.ts";
import type { SplitJson } from "../../src/admin/split-schema.ts";
import {
  isOver,
  reporting,
  rollout,
  rolloutConfig,
  rolloutNow,
  rolloutPlan,
  rolloutStep,
  rolloutUntil,
  savePlan,
  split,
} from "./rollout-scene.ts";
import type { Scene } from "./scene.ts";
import { startScene } from "./scene.ts";

const other = `  other:
    backends:
      stable: { service: shop, subset: stable }
      canary: { service: shop, subset: canary }
    default: { stable: 100, canary: 0 }
`;

const inOneMinute = (weight: number) => ({ ...rolloutStep(weight), hold: "60s", maxHold: "120s" });

describe("a rollout on a real Envoy", { timeout: 300_000 }, () => {
  test("is started once, attached to at any step, and nothing else is done to it than to what was meant", async () => {
    await using running = await startScene({
      backends: 2,
      config: (ports) => rolloutConfig(ports) + other,
      envoy: reporting,
    });
    await expectWrongPlan(running);
    const plan = { ...rolloutPlan, steps: [{ approval: true }, inOneMinute(20), inOneMinute(50)] };
    const file = await savePlan(running, plan);
    const start = (target: string, ...args: readonly string[]) =>
      rollout(running, "start", "shop", "--target", target, "--plan", file, "--actor", `ci-${target}`, ...args);

    const both = await Promise.all([start("a", "--idempotency-key", "a-1"), start("b", "--idempotency-key", "b-1")]);
    expect(both.map(({ code }) => Number(code)).toSorted((a, b) => a - b)).toEqual([0, 6]);
    const [winner, loser] = both[0]?.code === 0 ? (["a", "b"] as const) : (["b", "a"] as const);
    const on = `shop-1 is on: ${winner}, started by ci-${winner}`;
    expect(both.find(({ code }) => code === 6)?.text).toContain(`nothing is changed: ${on}`);
    expect(await rolloutNow(running)).toMatchObject({ number: 1, target: winner, startedBy: `ci-${winner}` });
    const waiting = await rolloutUntil(running, "the approval", ({ phase }) => phase === "awaiting-approval");
    await expectActsOnWhatIsMeant(running, waiting, { loser, on });

    expect(await rollout(running, "approve", "shop")).toMatchObject({ code: 0 });
    await atStep(running, 2, "measuring");
    expect(await rollout(running, "promote", "shop", "--target", winner)).toMatchObject({ code: 0 });
    await atStep(running, 3, "measuring");
    await expectJobsAtStepThree(running, { file, start, winner, loser, on });

    await lowerLimit(running);
    const [replayed, attached, reused] = await Promise.all([
      start(winner, "--idempotency-key", `${winner}-1`),
      start(winner),
      start(loser, "--idempotency-key", `${winner}-1`),
    ]);
    expect(replayed, replayed.text).toMatchObject({ code: 0 });
    expect(attached, attached.text).toMatchObject({ code: 0 });
    expect(reused).toMatchObject({ code: 2 });
    expect(reused.text).toContain("this key has started shop-1");
    const key = ["--idempotency-key", `${winner}-1`, "--steps", "5"];
    expect((await rollout(running, "start", "other", "--target", winner, ...key)).text).toContain("has started shop-1");

    expect(await rollout(running, "abort", "shop", "--target", winner, "--reason", "no")).toMatchObject({ code: 0 });
    const aborted = await rolloutUntil(running, "the end", isOver);
    expect(aborted).toMatchObject({ outcome: { kind: "aborted" }, weight: 0 });
    expect(await rollout(running, "watch", "shop")).toMatchObject({ code: 8 });
    const retried = await rollout(running, "retry", "shop");
    expect(retried).toMatchObject({ code: 2 });
    expect(retried.text).toContain("canary may have 30 % at most");
    expect(await rolloutNow(running)).toMatchObject({ number: 1, weight: 0 });
    await expectLocksAndLeases(running);
  });
});

async function expectWrongPlan(running: Scene): Promise<void> {
  const wrong = await savePlan(running, {
    steps: [rolloutStep(50), rolloutStep(20)],
    gates: { latency: { threshold: "310ms" } },
  });
  const planned = await rollout(running, "plan", "shop", "--plan", wrong);
  expect(planned).toMatchObject({ code: 2 });
  expect(planned.text).toContain("plan.json:10:17");
  expect(planned.text).toContain("would be a step backwards");
  expect(planned.text).toContain("the nearest are 300 ms and 400 ms");
  expect(await rollout(running, "start", "shp", "--target", "x", "--steps", "5")).toMatchObject({ code: 2 });
}

async function expectActsOnWhatIsMeant(
  running: Scene,
  waiting: RolloutJson,
  { loser, on }: { readonly loser: string; readonly on: string },
): Promise<void> {
  const answers = await Promise.all([
    rollout(running, "watch", "shop"),
    rollout(running, "approve", "shop", "--if-match", String(waiting.revision - 1)),
    rollout(running, "abort", "shop", "--target", loser),
    rollout(running, "abort", "shop", "--number", "2"),
  ]);
  expect(answers.map(({ code }) => code)).toEqual([4, 6, 6, 6]);
  expect(answers[2]?.text).toContain(`nothing is changed: ${on}, and it is not a rollout of ${loser}`);
  expect(answers[3]?.text).toContain(`nothing is changed: ${on}, and it is not shop-2`);
  expect(await rolloutNow(running)).toMatchObject({ phase: "awaiting-approval", revision: waiting.revision });
}

/** The weights have moved beyond the first steps of the plan. */
async function expectJobsAtStepThree(
  running: Scene,
  of: {
    readonly file: string;
    readonly start: (target: string) => ReturnType<typeof rollout>;
    readonly winner: string;
    readonly loser: string;
    readonly on: string;
  },
): Promise<void> {
  const { file, start, winner, loser, on } = of;
  const planned = (target: string) => rollout(running, "plan", "shop", "--target", target, "--plan", file);
  const beside = ["--target", loser, "--steps", "5", "--actor", "ci"];
  const [again, planAgain, refused, planOfOther, ofOther] = await Promise.all([
    start(winner),
    planned(winner),
    start(loser),
    planned(loser),
    rollout(running, "start", "other", ...beside),
  ]);
  expect(again, again.text).toMatchObject({ code: 0 });
  expect(again.text).toContain(`shop-1 was started before, by ci-${winner}`);
  expect(planAgain, planAgain.text).toMatchObject({ code: 0 });
  expect(planAgain.text).toContain(`started by ci-${winner}, and start attaches to it: step 3 of 3`);
  expect(refused).toMatchObject({ code: 6 });
  expect(refused.text).toContain(`nothing is changed: ${on}`);
  expect(planOfOther, planOfOther.text).toMatchObject({ code: 0 });
  expect(planOfOther.text).toContain(`warning: ${on}; until it is over a start is refused`);
  expect(ofOther).toMatchObject({ code: 6 });
  expect(ofOther.text).toContain(`${on}; it is judged by requests to shop|canary and shop|stable too`);
  const { rollouts } = await running.fairway.get<{ readonly rollouts: readonly RolloutJson[] }>("/v1/rollouts");
  expect(rollouts.map(({ id, step, weight }) => [id, step, weight])).toEqual([["shop-1", 3, 50]]);
}

async function lowerLimit(running: Scene): Promise<void> {
  const text = rolloutConfig({ port: running.port, backends: running.backends.map(({ address }) => address) });
  await running.save(`${text}    limits: { canary: { max: 30 } }\n${other}`);
  await waitUntil(async () => (await shop(running)).backends.some(({ limit }) => limit?.max === 30), {
    what: "the lower limit",
    timeoutMs: 30_000,
    everyMs: 20,
  });
}

async function expectLocksAndLeases(running: Scene): Promise<void> {
  const small = await savePlan(running, { ...rolloutPlan, steps: [inOneMinute(20)], promote: false });
  expect(await rollout(running, "lock", "shop", "--owner", "ann")).toMatchObject({ code: 0 });
  const locked = await rollout(running, "start", "shop", "--target", "c", "--plan", small);
  expect(locked).toMatchObject({ code: 6 });
  expect(locked.text).toContain("it is locked by ann until");
  expect(await rollout(running, "unlock", "shop", "--owner", "ann")).toMatchObject({ code: 0 });

  const leased = ["set", "shop", "canary=10", "--lease", "10m", "--actor", "bob", "--wait"];
  expect(await split(running, ...leased)).toMatchObject({ code: 0 });
  const before = await shop(running);
  const [planned, started] = await Promise.all([
    rollout(running, "plan", "shop", "--plan", small),
    rollout(running, "start", "shop", "--target", "c", "--plan", small),
  ]);
  expect(planned, planned.text).toMatchObject({ code: 0 });
  expect(started).toMatchObject({ code: 6 });
  for (const { text } of [planned, started]) {
    expect(text).toContain("the weights of shop have a lease of bob until");
    expect(text).toContain("`fairway split reset shop` takes them back");
  }
  expect(await shop(running)).toEqual(before);
  // To judge a canary at the weights that it has changes none.
  const analyzed = await rollout(running, "analyze", "shop", "--hold", "1s", "--timeout", "0s");
  expect(analyzed, analyzed.text).toMatchObject({ code: 5 });
  expect(await rollout(running, "abort", "shop")).toMatchObject({ code: 0 });
  await rolloutUntil(running, "the end", isOver);
  expect(await shop(running)).toEqual(before);
}

function shop({ fairway }: Scene): Promise<SplitJson> {
  return fairway.get<SplitJson>("/v1/splits/shop");
}

function atStep(running: Scene, step: number, phase: RolloutJson["phase"]): Promise<RolloutJson> {
  return rolloutUntil(running, `step ${step}`, (seen) => seen.step === step && seen.phase === phase);
}
