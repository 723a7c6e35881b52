/**
 * Real rollouts on real Envoys under load, whose controllers are killed at a random moment of each step and started again:
 * `npm run sim:kills -- --runs 20 --seed 1`.
 *
 * Half of them keep their state in a directory, half in an etcd that two replicas share (`--store files` and `--store etcd`
 * are one half alone). Two of three versions are bad. The table goes to stdout line by line, and what is wrong below its line;
 * the exit code is 1 when anything was.
 */
import { parseArgs } from "node:util";
import type { Fate, Played } from "../test/envoy/killed-rollout.ts";
import { drawFate, playKilledRollout } from "../test/envoy/killed-rollout.ts";
import { wrongWith } from "../test/envoy/killed-rollout-checks.ts";
import type { StoreKind } from "../test/envoy/rollout-place.ts";
import { startRolloutPlace } from "../test/envoy/rollout-place.ts";
import { createRandom } from "../test/support/random.ts";

interface Options {
  readonly runs: number;
  readonly firstSeed: number;
  readonly stores: readonly StoreKind[];
}

interface Tally {
  runs: number;
  failedSeeds: number[];
  kills: number;
  requests: number;
  lost: number;
  readonly outcomes: Map<string, number>;
  readonly backMs: number[];
}

function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: "string", default: "20" },
      seed: { type: "string", default: "1" },
      store: { type: "string" },
    },
  });
  const wholeNumber = (name: "runs" | "seed") => {
    const number = Number(values[name]);
    if (!Number.isSafeInteger(number) || number < 1) throw new Error(`--${name} takes a whole number from 1 on`);
    return number;
  };
  const { store } = values;
  if (store !== undefined && store !== "files" && store !== "etcd") throw new Error("--store takes files or etcd");
  return {
    runs: wholeNumber("runs"),
    firstSeed: wholeNumber("seed"),
    stores: store === undefined ? ["files", "etcd"] : [store],
  };
}

/** A seed is the same run whatever runs beside it: odd ones are over files and even ones over etcd. */
function storeOf(seed: number): StoreKind {
  return seed % 2 === 1 ? "files" : "etcd";
}

/** Of three versions with the same store one is good. */
function versionOf(seed: number): Fate["version"] {
  return (["errors", "good", "slow"] as const)[Math.floor((seed - 1) / 2) % 3] ?? "good";
}

function show(cells: readonly (string | number)[]): void {
  const widths = [5, 6, 8, 9, 12, 9, 10, 8];
  const line = cells.map((cell, index) => String(cell).padEnd(widths[index] ?? 0)).join(" ");
  process.stdout.write(`${line.trimEnd()}\n`);
}

async function playAll({ runs, firstSeed, stores }: Options): Promise<Tally> {
  const tally: Tally = { runs: 0, failedSeeds: [], kills: 0, requests: 0, lost: 0, outcomes: new Map(), backMs: [] };
  show(["seed", "store", "version", "bad from", "ended", "time", "requests", "back in", "killed"]);
  const seeds = Array.from({ length: runs }, (_, index) => firstSeed + index);
  for (const store of stores) {
    const mine = seeds.filter((seed) => storeOf(seed) === store);
    if (mine.length === 0) continue;
    await using place = await startRolloutPlace(store);
    for (const seed of mine) {
      const fate = drawFate(createRandom(seed), store, versionOf(seed));
      const startMs = performance.now();
      const played = await playKilledRollout(place, fate, `run-${seed}`);
      account(tally, { seed, store, fate, played, seconds: (performance.now() - startMs) / 1_000 });
    }
  }
  return tally;
}

function account(
  tally: Tally,
  run: {
    readonly seed: number;
    readonly store: StoreKind;
    readonly fate: Fate;
    readonly played: Played;
    readonly seconds: number;
  },
): void {
  const { seed, store, fate, played, seconds } = run;
  const { outcome, phase } = played.rollout;
  const requests = played.loads.reduce((sum, { sent }) => sum + sent, 0);
  const failed = played.loads.reduce((sum, load) => sum + load.failed, 0);
  const wrong = wrongWith(fate, played);
  const kind = outcome?.kind ?? phase;
  tally.runs += 1;
  tally.kills += played.killedIn.length;
  tally.requests += requests;
  tally.lost += Math.max(failed - played.injected, 0);
  tally.outcomes.set(kind, (tally.outcomes.get(kind) ?? 0) + 1);
  if (kind === "rolled-back" && outcome?.tookMs !== undefined) tally.backMs.push(outcome.tookMs);
  if (wrong.length > 0) tally.failedSeeds.push(seed);
  const badFrom = fate.version === "good" ? "-" : `${fate.badFrom} %`;
  const back = kind === "rolled-back" ? `${outcome?.tookMs ?? "?"} ms` : "-";
  const cells = [seed, store, fate.version, badFrom, kind, `${seconds.toFixed(1)} s`, requests, back];
  show([...cells, played.killedIn.join(", ")]);
  for (const each of wrong) process.stdout.write(`      WRONG ${each}\n`);
}

const { runs, kills, requests, lost, outcomes, backMs, failedSeeds } = await playAll(
  readOptions(process.argv.slice(2)),
);
const ended = [...outcomes].map(([kind, count]) => `${count} ${kind}`).join(", ");
const back = backMs.toSorted((a, b) => a - b);
process.stdout.write(
  `${runs} rollouts (${ended}) with ${kills} kills, ${requests} requests, ${lost} lost; ` +
    `from the decision to the last Envoy ${back[Math.floor(back.length / 2)] ?? "-"} ms (median), ${back.at(-1) ?? "-"} ms at most; ` +
    `${failedSeeds.length} failed\n`,
);
if (failedSeeds.length > 0) {
  process.stdout.write(`seeds that failed: ${failedSeeds.join(" ")}\n`);
  process.exitCode = 1;
}
