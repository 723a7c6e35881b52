/**
 * Plays made-up rollouts with the real verdict, asked at every look, and tells what became of them.
 */
import type { CanaryEvidence } from "../../src/rollout/canary-evidence.ts";
import { addLook, startEvidence } from "../../src/rollout/canary-evidence.ts";
import type { Gates } from "../../src/rollout/gates.ts";
import { defaultGates } from "../../src/rollout/gates.ts";
import { judge } from "../../src/rollout/verdict.ts";
import type { Random } from "../support/random.ts";
import { createRandom } from "../support/random.ts";
import type { Traffic, TrafficScenario } from "./canary-traffic.ts";
import { LOOK_SECONDS, playTraffic } from "./canary-traffic.ts";

/** A canary among many that were judged at every look. */
export interface Outcomes {
  /** Of the rollouts, from 0 to 1. */
  readonly failedShare: number;
  /** Seconds until half of all rollouts had failed; undefined when not half of them did. */
  readonly failedMedianS: number | undefined;
  /** Shown to be good before it failed, if ever, and so allowed to go on. */
  readonly provedShare: number;
  readonly provedMedianS: number | undefined;
}

/** Which looks, from 1 on, brought what; undefined when none did. */
export interface Course {
  readonly failedAt: number | undefined;
  readonly provedAt: number | undefined;
}

/** How a rollout is judged. */
export type Judgement = (traffic: Traffic) => Course;

/** Judges as many rollouts as wanted, all from one seed. */
export function playRollouts(
  scenario: TrafficScenario,
  { runs, seed, by }: { readonly runs: number; readonly seed: number; readonly by: Judgement },
): Outcomes {
  const random: Random = createRandom(seed);
  const courses = Array.from({ length: runs }, () => by(playTraffic(scenario, random)));
  const failed = courses.map(({ failedAt }) => failedAt ?? Infinity).sort((a, b) => a - b);
  const proved = courses.map(({ provedAt }) => provedAt ?? Infinity).sort((a, b) => a - b);
  const share = (looks: readonly number[]) => looks.filter(Number.isFinite).length / runs;
  const medianS = (looks: readonly number[]) => {
    const look = looks[Math.floor(runs / 2)] ?? Infinity;
    return Number.isFinite(look) ? look * LOOK_SECONDS : undefined;
  };
  return {
    failedShare: share(failed),
    failedMedianS: medianS(failed),
    provedShare: share(proved),
    provedMedianS: medianS(proved),
  };
}

const names = { canary: "v2", baseline: "v1" };

/** The real thing, with these gates; bad requests are slow ones as well where those are asked about. */
export function byVerdict(gates: Gates = defaultGates, options: { readonly overdispersion?: number } = {}): Judgement {
  return ({ before, looks }) => {
    const known = startEvidence(0, { errors: before, ...(gates.slow && { slow: before }) });
    let evidence = options.overdispersion === undefined ? known : withOverdispersion(known, options.overdispersion);
    let provedAt: number | undefined;
    for (const [index, { canary, baseline }] of looks.entries()) {
      const atMs = (index + 1) * LOOK_SECONDS * 1_000;
      const look = {
        atMs,
        canary: { completed: canary.completed, errors: canary.bad, slow: canary.bad },
        baseline: { completed: baseline.completed, errors: baseline.bad, slow: baseline.bad },
      };
      evidence = addLook(evidence, look, gates);
      const { kind } = judge(evidence, gates, { nowMs: atMs, stepEndsAtMs: atMs, names });
      if (kind === "fail") return { failedAt: index + 1, provedAt };
      if (kind === "pass") provedAt ??= index + 1;
    }
    return { failedAt: undefined, provedAt };
  };
}

function withOverdispersion(evidence: CanaryEvidence, overdispersion: number): CanaryEvidence {
  return evidence.errors === undefined ? evidence : { ...evidence, errors: { ...evidence.errors, overdispersion } };
}
