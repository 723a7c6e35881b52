/**
 * Warnings about subsets: one host that takes a share of the requests alone.
 *
 * A subset without any host is told by `model` (`empty-subset`).
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Service } from "../model/intent-service.ts";
import type { HostCount } from "./host-counts.ts";
import { clusterName } from "./names.ts";
import type { Traffic } from "./traffic.ts";

/** A service of so many hosts could have given the subset a second one. */
const HOSTS_MIN = 3;

/** With one or two endpoints a service has none to spare for a subset, and whoever wrote them knows. */
export function* lintSubsets(
  { service, hosts }: { readonly service: Service; readonly hosts: HostCount },
  traffic: Traffic,
): Iterable<Diagnostic> {
  if (hosts.all < HOSTS_MIN) return;
  for (const subset of service.subsets) {
    const use = traffic.get(clusterName(service.name, subset.name));
    // Its requests have somewhere to go.
    if (subset.fallbacks !== undefined) continue;
    if (use === undefined || hosts.bySubset.get(subset.name) !== 1) continue;
    const from = use.share ?? use;
    const share = use.share === undefined ? "" : ` (${Math.round(use.share.percent * 10) / 10} % of a rule)`;
    yield {
      code: "single-host-subset",
      severity: "warning",
      message: `the subset \`${subset.name}\` of \`${service.name}\` has 1 of ${hosts.all} hosts, and its requests${share} have nowhere to go when that host fails`,
      at: subset.at,
      hint: "give a second endpoint its labels, or write a `fallback`",
      related: { at: from.backend.at, message: `\`${from.rule}\` sends requests to it` },
    };
  }
}
