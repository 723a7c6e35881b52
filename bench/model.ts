/**
 * What the model costs: from the files to every resource, at once and after an edit, and what a running
 * server's event loop notices of it.
 *
 * A cold build is measured in fresh processes, of which the median counts. The server has a tiny config
 * when a directory with all files is renamed into its own, and then one file of them is saved.
 */
import { execFile } from "node:child_process";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { waitUntil } from "../demo/kit/wait-until.ts";
import type { LoopDelay } from "./measured-server.ts";
import { MeasuredServer } from "./measured-server.ts";
import type { ModelConfigSize } from "./model-config.ts";
import { modelConfig, modelFile, modelPath } from "./model-config.ts";
import type { ModelRun } from "./model-run.ts";
import { spread } from "./percentile.ts";

/** How much, how often, and where profiles go. */
export interface ModelOptions {
  readonly sizes: readonly ModelConfigSize[];
  readonly edits: number;
  readonly profileDir: string | undefined;
}

/** One row of the table. */
export interface ModelRow extends ModelRun {
  readonly services: number;
  /** API, parsing and building together. */
  readonly coldMs: number;
  readonly loadLoop: LoopDelay;
  readonly editLoop: LoopDelay;
  readonly serverPeakMib: number;
}

/** Fresh processes for each row; the median of three shrugs off one that another program disturbed. */
const RUNS = 3;
/** A build is ended by the server itself after two minutes. */
const TIMEOUT_MS = 130_000;
/** One edit after the other in the running server, because one alone would be luck. */
const SERVER_EDITS = 10;

/** Measures each size. */
export async function measureModel(options: ModelOptions, say: (text: string) => void): Promise<readonly ModelRow[]> {
  const rows: ModelRow[] = [];
  for (const size of options.sizes) {
    say(`${size.count} services and routes, ${size.perFile} a file`);
    const runs: ModelRun[] = [];
    for (let run = 0; run < RUNS; run += 1) runs.push(await runAlone(size, options));
    const median = (value: (run: ModelRun) => number) => spread(runs.map(value)).p50Ms;
    const served = await measureServer(size, options.profileDir);
    rows.push({
      services: size.count,
      files: runs[0]?.files ?? 0,
      mib: runs[0]?.mib ?? 0,
      apiMs: median((run) => run.apiMs),
      parseMs: median((run) => run.parseMs),
      buildMs: median((run) => run.buildMs),
      coldMs: median((run) => run.apiMs + run.parseMs + run.buildMs),
      coldWallMs: median((run) => run.coldWallMs),
      serviceEditMs: median((run) => run.serviceEditMs),
      routeEditMs: median((run) => run.routeEditMs),
      coldPeakMib: median((run) => run.coldPeakMib),
      peakMib: median((run) => run.peakMib),
      ...served,
    });
  }
  return rows;
}

async function runAlone({ count, perFile }: ModelConfigSize, options: ModelOptions): Promise<ModelRun> {
  const { profileDir, edits } = options;
  const profile = profileDir === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileDir}`];
  const script = join(import.meta.dirname, "model-run.ts");
  const args = [...profile, script, String(count), String(perFile), String(edits)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: TIMEOUT_MS });
  return JSON.parse(stdout) as ModelRun;
}

async function measureServer(
  size: ModelConfigSize,
  profileDir: string | undefined,
): Promise<Pick<ModelRow, "loadLoop" | "editLoop" | "serverPeakMib">> {
  const before = new Map([["first.yaml", 'services:\n  first:\n    endpoints: ["10.255.0.1:1"]\n']]);
  await using server = await MeasuredServer.start(before, profileDir);
  const staged = join(dirname(server.configDir), "staged");
  await mkdir(staged);
  for (const [path, text] of modelConfig(size)) await writeFile(join(staged, path), text);
  const folder = join(server.configDir, "teams");
  const loadLoop = await loopWhile(server, () => rename(staged, folder));
  const editLoop = await loopWhile(server, async () => {
    for (let turn = 1; turn <= SERVER_EDITS; turn += 1) {
      const { from, to } = await server.stage(
        `teams/${modelPath(0)}`,
        modelFile(size, 0, { service: turn, route: turn }),
      );
      await rebuilt(server, () => rename(from, to));
    }
  });
  return { loadLoop, editLoop, serverPeakMib: (await server.memory()).peakMib };
}

/** How late the server's event loop ran while it took a change, until it served it. */
async function loopWhile(server: MeasuredServer, change: () => Promise<void>): Promise<LoopDelay> {
  await server.loopDelay();
  await rebuilt(server, change);
  return server.loopDelay();
}

async function rebuilt(server: MeasuredServer, change: () => Promise<void>): Promise<void> {
  const { count } = await server.builds();
  await change();
  const what = "the server to build the change";
  await waitUntil(async () => (await server.builds()).count > count, { what, timeoutMs: TIMEOUT_MS, everyMs: 20 });
}
