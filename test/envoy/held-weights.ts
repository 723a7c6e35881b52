/**
 * The weights that a real Envoy has, in the order in which it got them, as its own page says: what no controller can be
 * wrong about.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Envoy } from "../../demo/kit/envoy.ts";

/** Much shorter than the shortest step, so that none goes by unseen. */
const LOOK_EACH_MS = 50;

/** More changes than this are not those of a rollout. */
const SHARES_MAX = 1_000;

/** Looks from `watch` until `close`; each share that follows another one is kept. */
export class HeldWeights {
  readonly #envoy: Envoy;
  readonly #isCanary: (cluster: string) => boolean;
  readonly #shares: number[] = [];
  #isClosed = false;
  #work: Promise<void> | undefined;

  private constructor(envoy: Envoy, isCanary: (cluster: string) => boolean) {
    this.#envoy = envoy;
    this.#isCanary = isCanary;
  }

  static watch(envoy: Envoy, isCanary: (cluster: string) => boolean): HeldWeights {
    const held = new HeldWeights(envoy, isCanary);
    held.#work = held.#lookOn();
    return held;
  }

  /** Of the canary, in percent. */
  get shares(): readonly number[] {
    return [...this.#shares];
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#work;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #lookOn(): Promise<void> {
    while (!this.#isClosed && this.#shares.length < SHARES_MAX) {
      const share = shareIn(await this.#envoy.configDump("resource=dynamic_route_configs"), this.#isCanary);
      if (share !== undefined && share !== this.#shares.at(-1)) this.#shares.push(share);
      await pause(LOOK_EACH_MS);
    }
  }
}

interface WeightedCluster {
  readonly name: string;
  /** Envoy leaves out what is 0. */
  readonly weight?: number;
}

/** Of the first weighted route in it. */
function shareIn(dumped: unknown, isCanary: (cluster: string) => boolean): number | undefined {
  if (typeof dumped !== "object" || dumped === null) return undefined;
  if ("weighted_clusters" in dumped) {
    const { clusters } = dumped.weighted_clusters as { readonly clusters: readonly WeightedCluster[] };
    const sum = (of: readonly WeightedCluster[]) => of.reduce((total, { weight = 0 }) => total + weight, 0);
    return (100 * sum(clusters.filter(({ name }) => isCanary(name)))) / sum(clusters);
  }
  for (const part of Object.values(dumped)) {
    const share = shareIn(part, isCanary);
    if (share !== undefined) return share;
  }
  return undefined;
}
