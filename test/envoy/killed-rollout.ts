/**
 * One real rollout whose controllers are killed with SIGKILL at a random moment of each step and started again, while a CI
 * job waits for it.
 *
 * A seed decides what kind of version it is, from which step on, when is killed, and who. What was seen is returned; whether
 * it is right is a question for `killed-rollout-checks.ts`.
 */
import { setTimeout as pause } from "node:timers/promises";
import { Load } from "../../demo/kit/load.ts";
import type { LoadReport } from "../../demo/kit/load-report.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { RolloutJson } from "../../src/admin/rollout-schema.ts";
import type { SplitChangeJson } from "../../src/admin/split-schema.ts";
import type { Random } from "../support/random.ts";
import { HeldWeights } from "./held-weights.ts";
import type { RolloutPlace, StoreKind } from "./rollout-place.ts";
import { isOver, rollout, rolloutPlan, savePlan, split } from "./rollout-scene.ts";

/** What is to happen to it. */
export interface Fate {
  readonly version: "good" | "errors" | "slow";
  /** At this share of the canary it turns bad. */
  readonly badFrom: 20 | 50;
  /** One for each of two steps and for the promotion or rollback. */
  readonly kills: readonly Kill[];
}

export interface Kill {
  readonly at: "step 1" | "step 2" | "end";
  /** Since it was seen to begin. */
  readonly afterMs: number;
  /** Indexes of controllers. */
  readonly victims: readonly number[];
}

/** What was seen. */
export interface Played {
  readonly rollout: RolloutJson;
  /** How the CI job ended that had started it. */
  readonly exitCode: number | null;
  /** Of the split, by this rollout, in their order. */
  readonly changes: readonly SplitChangeJson[];
  /** Shares of the canary that each Envoy had, in their order. */
  readonly held: readonly (readonly number[])[];
  /** In which phase the controllers were, by who was asked last. */
  readonly killedIn: readonly string[];
  /** One for each Envoy, from the start to the end. */
  readonly loads: readonly LoadReport[];
  /** Bad answers of the canary, on purpose. */
  readonly injected: number;
  /** Which version answers after it, at each Envoy. */
  readonly after: readonly LoadReport[];
}

/** A step is about so long: its hold, its settling, and a few reports. */
const STEP_MS = 4_000;
/** And a promotion or a rollback so. */
const END_MS = 300;

const RATE = 100;
const AFTER_COUNT = 100;
const OVER_MS = 180_000;

export function drawFate(random: Random, store: StoreKind, version: Fate["version"]): Fate {
  const victims = () => (store === "files" ? [0] : random.pick([[0], [1], [0, 1]]));
  return {
    version,
    badFrom: random.pick([20, 50] as const),
    kills: [
      { at: "step 1", afterMs: random.int(STEP_MS), victims: victims() },
      { at: "step 2", afterMs: random.int(STEP_MS), victims: victims() },
      { at: "end", afterMs: random.int(END_MS), victims: victims() },
    ],
  };
}

