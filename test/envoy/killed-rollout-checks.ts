/**
 * Whether a rollout went right although its controllers were killed: a bad version never promoted and a good one once, no
 * step skipped or repeated, and no request lost to the mechanics. By what Fairway has kept, and by what Envoys had.
 */
import type { RolloutJson } from "../../src/admin/rollout-schema.ts";
import type { Fate, Played } from "./killed-rollout.ts";

/** Shares of the canary, in percent. */
function sharesOf({ version, badFrom }: Fate): readonly number[] {
  if (version === "good") return [20, 50, 100];
  return badFrom === 20 ? [20, 0] : [20, 50, 0];
}

/** One sentence for each thing; empty when all is well. */
export function wrongWith(fate: Fate, played: Played): readonly string[] {
  const { rollout, changes, held, exitCode } = played;
  const isGood = fate.version === "good";
  const shares = sharesOf(fate);
  const found: (string | undefined)[] = [
    differs("the outcome", rollout.outcome?.kind ?? rollout.phase, isGood ? "promoted" : "rolled-back"),
    differs("the exit code of the job", exitCode, isGood ? 0 : 3),
    differs("the steps", stepsOf(rollout), stepsWanted(fate)),
    differs(
      "the weights that were set",
      changes.map(({ after }) => after["canary"]),
      shares,
    ),
    differs(
      "the numbers of the changes",
      changes.map(({ number }) => number),
      numbersFrom(changes[0]?.number, shares),
    ),
    ...held.map((each, index) => differs(`the weights that Envoy ${index + 1} had`, each, [0, ...shares])),
    ...rollout.steps.map((step) =>
      differs(`the Envoys of ${step.kind} ${step.weight} %`, step.nodesCount, held.length),
    ),
    differs(
      "how often it was begun and ended",
      audited(rollout),
      isGood ? { start: 1, promoted: 1 } : { start: 1, "rolled-back": 1 },
    ),
    ...lost(played),
    ...played.after.map(({ byLabel, sent }, index) =>
      differs(`who answers at Envoy ${index + 1} afterwards`, byLabel, { [isGood ? "v2" : "v1"]: sent }),
    ),
  ];
  return found.filter((each) => each !== undefined);
}

function stepsOf({ steps }: RolloutJson): readonly string[] {
  return steps.map(({ kind, weight, result }) => `${kind} ${weight} % ${result ?? "on"}`);
}

function stepsWanted({ version, badFrom }: Fate): readonly string[] {
  if (version === "good") return ["weight 20 % passed", "weight 50 % passed", "promotion 100 % passed"];
  const first = badFrom === 20 ? ["weight 20 % failed"] : ["weight 20 % passed", "weight 50 % failed"];
  return [...first, "rollback 0 % ended"];
}

function numbersFrom(first: number | undefined, shares: readonly number[]): readonly number[] {
  return shares.map((_, index) => (first ?? 0) + index);
}

function audited({ audit }: RolloutJson): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { action } of audit) {
    if (action !== "rolling back") counts[action] = (counts[action] ?? 0) + 1;
  }
  return counts;
}

/** Requests that the canary has not spoilt on purpose. */
function lost({ loads, injected }: Played): readonly (string | undefined)[] {
  const failed = loads.reduce((sum, load) => sum + load.failed, 0);
  const others = loads.flatMap(({ failures }) => failures.filter((each) => !each.startsWith("status 500")));
  return [differs("failed requests", failed, injected), differs("failures that the canary did not make", others, [])];
}

function differs(what: string, seen: unknown, wanted: unknown): string | undefined {
  const [is, should] = [JSON.stringify(seen), JSON.stringify(wanted)];
  return is === should ? undefined : `${what}: ${is} instead of ${should}`;
}
