/**
 * Which clusters get requests, as far as the routes say it: what the warnings about clusters go by.
 */
import type { Retry } from "../model/intent-policy.ts";
import type { Backend, Route, Rule } from "../model/intent-route.ts";
import type { Intent } from "../model/intent.ts";
import { effectivePart, policySites } from "./effective-policy.ts";
import { clusterName, envoyRouteName } from "./names.ts";

/** What the routes send to one cluster. */
export interface ClusterTraffic {
  /** The first backend with a weight above 0. */
  readonly backend: Backend;
  /** The rule that it stands in, as `route/rule`. */
  readonly rule: string;
  /** The first rule that tries requests to this cluster again. */
  readonly retry?: Retry;
  /** Its largest share of the requests to its service, in rules that divide a path among parts of one service. */
  readonly share?: { readonly percent: number; readonly backend: Backend; readonly rule: string };
}

/** By the name of the cluster; what only gets weight 0 is absent. */
export type Traffic = ReadonlyMap<string, ClusterTraffic>;

/** Adds up all rules. */
export function trafficOf(intent: Intent): Traffic {
  const traffic = new Map<string, ClusterTraffic>();
  const sitesOf = policySites(intent.gateways);
  for (const route of intent.routes) {
    const sites = sitesOf(route);
    for (const rule of route.rules) {
      const retry = sites.map((site) => effectivePart("retry", site, route, rule)?.value).find((found) => found);
      addRule(traffic, route, { rule, retry });
    }
  }
  for (const { kind, name: route, target } of intent.l4Routes) {
    const live = target.backends.filter(({ weight }) => weight > 0);
    for (const backend of live) {
      const name = clusterName(backend.service, backend.subset);
      if (!traffic.has(name)) traffic.set(name, { backend, rule: `${kind}Routes.${route}` });
    }
  }
  return traffic;
}

/** Whether the requests to a service go to this cluster of it, or nobody knows where they go. */
export function getsTraffic(
  traffic: Traffic,
  service: { readonly name: string; readonly subsets: readonly { readonly name: string }[] },
  subset?: string,
): boolean {
  const names = [clusterName(service.name), ...service.subsets.map(({ name }) => clusterName(service.name, name))];
  return traffic.has(clusterName(service.name, subset)) || !names.some((name) => traffic.has(name));
}

function addRule(
  traffic: Map<string, ClusterTraffic>,
  route: Route,
  { rule, retry: ruleRetry }: { readonly rule: Rule; readonly retry: Retry | undefined },
): void {
  const live = rule.target.backends.filter(({ weight }) => weight > 0);
  const total = live.reduce((sum, { weight }) => sum + weight, 0);
  const divides = live.length > 1 && dividesOneService(live) && takesAnyone(rule);
  for (const backend of live) {
    const name = clusterName(backend.service, backend.subset);
    const known = traffic.get(name) ?? { backend, rule: envoyRouteName(route, rule) };
    const retry = known.retry ?? ruleRetry;
    const percent = (100 * backend.weight) / total;
    const share =
      divides && percent > (known.share?.percent ?? 0)
        ? { percent, backend, rule: envoyRouteName(route, rule) }
        : known.share;
    traffic.set(name, {
      ...known,
      ...(retry === undefined ? {} : { retry }),
      ...(share === undefined ? {} : { share }),
    });
  }
}

function dividesOneService(backends: readonly Backend[]): boolean {
  return backends.every(({ service }) => service === backends[0]?.service);
}

/** A rule for some header is for few requests: its weights say nothing about the load of a cluster. */
function takesAnyone(rule: Rule): boolean {
  return rule.matches.some(
    ({ method, headers, queryParams }) => method === undefined && headers.length === 0 && queryParams.length === 0,
  );
}
