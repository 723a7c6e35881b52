/**
 * Warnings about circuit breakers that open before there is any load to speak of.
 *
 * Offline nobody knows how many requests there will be. What is known: a threshold of 0 lets nothing pass,
 * one below the number of hosts keeps some of them idle, and a part of a service whose threshold is a
 * smaller part of the service's than its share of the requests fails first.
 */
import type { Diagnostic, Place } from "../model/diagnostic.ts";
import type { CircuitBreaker, Service } from "../model/intent-service.ts";
import type { HostCount } from "./host-counts.ts";
import { clusterName } from "./names.ts";
import type { Traffic } from "./traffic.ts";

type Threshold = "maxConnections" | "maxPendingRequests" | "maxRequests" | "maxRetries";

/** A block and what it is about. */
interface Breaker {
  readonly cluster: string;
  /** All clusters that the `maxRetries` of the block is for: a service's is also for subsets that say nothing else. */
  readonly clusters: readonly string[];
  readonly block: CircuitBreaker;
  readonly hosts: number;
  /** Thresholds of the service, which are told there. */
  readonly inherited?: CircuitBreaker;
  readonly protocol: Service["protocol"];
}

/** The block of the service and those of its subsets. */
export function* lintCircuitBreakers(
  { service, hosts }: { readonly service: Service; readonly hosts: HostCount },
  traffic: Traffic,
): Iterable<Diagnostic> {
  const whole = service.policy.circuitBreaker;
  const { protocol } = service;
  if (whole !== undefined) {
    const cluster = clusterName(service.name);
    const alike = service.subsets.filter(({ policy }) => policy.circuitBreaker?.maxRetries === whole.maxRetries);
    const clusters = [cluster, ...alike.map(({ name }) => clusterName(service.name, name))];
    yield* lintBreaker({ cluster, clusters, block: whole, hosts: hosts.all, protocol }, traffic);
  }
  for (const subset of service.subsets) {
    const block = subset.policy.circuitBreaker;
    if (block === undefined) continue;
    const cluster = clusterName(service.name, subset.name);
    const inherited = whole === undefined ? {} : { inherited: whole };
    const breaker = {
      cluster,
      clusters: [cluster],
      block,
      hosts: hosts.bySubset.get(subset.name) ?? 0,
      protocol,
      ...inherited,
    };
    yield* lintBreaker(breaker, traffic);
    if (whole !== undefined) yield* lintShare(breaker, whole, traffic);
  }
}

function* lintBreaker(breaker: Breaker, traffic: Traffic): Iterable<Diagnostic> {
  const { cluster, hosts } = breaker;
  for (const key of ["maxRequests", "maxPendingRequests"] as const) {
    if (threshold(breaker, key) !== 0) continue;
    yield warn(breaker, `${key} 0 lets no request pass: Envoy answers each one to \`${cluster}\` with 503`, {
      hint: `write a \`${key}\` above 0; to send nothing there, use weight 0`,
    });
  }
  const retry = breaker.clusters.map((name) => traffic.get(name)?.retry).find((found) => found !== undefined);
  if (threshold(breaker, "maxRetries") === 0 && retry !== undefined) {
    yield warn(breaker, `maxRetries 0 lets no retry pass, but a rule tries requests to \`${cluster}\` again`, {
      hint: "write a `maxRetries` above 0 (Envoy's default is 3), or remove the `retry`",
      related: { at: retry.at, message: `up to ${retry.attempts} retries for each request` },
    });
  }
  for (const key of limitedPerHost(breaker)) {
    const limit = threshold(breaker, key);
    if (limit === undefined || limit === 0 || limit >= hosts) continue;
    yield warn(
      breaker,
      `${key} ${limit} is below the ${hosts} hosts of \`${cluster}\`: not all of them can be at work at once`,
      {
        hint: `write a \`${key}\` of at least ${hosts}; it counts for all hosts together`,
      },
    );
  }
}

/** With HTTP/2 one connection carries many requests, but every host still needs one of its own. */
function limitedPerHost({ protocol }: Breaker): readonly Threshold[] {
  return protocol === "http2" || protocol === "grpc" ? ["maxRequests"] : ["maxRequests", "maxConnections"];
}

function* lintShare(breaker: Breaker, whole: CircuitBreaker, traffic: Traffic): Iterable<Diagnostic> {
  const share = traffic.get(breaker.cluster)?.share;
  if (share === undefined) return;
  for (const key of ["maxRequests", "maxConnections"] as const) {
    const [own, all] = [threshold(breaker, key), whole[key]];
    if (own === undefined || own === 0 || all === undefined || own >= (all * share.percent) / 100) continue;
    const part = Math.round((1000 * own) / all) / 10;
    const percent = Math.round(share.percent * 10) / 10;
    yield warn(
      breaker,
      `\`${breaker.cluster}\` gets ${percent} % of the requests, but its ${key} ${own} is ${part} % of the service's ${all}`,
      {
        hint: `write a \`${key}\` of at least ${Math.ceil((all * share.percent) / 100)}, or give it a smaller weight`,
        related: { at: share.backend.at, message: "its share is written here" },
      },
    );
  }
}

/** What the block itself says; what it has from the service is told at the service. */
function threshold({ block, inherited }: Breaker, key: Threshold): number | undefined {
  const [own, service] = [block, inherited].map((each) => each?.live?.[key] ?? each?.[key]);
  return own === service ? undefined : own;
}

function warn(
  { block }: { readonly block: { readonly at: Place } },
  message: string,
  rest: Pick<Diagnostic, "hint" | "related">,
): Diagnostic {
  return { code: "circuit-breaker-too-low", severity: "warning", message, at: block.at, ...rest };
}
