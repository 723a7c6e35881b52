/**
 * Prints how often verdicts on canaries are wrong, and how soon they are right, beside what others do:
 * `npm run sim:verdict -- --runs 2000 --seed 1`.
 *
 * Every rollout is of 60 looks, ten seconds apart, with the canary's weight at 5, 10, 25 and 50 %. It is Markdown, so that
 * docs/verdict.md can have it as it is.
 */
import { parseArgs } from "node:util";
import { defaultGates, defaultMetricGate } from "../src/rollout/gates.ts";
import { alike, worse } from "../test/simulation/canary-scenarios.ts";
import type { TrafficScenario } from "../test/simulation/canary-traffic.ts";
import type { Judgement, Outcomes } from "../test/simulation/play-rollout.ts";
import { byVerdict, playRollouts } from "../test/simulation/play-rollout.ts";
import { byBayes, byThreshold, byZTest } from "../test/simulation/rival-verdicts.ts";

const { values } = parseArgs({
  options: { runs: { type: "string", default: "2000" }, seed: { type: "string", default: "1" } },
});
const [runs, seed] = [values.runs, values.seed].map(Number);
if (
  !Number.isSafeInteger(runs) ||
  !Number.isSafeInteger(seed) ||
  runs === undefined ||
  seed === undefined ||
  runs < 1
) {
  throw new Error("--runs and --seed take whole numbers");
}

const judgements: Readonly<Record<string, Judgement>> = {
  "Fairway's verdict": byVerdict(),
  "the same, tolerating nothing": byVerdict({ ...defaultGates, errors: { ...defaultMetricGate, toleratedRatio: 1 } }),
  "the same without regard to bursts": byVerdict(undefined, { overdispersion: 1 }),
  "z-test, 95 %": byZTest(1.96),
  "z-test, 99 %": byZTest(2.576),
  "Bayes, 95 %": byBayes(1.645),
  "Bayes, 99 %": byBayes(2.326),
  "over 1 % in five looks": byThreshold(0.01, 5),
};

/** A table with a row for each scenario and a column for each way to judge. */
function table(scenarios: Readonly<Record<string, TrafficScenario>>, show: (outcomes: Outcomes) => string): string {
  const names = Object.keys(judgements);
  const rows = Object.entries(scenarios).map(([scenario, traffic]) => {
    const cells = Object.values(judgements).map((by) =>
      show(playRollouts(traffic, { runs: runs ?? 1, seed: seed ?? 1, by })),
    );
    return [scenario, ...cells];
  });
  const lines = [["", ...names], ["---", ...names.map(() => "---")], ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
const found = ({ failedShare, failedMedianS }: Outcomes) =>
  failedMedianS === undefined ? percent(failedShare) : `${failedMedianS} s, ${percent(failedShare)}`;

process.stdout.write(`Both versions the same: rolled back by mistake, of ${runs} rollouts\n\n`);
process.stdout.write(`${table(alike, ({ failedShare }) => percent(failedShare))}\n\n`);
process.stdout.write(
  "The canary worse: time until half of them are rolled back, and how many are within ten minutes\n\n",
);
process.stdout.write(`${table(worse, found)}\n\n`);
process.stdout.write("Shown to be good (only the verdict shows that): how many, and time until half of them are\n\n");
for (const [scenario, traffic] of Object.entries({ ...alike, ...worse })) {
  const { provedShare, provedMedianS } = playRollouts(traffic, { runs, seed, by: byVerdict() });
  const median = provedMedianS === undefined ? "" : `, ${provedMedianS} s`;
  process.stdout.write(`- ${scenario}: ${percent(provedShare)}${median}\n`);
}
