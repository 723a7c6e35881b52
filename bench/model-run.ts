/**
 * One build of the model in a process of its own: `model.ts` starts it and reads one line of JSON from it.
 *
 * The files exist before the clock starts, and nothing was compiled or cached before, as when a server or
 * `fairway check` starts. After the build come edits of one file each.
 */
import type { Document } from "../src/config/source.ts";
import { loadEnvoyApi } from "../src/cli/envoy-api-file.ts";
import { createParseCache, parseIntent } from "../src/model/parse-intent.ts";
import type { GroupName, Snapshot } from "../src/snapshot/snapshot.ts";
import { buildSnapshots } from "../src/snapshot/build-snapshots.ts";
import { createResourceEncoder } from "../src/snapshot/encode-resource.ts";
import { contentHash } from "../src/support/hash.ts";
import type { ModelConfigSize } from "./model-config.ts";
import { modelConfig, modelFile, modelPath } from "./model-config.ts";
import { spread } from "./percentile.ts";

/** What one process measured; times are processor time of all its threads unless they are called wall. */
export interface ModelRun {
  readonly files: number;
  readonly mib: number;
  readonly apiMs: number;
  readonly parseMs: number;
  readonly buildMs: number;
  readonly coldWallMs: number;
  /** Of edits: the median. */
  readonly serviceEditMs: number;
  readonly routeEditMs: number;
  /** After the cold build, and after all edits. */
  readonly coldPeakMib: number;
  readonly peakMib: number;
}

/** The first edits run code that is not compiled yet; later ones are what a server is like after a minute. */
const EDITS_WARMING = 5;

if (import.meta.main) {
  const [count = 1_000, perFile = 10, edits = 20] = process.argv.slice(2).map(Number);
  process.stdout.write(`${JSON.stringify(run({ count, perFile }, edits))}\n`);
}

function run(size: ModelConfigSize, edits: number): ModelRun {
  const documents = new Map([...modelConfig(size)].map(([path, text]) => [path, document(path, text)]));
  const bytes = [...documents.values()].reduce((sum, each) => sum + each.bytes.length, 0);
  const [before, wallBeforeMs] = [cpuMs(), performance.now()];
  const api = loadEnvoyApi();
  const loaded = cpuMs();
  const cache = createParseCache();
  const encoder = createResourceEncoder(api);
  let previous: ReadonlyMap<GroupName, Snapshot> = new Map();
  let parsedAt = 0;
  const build = (): void => {
    const parsed = parseIntent({ documents: [...documents.values()], problems: [], api, cache });
    parsedAt = cpuMs();
    if (parsed.intent === undefined) throw new Error(`the config is wrong: ${JSON.stringify(parsed.diagnostics[0])}`);
    const built = buildSnapshots({ intent: parsed.intent, encoder, cause: { text: "bench", atMs: 0 }, previous });
    if (!built.ok) throw new Error(`the config is wrong: ${JSON.stringify(built.error[0])}`);
    previous = built.value.snapshots;
  };
  build();
  const [built, coldWallMs, coldPeakMib] = [cpuMs(), performance.now() - wallBeforeMs, peakMib()];
  const parseMs = parsedAt - loaded;
  const buildMs = built - parsedAt;
  const edit = (turn: number, kind: "service" | "route"): number => {
    const file = (turn * 7) % (documents.size - 1);
    const turns = kind === "service" ? { service: turn, route: 0 } : { service: 0, route: turn };
    const path = modelPath(file);
    documents.set(path, document(path, modelFile(size, file, turns)));
    const startedMs = cpuMs();
    build();
    return cpuMs() - startedMs;
  };
  const times = { service: [] as number[], route: [] as number[] };
  for (let turn = 1; turn <= EDITS_WARMING + edits; turn += 1) {
    for (const kind of ["service", "route"] as const) {
      const took = edit(turn, kind);
      if (turn > EDITS_WARMING) times[kind].push(took);
    }
  }
  return {
    files: documents.size,
    mib: bytes / 1024 ** 2,
    apiMs: loaded - before,
    parseMs,
    buildMs,
    coldWallMs,
    serviceEditMs: spread(times.service).p50Ms,
    routeEditMs: spread(times.route).p50Ms,
    coldPeakMib,
    peakMib: peakMib(),
  };
}

function document(path: string, text: string): Document {
  const bytes = new TextEncoder().encode(text);
  return { path, bytes, hash: contentHash([bytes]) };
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function peakMib(): number {
  return process.resourceUsage().maxRSS / 1_024;
}
