/**
 * Warnings about outlier detection: one that can never eject, and one that can eject so many that Envoy
 * panics; what is wrong with a single detector is in lint-detectors.ts.
 *
 * Envoy ejects at most `maxEjectionPercent` of a cluster's hosts, rounded down, so Envoy's default of 10 %
 * ejects nothing below ten hosts unless `alwaysEjectOneHost` is set. When fewer hosts are well than the
 * panic threshold says, Envoy sends requests to all of them, ejected ones included; with a threshold of 0 it
 * answers 503 once none is left.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { OutlierDetection, Service, ServicePolicy } from "../model/intent-service.ts";
import type { HostCount } from "./host-counts.ts";
import { lintDetectors } from "./lint-detectors.ts";
import { clusterName } from "./names.ts";
import { getsTraffic } from "./traffic.ts";
import type { Traffic } from "./traffic.ts";

/** Envoy's defaults, which `translate` leaves to Envoy. */
const defaults = { maxEjectionPercent: 10, healthyPanicThresholdPercent: 50 };

/** The clusters of one service that get requests. */
export function* lintOutlierDetection(
  { service, hosts }: { readonly service: Service; readonly hosts: HostCount },
  traffic: Traffic,
): Iterable<Diagnostic> {
  const own = service.policy.outlierDetection;
  const isOneTier = service.endpoints.every(({ priority = 0 }) => priority === 0);
  if (own !== undefined && getsTraffic(traffic, service)) {
    const name = clusterName(service.name);
    yield* lintCluster({ name, outliers: own, policy: service.policy, hosts: hosts.all, at: own.at, isOneTier });
  }
  for (const subset of service.subsets) {
    const outliers = subset.policy.outlierDetection;
    if (outliers === undefined || !getsTraffic(traffic, service, subset.name)) continue;
    const isInherited = samePlace(outliers, own);
    const count = hosts.bySubset.get(subset.name) ?? 0;
    // A single host that only inherits the block has nothing to be ejected from.
    if (isInherited && count === 1 && panicPercent(subset.policy) > 0) continue;
    const cluster = {
      name: clusterName(service.name, subset.name),
      outliers,
      policy: subset.policy,
      hosts: count,
      isOneTier,
    };
    if (!isInherited) yield* lintCluster({ ...cluster, at: outliers.at });
    else {
      for (const diagnostic of lintCluster({ ...cluster, at: subset.at })) {
        yield { ...diagnostic, related: { at: outliers.at, message: "the service's block, which the subset has too" } };
      }
    }
  }
}

interface LintedCluster {
  readonly name: string;
  readonly outliers: OutlierDetection;
  readonly policy: ServicePolicy;
  readonly hosts: number;
  readonly at: Diagnostic["at"];
  /** All endpoints have priority 0; Envoy panics for each priority by itself. */
  readonly isOneTier: boolean;
}

function* lintCluster(cluster: LintedCluster): Iterable<Diagnostic> {
  const { outliers, policy, hosts } = cluster;
  yield* lintDetectors(cluster, cluster.at);
  if (hosts === 0) return;
  const ejectable = ejectableHosts(outliers, hosts);
  const left = hosts - ejectable;
  const panic = panicPercent(policy);
  if (ejectable === 0) yield neverEjects(cluster);
  else if (left === 0 || (cluster.isOneTier && (100 * left) / hosts < panic))
    yield ejectsTooMany(cluster, { left, panic });
}

function neverEjects({ name, outliers, hosts, at }: LintedCluster): Diagnostic {
  const percent = maxPercent(outliers);
  const written = typeof outliers.fields["maxEjectionPercent"] === "number" ? "" : ", Envoy's default,";
  const enough = Math.ceil(100 / hosts);
  return {
    code: "outlier-never-ejects",
    severity: "warning",
    message: `outlier detection can never eject a host of \`${name}\`: maxEjectionPercent ${percent}${written} of ${countOf(hosts)} is less than one`,
    at,
    hint:
      hosts === 1
        ? "add endpoints, or remove `outlierDetection`: there is no other host for the requests"
        : `write \`maxEjectionPercent: ${enough}\` or more, or \`alwaysEjectOneHost: true\``,
  };
}

function ejectsTooMany(
  { name, outliers, hosts, at }: LintedCluster,
  { left, panic }: { readonly left: number; readonly panic: number },
): Diagnostic {
  const then =
    panic === 0
      ? "with healthyPanicThreshold 0 every request is then answered with 503"
      : `below ${panic} % healthy hosts (healthyPanicThreshold) Envoy sends requests to all hosts again, ejected ones included`;
  // So many must stay that Envoy does not panic.
  const staying = Math.max(1, Math.ceil((hosts * panic) / 100));
  const percent = Math.ceil((100 * (hosts - staying)) / hosts);
  const lower = left > 0 ? `, or \`healthyPanicThreshold: ${Math.floor((100 * left) / hosts)}\` or less` : "";
  return {
    code: "outlier-ejects-too-many",
    severity: "warning",
    message: `outlier detection may eject ${hosts - left} of ${countOf(hosts)} of \`${name}\` (maxEjectionPercent ${maxPercent(outliers)}), so that ${left} ${left === 1 ? "is" : "are"} left; ${then}`,
    at,
    hint:
      hosts - staying === 0
        ? "add endpoints, or remove `outlierDetection`: no host can be spared"
        : `write \`maxEjectionPercent: ${percent}\`, so that ${staying} stay${staying === 1 ? "s" : ""}${lower}`,
  };
}

function ejectableHosts(outliers: OutlierDetection, hosts: number): number {
  const byPercent = Math.floor((hosts * maxPercent(outliers)) / 100);
  return outliers.fields["alwaysEjectOneHost"] === true ? Math.max(1, byPercent) : byPercent;
}

function maxPercent(outliers: OutlierDetection): number {
  const written = outliers.fields["maxEjectionPercent"];
  return typeof written === "number" ? written : defaults.maxEjectionPercent;
}

function panicPercent(policy: ServicePolicy): number {
  return policy.loadBalancer?.healthyPanicThresholdPercent ?? defaults.healthyPanicThresholdPercent;
}

function samePlace(a: OutlierDetection, b: OutlierDetection | undefined): boolean {
  return b !== undefined && a.at.file === b.at.file && a.at.line === b.at.line && a.at.column === b.at.column;
}

function countOf(hosts: number): string {
  return hosts === 1 ? "1 host" : `${hosts} hosts`;
}
