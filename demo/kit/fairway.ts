/**
 * The control plane as its users run it: `fairway serve` as a program of its own, with its admin API.
 *
 * The ports are chosen once and kept over restarts, so that Envoys find it again.
 */
import { Child, type ChildExit } from "./child.ts";
import { ask, askJson } from "./get.ts";
import { freePort } from "./ports.ts";
import { StopWaiting, waitUntil } from "./wait-until.ts";
import { fairwayMain } from "./program.ts";

/** What `serve` is started with. */
export interface FairwayOptions {
  /** One directory of config files, or several. */
  readonly configDir: string | readonly string[];
  readonly stateDir: string;
  readonly xdsPort?: number;
  readonly adminPort?: number;
  /** Further command line arguments. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The `main.ts` of another checkout; absent means this one. */
  readonly main?: string | undefined;
  /** Relative directories start here; absent means where this program runs. */
  readonly cwd?: string;
  /** Whether `start` waits for `/readyz`; set it to false for files that are wrong from the start. */
  readonly waitForReady?: boolean;
}

/** One control plane; `restart` gives it a new program on the same ports. */
export class Fairway {
  readonly xdsPort: number;
  readonly adminPort: number;
  readonly #options: FairwayOptions;
  #child: Child;

  private constructor(options: FairwayOptions, ports: { readonly xds: number; readonly admin: number }, child: Child) {
    this.#options = options;
    this.xdsPort = ports.xds;
    this.adminPort = ports.admin;
    this.#child = child;
  }

  /** Starts it and, unless told otherwise, waits until it is ready. */
  static async start(options: FairwayOptions): Promise<Fairway> {
    const ports = {
      xds: options.xdsPort ?? (await freePort()),
      admin: options.adminPort ?? (await freePort()),
    };
    const fairway = new Fairway(options, ports, await spawnServe(options, ports));
    if (options.waitForReady !== false) await fairway.ready();
    return fairway;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** How the current program ended, or undefined while it runs. */
  get exit(): ChildExit | undefined {
    return this.#child.exit;
  }

  /** Resolves when `/readyz` says yes; rejects at once when the program ends instead. */
  async ready(timeoutMs = 20_000): Promise<void> {
    const child = this.#child;
    try {
      await waitUntil(
        async () => {
          if (child.exit !== undefined) throw new StopWaiting("it has ended");
          return (await ask(this.adminPort, "/readyz")).status === 200;
        },
        { what: "/readyz", timeoutMs },
      );
    } catch (cause) {
      const failure = child.failure("did not become ready", cause);
      await child.close(0);
      throw failure;
    }
  }

  /** JSON of the admin API, such as `/v1/nodes`; the caller vouches for its shape. */
  get<T>(path: string): Promise<T> {
    return askJson<T>(this.adminPort, path);
  }

  /** Ends the program with a signal, SIGKILL included, and waits until it is gone. */
  async kill(signal: NodeJS.Signals): Promise<ChildExit> {
    this.#child.kill(signal);
    return this.#child.exited;
  }

  /** A new program on the same ports; the old one is ended first if it still runs. */
  async restart(options: { readonly waitForReady?: boolean } = {}): Promise<void> {
    await this.#child.close();
    this.#child = await spawnServe(this.#options, { xds: this.xdsPort, admin: this.adminPort });
    if (options.waitForReady !== false) await this.ready();
  }

  /** The last lines of the current program's output. */
  logs(): readonly string[] {
    return this.#child.logs();
  }

  waitForLog(pattern: RegExp, timeoutMs?: number): Promise<string> {
    return this.#child.waitForLog(pattern, timeoutMs);
  }

  /** Ends it as an operator would, and insists after ten seconds. */
  close(): Promise<ChildExit> {
    return this.#child.close(10_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function spawnServe(options: FairwayOptions, ports: { readonly xds: number; readonly admin: number }): Promise<Child> {
  const configDirs = typeof options.configDir === "string" ? [options.configDir] : options.configDir;
  return Child.start({
    name: "fairway serve",
    command: process.execPath,
    args: [
      options.main ?? fairwayMain,
      "serve",
      ...configDirs.flatMap((dir) => ["--config", dir]),
      `--state=${options.stateDir}`,
      `--xds=127.0.0.1:${ports.xds}`,
      `--admin=127.0.0.1:${ports.admin}`,
      ...(options.args ?? []),
    ],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
}
