/**
 * A `fairway serve` of its own whose cost can be read: processor time, memory, event loop, build time.
 */
import { rmSync } from "node:fs";
import { mkdtemp, mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Fairway } from "../demo/kit/fairway.ts";
import { ask } from "../demo/kit/get.ts";
import { memoryOf } from "./proc-files.ts";
import type { Memory } from "./proc-files.ts";

/** Since the reading before. */
export interface LoopDelay {
  readonly p99Ms: number;
  readonly maxMs: number;
}

const PROBE = new URL("./loop-probe.ts", import.meta.url).href;

/** What a server warned of when a benchmark failed: the last lines say why. */
const LOG_LINES_QUOTED = 5;
const LOG_CHARS_QUOTED = 400;

/** One server with its config directory; both are gone when it is disposed. */
export class MeasuredServer implements AsyncDisposable {
  readonly fairway: Fairway;
  readonly configDir: string;
  readonly #root: TemporaryRoot;
  #readings = 0;

  private constructor(fairway: Fairway, root: TemporaryRoot) {
    this.fairway = fairway;
    this.#root = root;
    this.configDir = join(root.path, "config");
  }

  /** Starts with these files, by path under the config directory; `profileDir` gets a CPU profile of each thread. */
  static async start(
    files: ReadonlyMap<string, string>,
    profileDir: string | undefined,
    options: { readonly args?: readonly string[]; readonly startMsMax?: number } = {},
  ): Promise<MeasuredServer> {
    const root = await temporaryRoot();
    try {
      const configDir = join(root.path, "config");
      for (const [path, text] of files) {
        await mkdir(dirname(join(configDir, path)), { recursive: true });
        await writeFile(join(configDir, path), text);
      }
      const profile = profileDir === undefined ? "" : ` --cpu-prof --cpu-prof-dir=${profileDir}`;
      const fairway = await Fairway.start({
        configDir,
        stateDir: join(root.path, "state"),
        args: options.args ?? [],
        env: { NODE_OPTIONS: `--import=${PROBE}${profile}` },
        waitForReady: false,
      });
      await fairway.ready(options.startMsMax);
      return new MeasuredServer(fairway, root);
    } catch (error) {
      root.remove();
      throw error;
    }
  }

  /** Writes a text where it can be renamed from: beside its target, under a name that the server does not read. */
  async stage(path: string, text: string): Promise<{ readonly from: string; readonly to: string }> {
    const to = join(this.configDir, path);
    await writeFile(`${to}.new~`, text);
    return { from: `${to}.new~`, to };
  }

  /** Rethrows an error together with what the server logged last that was not routine. */
  explain(error: unknown): never {
    const told = this.fairway.logs().filter((line) => /"level":"(?:warn|error)"/.test(line));
    const quoted = told.slice(-LOG_LINES_QUOTED).map((line) => `  | ${line.slice(0, LOG_CHARS_QUOTED)}`);
    const message = error instanceof Error ? error.message : String(error);
    throw new Error([message, ...quoted].join("\n"), { cause: error });
  }

  /** How late the event loop ran since the last call. */
  async loopDelay(): Promise<LoopDelay> {
    this.#readings += 1;
    process.kill(this.fairway.pid, "SIGUSR2");
    const line = await this.fairway.waitForLog(new RegExp(`^loop-probe ${this.#readings} `));
    return JSON.parse(line.slice(line.indexOf("{"))) as LoopDelay;
  }

  /** Time of all builds so far, and their count, as Prometheus would see them. */
  async builds(): Promise<{ readonly ms: number; readonly count: number }> {
    const { text } = await ask(this.fairway.adminPort, "/metrics");
    const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? Number.NaN);
    return { ms: value("fairway_build_seconds_sum") * 1_000, count: value("fairway_build_seconds_count") };
  }

  /** Memory in MiB: now, and the most that it ever was. */
  memory(): Promise<Memory> {
    return memoryOf(this.fairway.pid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fairway.close();
    this.#root.remove();
  }
}

interface TemporaryRoot {
  readonly path: string;
  remove(): void;
}

/** A directory that is removed when it is no longer needed, and when this program is interrupted. */
async function temporaryRoot(): Promise<TemporaryRoot> {
  const path = await mkdtemp(join(tmpdir(), `fairway-bench-${process.pid}-`));
  const remove = () => {
    process.off("exit", remove);
    rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  };
  process.on("exit", remove);
  return { path, remove };
}
