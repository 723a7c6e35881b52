/**
 * What each policy costs: one Envoy has a listener for each, and one without any, and the two are asked by turns.
 *
 * What a policy adds is told from readings that are a fraction of a second apart, of the same program; the
 * medians are over all rounds.
 */
import { freePorts } from "../../demo/kit/ports.ts";
import { AskedServices } from "./asked-services.ts";
import { BenchSite, startFairway, startMeasured } from "./bench-site.ts";
import type { Watch } from "./bench-site.ts";
import type { LoadTarget } from "./load-orders.ts";
import { median, pooled } from "./measure.ts";
import type { LoadClient } from "./measure.ts";
import type { PolicyCase } from "./policy-cases.ts";
import { chosenCases, noPolicy, policiesConfig, policySecrets } from "./policy-cases.ts";

/** How much is measured. */
export interface PoliciesOptions {
  readonly policies: readonly string[];
  readonly rounds: number;
  readonly requests: number;
  readonly perSecond: number;
  readonly seconds: number;
}

/** One policy: medians over all rounds. */
export interface PolicyRow {
  readonly policy: string;
  readonly rounds: number;
  readonly cpuUs: number;
  /** What it is compared with; empty for no policy. */
  readonly base: string;
  /** What it adds to that in the same round. */
  readonly addedUs: number;
  readonly addedPercent: number;
  /** Half of the rounds were between these. */
  readonly addedUsLow: number;
  readonly addedUsHigh: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** The requests of a case are cut into so many, because a shared machine changes its speed within seconds. */
const PARTS = 4;

interface Reading {
  readonly cpuUs: number;
  readonly baseUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Measures the policies that are named. */
export async function measurePolicies(options: PoliciesOptions, { say, seen }: Watch<PolicyRow>): Promise<void> {
  const chosen = chosenCases(options.policies);
  const ports = await freePorts(chosen.length);
  const cases = chosen.map((policy, index) => ({ policy, port: ports[index] ?? 0 }));
  await using site = await BenchSite.start(["well", "well", "well", "mtls"]);
  const endpoints = { well: site.backends.of("well"), mtls: site.backends.of("mtls") };
  await using asked = await AskedServices.start();
  await using server = await startFairway(policiesConfig(cases, endpoints, asked.config()), policySecrets.files);
  await using envoy = await startMeasured(server);
  const targets = cases.map(({ policy, port }): LoadTarget => ({ port, ...policy.request }));
  for (const [index, target] of targets.entries()) {
    await site.load.warm(target, options.requests / 4).catch((error: unknown) => {
      throw new Error(`${chosen[index]?.name}: ${error instanceof Error ? error.message : String(error)}`);
    });
  }
  const readings = chosen.map((): Reading[] => []);
  for (let round = 0; round < options.rounds; round += 1) {
    say(`${chosen.length} policies: round ${round + 1} of ${options.rounds}`);
    for (const [index, target] of targets.entries()) {
      const base = chosen.findIndex(({ name }) => name === (chosen[index]?.base ?? noPolicy.name));
      const cpu = await alternate(
        site.load,
        { target, baseTarget: targets[base] ?? target },
        options.requests,
        envoy.pid,
      );
      const { p50Ms, p99Ms } = pooled([await site.load.latency(target, options)]);
      readings[index]?.push({ ...cpu, p50Ms, p99Ms });
    }
    const unasked = chosen.find(({ asks }) => asks !== undefined && asked.callsOf(asks) === 0);
    if (unasked !== undefined) throw new Error(`${unasked.name}: nobody asked the ${unasked.asks}`);
    seen(chosen.map((policy, index) => row(policy, readings[index] ?? [])));
  }
}

/** So many requests each of a case and of what it is compared with, by turns. */
async function alternate(
  load: LoadClient,
  { target, baseTarget }: { readonly target: LoadTarget; readonly baseTarget: LoadTarget },
  requests: number,
  pid: number,
): Promise<{ readonly cpuUs: number; readonly baseUs: number }> {
  const part = { pid, requests: requests / PARTS };
  let cpuUs = 0;
  let baseUs = 0;
  for (let turn = 0; turn < PARTS; turn += 1) {
    if (turn % 2 === 0) cpuUs += (await load.cpuUs(target, part)) / PARTS;
    baseUs += target === baseTarget ? 0 : (await load.cpuUs(baseTarget, part)) / PARTS;
    if (turn % 2 === 1) cpuUs += (await load.cpuUs(target, part)) / PARTS;
  }
  return { cpuUs, baseUs: target === baseTarget ? cpuUs : baseUs };
}

function row({ name, base = "" }: PolicyCase, readings: readonly Reading[]): PolicyRow {
  const added = readings.map(({ cpuUs, baseUs }) => cpuUs - baseUs).toSorted((a, b) => a - b);
  const quarter = Math.floor((added.length - 1) / 4);
  return {
    policy: name,
    base,
    rounds: readings.length,
    cpuUs: median(readings.map(({ cpuUs }) => cpuUs)),
    addedUs: median(added),
    addedPercent: median(readings.map(({ cpuUs, baseUs }) => (cpuUs / baseUs - 1) * 100)),
    addedUsLow: added[quarter] ?? Number.NaN,
    addedUsHigh: added[added.length - 1 - quarter] ?? Number.NaN,
    p50Ms: median(readings.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(readings.map(({ p99Ms }) => p99Ms)),
  };
}
