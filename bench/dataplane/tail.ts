/**
 * The tail of the times with three endpoints of which one is ill, with and without what a config can do about it.
 *
 * The load is an open loop. The first seconds are a lead: there the ejection happens, its failures are counted
 * apart, and the times are of what follows.
 */
import { freePorts } from "../../demo/kit/ports.ts";
import type { BackendBehaviour } from "./backends.ts";
import { BenchSite, startFairway, startMeasured } from "./bench-site.ts";
import type { Watch } from "./bench-site.ts";
import { median, pooled } from "./measure.ts";
import type { Latency } from "./measure.ts";

/** How much is measured. */
export interface TailOptions {
  readonly illnesses: readonly (typeof illnesses)[number][];
  readonly rounds: number;
  readonly perSecond: number;
  readonly seconds: number;
}

/** One illness and what is done about it: medians of the times over all rounds, and sums of the counts. */
export interface TailRow extends Latency {
  readonly rounds: number;
  readonly third: BackendBehaviour;
  readonly protection: Protection;
}

export const illnesses = ["sometimes-slow", "hung", "failing"] as const satisfies readonly BackendBehaviour[];
const protections = ["none", "ejection", "hedging", "quick hedging", "quick hedging, ejection"] as const;
type Protection = (typeof protections)[number];

/** An ejection needs the first failures, and those wait for the timeout. */
const LEAD_SECONDS = 2;

/** Answers come within a millisecond or two, so few are later than this. */
const PER_TRY_TIMEOUT = "25ms";

const outlierDetection = {
  outlierDetection: {
    consecutive5xx: 5,
    consecutiveGatewayFailure: 5,
    enforcingConsecutiveGatewayFailure: 100,
    interval: "1s",
    baseEjectionTime: "30s",
    maxEjectionPercent: 34,
  },
};

/** A budget in the place of Envoy's three retries at a time: a third of the requests meets the ill endpoint. */
const retryBudget = { circuitBreaker: { retryBudget: { percent: 50, minConcurrency: 10 } } };
const retry = {
  retry: {
    attempts: 2,
    on: ["5xx", "reset", "connect-failure"],
    perTryTimeout: PER_TRY_TIMEOUT,
    hedge: { onPerTryTimeout: true },
  },
};
/** Envoy waits before every retry, also before one that runs beside a slow try: up to 25 ms when nothing is said. */
const quickRetry = { retry: { ...retry.retry, backoff: { base: "1ms", max: "10ms" } } };

interface Scene {
  readonly name: string;
  readonly third: BackendBehaviour;
  readonly protection: Protection;
  readonly port: number;
}

/** Measures these illnesses with every protection, beside three endpoints that are well. */
export async function measureTail(options: TailOptions, { say, seen }: Watch<TailRow>): Promise<void> {
  const chosen = [
    { third: "well", protection: "none" } as const,
    ...options.illnesses.flatMap((third) => protections.map((protection) => ({ third, protection }))),
  ];
  const ports = await freePorts(chosen.length);
  const scenes = chosen.map((scene, index) => ({
    ...scene,
    name: `scene-${index}`,
    port: ports[index] ?? 0,
  }));
  await using site = await BenchSite.start(["well", "well", "well", ...illnesses]);
  await using server = await startFairway(config(scenes, (behaviour) => site.backends.of(behaviour)));
  const measured = scenes.map((): Latency[] => []);
  for (let round = 0; round < options.rounds; round += 1) {
    for (const [index, { port, third, protection }] of scenes.entries()) {
      say(`three endpoints, the third ${third}, ${protection}: round ${round + 1} of ${options.rounds}`);
      // One that is new each time knows nothing of what was ejected.
      await using _ = await startMeasured(server);
      const answer = await site.load.latency({ port }, { ...options, leadSeconds: LEAD_SECONDS });
      measured[index]?.push(pooled([answer]));
    }
    seen(scenes.map(({ third, protection }, index) => ({ third, protection, ...overall(measured[index] ?? []) })));
  }
}

/** A machine that stands still for a moment is in one round and not in the median. */
function overall(rounds: readonly Latency[]): Latency & { readonly rounds: number } {
  const middle = (name: "p50Ms" | "p99Ms" | "p999Ms" | "maxMs" | "lateP99Ms") =>
    median(rounds.map((round) => round[name]));
  const sum = (name: "sent" | "failed" | "leadFailed") => rounds.reduce((total, round) => total + round[name], 0);
  return {
    rounds: rounds.length,
    p50Ms: middle("p50Ms"),
    p99Ms: middle("p99Ms"),
    p999Ms: middle("p999Ms"),
    maxMs: middle("maxMs"),
    lateP99Ms: middle("lateP99Ms"),
    sent: sum("sent"),
    failed: sum("failed"),
    leadFailed: sum("leadFailed"),
  };
}

function config(scenes: readonly Scene[], endpointsOf: (behaviour: BackendBehaviour) => readonly string[]): object {
  const byName = (make: (scene: Scene) => object) =>
    Object.fromEntries(scenes.map((scene) => [scene.name, make(scene)]));
  const [first = "", second = "", wellThird = ""] = endpointsOf("well");
  return {
    gateways: byName(({ port }) => ({ listeners: [{ name: "http", address: "127.0.0.1", port }] })),
    services: byName(({ third, protection }) => ({
      endpoints: [first, second, third === "well" ? wellThird : (endpointsOf(third)[0] ?? "")],
      ...(protection.includes("ejection") ? outlierDetection : {}),
      ...(protection.includes("hedging") ? retryBudget : {}),
    })),
    routes: byName(({ name, protection }) => ({
      gateways: [name],
      rules: [
        {
          name: "all",
          backends: [{ service: name }],
          timeouts: { request: "1s" },
          ...(protection.includes("quick hedging") ? quickRetry : protection === "hedging" ? retry : {}),
        },
      ],
    })),
  };
}
