/**
 * The benchmark of the data plane: what Envoy takes for a request with our configuration, and what clients see.
 *
 *     npm run bench:dataplane                            everything: about a quarter of an hour
 *     npm run bench:dataplane -- --quick                 whether it runs
 *     npm run bench:dataplane -- --only compare          generated beside minimal
 *     npm run bench:dataplane -- --only jwt,cors         what these policies cost
 *
 * Whatever ends it, it leaves no program and no file behind, and prints what it has found until then.
 */
import { constants } from "node:os";
import { spawnSync } from "node:child_process";
import { envoyBinary } from "../../demo/kit/envoy-binary.ts";
import { describeMachine, machine } from "../machine.ts";
import { pinOther } from "./bench-site.ts";
import { compareConfigs } from "./compare.ts";
import { dataplaneTables } from "./dataplane-table.ts";
import type { DataplaneRows } from "./dataplane-table.ts";
import { USAGE, readDataplaneOptions } from "./options.ts";
import type { DataplaneOptions } from "./options.ts";
import { measurePolicies } from "./policies.ts";
import { measureTail } from "./tail.ts";
import { measureThreads } from "./threads.ts";

process.exit(await main());

async function main(): Promise<number> {
  const options = readDataplaneOptions(process.argv.slice(2));
  if (typeof options === "string") {
    say(`bench:dataplane: ${options}`);
    process.stderr.write(USAGE);
    return 2;
  }
  try {
    const about = machine();
    const envoy = await envoyVersion();
    pinOther(process.pid);
    const found: { -readonly [Part in keyof DataplaneRows]: DataplaneRows[Part] } = {};
    const interrupted = await Promise.race([measure(options, found), untilInterrupted()]);
    if (typeof interrupted === "number") say("bench:dataplane: interrupted; these are the rounds that were finished");
    process.stdout.write(
      options.output === "json"
        ? `${JSON.stringify({ bench: "dataplane", machine: about, envoy, ...found }, null, 2)}\n`
        : `${describeMachine(about)}; Envoy ${envoy}\n\n${dataplaneTables(found)}`,
    );
    return interrupted ?? 0;
  } catch (error) {
    say(`bench:dataplane: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

/** Measures what is asked for; what is found is there after each round. */
async function measure(
  options: DataplaneOptions,
  found: { -readonly [Part in keyof DataplaneRows]: DataplaneRows[Part] },
): Promise<undefined> {
  const { parts, illnesses, policies, rounds, quick } = options;
  // Far from what one worker can do, so that what is seen is how long a request takes and not how long it queues.
  const perSecond = 2_000;
  const long = { perSecond, requests: quick ? 4_000 : 20_000, seconds: quick ? 0.5 : 2 };
  // Two dozen policies nine times over: shorter, so that it ends.
  const short = { perSecond, requests: quick ? 800 : 4_000, seconds: quick ? 0.2 : 0.5 };
  const ill = { illnesses, rounds: quick ? 1 : Math.min(rounds, 3), perSecond: 1_000, seconds: quick ? 2 : 4 };
  if (parts.includes("compare")) {
    await compareConfigs({ pairs: rounds, ...long }, { say, seen: (rows) => (found.compare = rows) });
  }
  if (parts.includes("threads")) {
    await measureThreads({ rounds, ...long }, { say, seen: (rows) => (found.threads = rows) });
  }
  if (parts.includes("tail")) {
    await measureTail(ill, { say, seen: (rows) => (found.tail = rows) });
  }
  if (parts.includes("policies")) {
    await measurePolicies({ policies, rounds, ...short }, { say, seen: (rows) => (found.policies = rows) });
  }
  return undefined;
}

/** As the program says it, such as `1.40.0`. */
async function envoyVersion(): Promise<string> {
  const { stdout } = spawnSync(await envoyBinary(), ["--version"], { encoding: "utf8" });
  return /\/(\d+\.\d+\.\d+)\//.exec(stdout)?.[1] ?? "of an unknown version";
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** The exit code that belongs to the first signal; the programs end with this one. A second one, as npm passes on, must not end it in between. */
function untilInterrupted(): Promise<number> {
  return new Promise((resolve) => {
    for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => resolve(128 + constants.signals[signal]));
    }
  });
}
