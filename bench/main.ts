/**
 * The benchmarks: how long a saved file takes to be acknowledged by every node, and what it costs.
 *
 *     npm run bench                                  1 and 100 nodes, 10 and 1,000 services
 *     npm run bench -- --nodes 100 --changes 20      less, and sooner
 *     npm run bench -- big                           ten thousand services at once
 *     npm run bench:model                            files to resources
 *     npm run bench -- tighten                       a circuit breaker in a real Envoy
 *     npm run bench:etcd                             instances that register in a real etcd
 *
 * The server is `fairway serve` as users run it; the nodes are another program. Whatever ends the
 * benchmark, it leaves no program and no file behind.
 */
import { constants } from "node:os";
import { resolve as resolvePath } from "node:path";
import { measureBig } from "./big.ts";
import { measureEtcd } from "./etcd.ts";
import { describeMachine, machine } from "./machine.ts";
import { measureModel } from "./model.ts";
import { USAGE, readOptions } from "./options.ts";
import type { BenchOptions } from "./options.ts";
import { measurePushes } from "./push.ts";
import { bigTable, etcdTable, modelTable, pushTable, tightenTable } from "./table.ts";
import { measureTightening } from "./tighten.ts";

process.exit(await main());

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (typeof options === "string") {
    say(`bench: ${options}`);
    process.stderr.write(USAGE);
    return 2;
  }
  const about = machine();
  const interrupted = untilInterrupted();
  const measured = measure(options);
  try {
    const finished = await Promise.race([measured, interrupted]);
    if (typeof finished === "number") return finished;
    const { table, rows } = finished;
    const text =
      options.output === "json"
        ? `${JSON.stringify({ bench: options.bench, machine: about, rows }, null, 2)}\n`
        : `${describeMachine(about)}\n\n${table}`;
    process.stdout.write(text);
    return 0;
  } catch (error) {
    say(`bench: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

async function measure(options: BenchOptions): Promise<{ readonly table: string; readonly rows: readonly object[] }> {
  const { nodes, services, changes } = options;
  const profileDir = options.profileDir === undefined ? undefined : resolvePath(options.profileDir);
  switch (options.bench) {
    case "push": {
      const sizes = { nodes: nodes ?? [1, 100], services: services ?? [10, 1_000] };
      const rows = await measurePushes({ ...sizes, changes: changes ?? 100, profileDir }, say);
      return { table: pushTable(rows), rows };
    }
    case "big": {
      const rows = await measureBig({ nodes: nodes ?? [10], services: services?.[0] ?? 10_000, profileDir }, say);
      return { table: bigTable(rows), rows };
    }
    case "model": {
      const sizes = (services ?? [10, 1_000, 10_000]).map((count) => ({ count, perFile: 10 }));
      const rows = await measureModel({ sizes, edits: changes ?? 20, profileDir }, say);
      return { table: modelTable(rows), rows };
    }
    case "tighten": {
      const rows = await measureTightening({ changes: changes ?? 30, profileDir }, say);
      return { table: tightenTable(rows), rows };
    }
    case "etcd": {
      const sizes = { nodes: nodes?.[0] ?? 100, services: services?.[0] ?? 10_000, changes: changes ?? 100 };
      const rows = await measureEtcd({ ...sizes, cases: options.cases, profileDir }, say);
      return { table: etcdTable(rows), rows: [rows] };
    }
  }
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** The exit code that belongs to the first signal; the programs end with this one, a second signal ends it at once. */
function untilInterrupted(): Promise<number> {
  return new Promise((resolve) => {
    let interrupted = false;
    for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
      const exitCode = 128 + constants.signals[signal];
      process.on(signal, () => {
        if (interrupted) process.exit(exitCode);
        interrupted = true;
        resolve(exitCode);
      });
    }
  });
}
