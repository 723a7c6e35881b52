/**
 * What every measurement stands on: backends, a load client, and Envoys that Fairway configures, each on its cores.
 */
import { Envoy } from "../../demo/kit/envoy.ts";
import { MeasuredServer } from "../measured-server.ts";
import { Backends } from "./backends.ts";
import type { BackendBehaviour } from "./backends.ts";
import { cores, pin } from "./cores.ts";
import { LoadClient } from "./measure.ts";

/** Who watches a measurement: people see its progress, and after each round there are rows of all rounds so far. */
export interface Watch<Row> {
  readonly say: (text: string) => void;
  readonly seen: (rows: readonly Row[]) => void;
}

/** Backends and load, away from the core of what is measured. */
export class BenchSite implements AsyncDisposable {
  readonly backends: Backends;
  readonly load: LoadClient;
  readonly #programs: AsyncDisposableStack;

  private constructor(backends: Backends, load: LoadClient, programs: AsyncDisposableStack) {
    this.backends = backends;
    this.load = load;
    this.#programs = programs;
  }

  static async start(behaviours: readonly BackendBehaviour[]): Promise<BenchSite> {
    await using programs = new AsyncDisposableStack();
    const backends = programs.use(await Backends.start(behaviours));
    const load = programs.use(await LoadClient.start());
    pinOther(backends.pid);
    pinOther(load.pid);
    return new BenchSite(backends, load, programs.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#programs.disposeAsync();
  }
}

/** `fairway serve` with this config, as JSON, and further files beside it, for the blocks of the benchmark. */
export async function startFairway(
  config: object,
  files: Readonly<Record<string, string>> = {},
): Promise<MeasuredServer> {
  const all = new Map([["fairway.json", JSON.stringify(config)], ...Object.entries(files)]);
  const server = await MeasuredServer.start(all, undefined);
  pinOther(server.fairway.pid);
  return server;
}

/** An Envoy with Fairway's own bootstrap, with all of its configuration over ADS. */
export async function startMeasured(
  server: MeasuredServer,
  options: { readonly concurrency?: number } = {},
): Promise<Envoy> {
  const envoy = await Envoy.start({
    nodeId: "bench",
    xdsPort: server.fairway.xdsPort,
    logLevel: "warning",
    ...options,
  });
  try {
    await envoy.ready();
    pinMeasured(envoy.pid);
    return envoy;
  } catch (error) {
    await envoy.close();
    throw error;
  }
}

/** Gives the Envoy that is measured its core. */
export function pinMeasured(pid: number): void {
  const places = cores();
  if (places !== undefined) pin(pid, places.measured);
}

/** Keeps a program away from that core. */
export function pinOther(pid: number): void {
  const places = cores();
  if (places !== undefined) pin(pid, places.others);
}