/** Leaves the split at its baseline, for the next one. */
export async function playKilledRollout(place: RolloutPlace, fate: Fate, target: string): Promise<Played> {
  const file = await savePlan({ stateDir: place.directory }, rolloutPlan);
  place.canary.set({});
  await using stack = new AsyncDisposableStack();
  const failuresBefore = place.canary.failures;
  const held = place.envoys.map((envoy) => stack.use(HeldWeights.watch(envoy, (name) => place.isCanary(name))));
  const loads = place.urls.map((url) =>
    stack.use(Load.start({ url, concurrency: 4, requestsPerSecond: RATE, accept: (status) => status === 200 })),
  );
  const stopTurning = turnBad(place, fate, held);
  stack.defer(stopTurning);
  const number = (await newest(place))?.number ?? 0;
  const started = ["start", "shop", "--target", target, "--plan", file, "--actor", "ci"];
  const job = rollout(at(place, 0), ...started, "--wait", "--timeout", `${OVER_MS / 1_000}s`);
  await waitUntil(async () => ((await newest(place))?.number ?? 0) > number, { what: "the start", timeoutMs: 60_000 });
  const killedIn: string[] = [];
  for (const kill of fate.kills) killedIn.push(...(await carryOut(place, kill)));
  const what = `the end of ${target}`;
  await waitUntil(async () => isOverNow(await newest(place)), { what, timeoutMs: OVER_MS, everyMs: 50 });
  const { code } = await job;
  const ended = await newest(place);
  if (ended === undefined) throw new Error("it was there");
  const reports = await Promise.all(loads.map((load) => load.stop()));
  await stopTurning();
  const after = await Promise.all(place.urls.map((url) => Load.run({ url, count: AFTER_COUNT, accept: () => true })));
  const { history } = await at(place, 0).fairway.get<{ readonly history: readonly SplitChangeJson[] }>(
    "/v1/splits/shop/history",
  );
  const played: Played = {
    ...{ rollout: ended, exitCode: code, killedIn, loads: reports, after },
    changes: history.filter(({ actor }) => actor === `rollout ${ended.id}`).toReversed(),
    held: held.map(({ shares }) => shares),
    injected: place.canary.failures - failuresBefore,
  };
  place.canary.set({});
  if (ended.phase !== "done") await rollout(at(place, 0), "abort", "shop", "--actor", "the next run");
  await split(at(place, 0), "set", "shop", "canary=0", "--actor", "the next run", "--wait");
  // Their pages are looked at now and then.
  await waitUntil(() => held.every(({ shares }) => shares.at(-1) === 0), { what: "v1 everywhere", timeoutMs: 60_000 });
  return played;
}

/** Makes the canary bad as soon as an Envoy has it at that share; returns what ends the watch. */
function turnBad(place: RolloutPlace, { version, badFrom }: Fate, held: readonly HeldWeights[]): () => Promise<void> {
  let isEnded = version === "good";
  const watch = async () => {
    while (!isEnded) {
      if (held.some(({ shares }) => shares.includes(badFrom))) {
        place.canary.set(version === "slow" ? { delayMs: 450 } : { failure: { answer: 500, percent: 30 } });
        return;
      }
      await pause(10);
    }
  };
  const work = watch();
  return async () => {
    isEnded = true;
    await work;
  };
}

/** Returns the phase in which it was, or nothing when the rollout did not come so far. */
async function carryOut(place: RolloutPlace, { at: when, afterMs, victims }: Kill): Promise<readonly string[]> {
  const seen = await waitUntil(
    async () => {
      const now = await newest(place);
      return now !== undefined && (hasBegun(when, now) || isOver(now)) ? now : undefined;
    },
    { what: when, timeoutMs: OVER_MS, everyMs: 5 },
  );
  if (when !== "end" && !hasBegun(when, seen)) return [];
  await pause(afterMs);
  const now = await newest(place);
  const killed = victims.map((index) => at(place, index).fairway);
  await Promise.all(killed.map((fairway) => fairway.kill("SIGKILL")));
  await Promise.all(killed.map((fairway) => fairway.restart()));
  return [now === undefined ? "?" : `${now.phase} at ${now.weight} %`];
}

/** A rollback has no second step any more. */
function hasBegun(when: Kill["at"], { phase, step, steps }: RolloutJson): boolean {
  if (when === "end") return phase === "rolling-back" || phase === "promoting" || phase === "done";
  return (
    steps.length > 0 && step === Number(when.slice("step ".length)) && phase !== "rolling-back" && phase !== "done"
  );
}

/** As the controller knows it that has heard most; of those that are there. */
async function newest({ controllers }: RolloutPlace): Promise<RolloutJson | undefined> {
  const asked = await Promise.allSettled(controllers.map((each) => each.get<RolloutJson>("/v1/rollouts/shop")));
  const answers = asked.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  return answers.toSorted((a, b) => b.number - a.number || b.revision - a.revision)[0];
}

function isOverNow(seen: RolloutJson | undefined): boolean {
  return seen !== undefined && isOver(seen);
}

function at({ controllers }: RolloutPlace, index: number) {
  const fairway = controllers[index];
  if (fairway === undefined) throw new Error(`there is no controller ${index}`);
  return { fairway };
}
