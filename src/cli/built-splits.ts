/**
 * The splits of a build, with the change that is in it, the groups whose nodes share requests by them, and whether those
 * requests can be copied.
 */
import type { Place } from "../model/diagnostic.ts";
import type { Intent } from "../model/intent.ts";
import type { Split } from "../model/intent-split.ts";
import type { LiveWeights } from "../model/live-weights.ts";
import type { SplitCopying } from "../rollout/split-standing.ts";
import { envoyRouteName, mirrorClusterName } from "../translate/names.ts";
import type { BuiltSplit, SplitRule } from "./build-protocol.ts";

/** Of a split; nobody reads about more routes. */
const RULES_MAX = 200;

/** Sorted by name. */
export function builtSplits(
  splits: readonly Split[],
  intent: Intent,
  live: ReadonlyMap<string, LiveWeights>,
): readonly BuiltSplit[] {
  if (splits.length === 0) return [];
  const groups = groupsBySplit(intent);
  const copying = copyingOf(intent);
  const rules = rulesBySplit(intent);
  return splits.map((split) => ({
    ...split,
    groups: [...(groups.get(split.name) ?? [])].toSorted(),
    liveNumber: live.get(split.name)?.revision ?? 0,
    copying: copying(split),
    rules: (rules.get(split.name) ?? [])
      .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
      .slice(0, RULES_MAX),
  }));
}

function rulesBySplit({ routes }: Intent): ReadonlyMap<string, readonly SplitRule[]> {
  const found = new Map<string, SplitRule[]>();
  for (const route of routes) {
    for (const rule of route.rules) {
      const { split } = rule.target;
      if (split === undefined) continue;
      const rules = found.get(split.name) ?? [];
      found.set(split.name, rules);
      rules.push({ name: envoyRouteName(route, rule), at: `${rule.at.file}:${rule.at.line}` });
    }
  }
  return found;
}

function groupsBySplit({ gateways, routes, l4Routes }: Intent): ReadonlyMap<string, ReadonlySet<string>> {
  const groupsOf = new Map(gateways.map(({ name, groups }) => [name, groups]));
  const found = new Map<string, Set<string>>();
  const add = (split: string, gatewayNames: readonly string[]): void => {
    const groups = found.get(split) ?? new Set();
    found.set(split, groups);
    // A route names a gateway, or gateway/listener.
    for (const name of gatewayNames)
      for (const group of groupsOf.get(name.split("/")[0] ?? "") ?? []) groups.add(group);
  };
  for (const { gateways: names, rules } of routes) {
    for (const { target } of rules) if (target.split !== undefined) add(target.split.name, names);
  }
  for (const { gateways: names, target } of l4Routes) if (target.split !== undefined) add(target.split.name, names);
  return found;
}

/** Of the files alone: what a rollout has copied at the moment is not in it. */
function copyingOf({ gateways, routes }: Intent): (split: Split) => SplitCopying {
  const byRequests = new Set<string>();
  const mirroredAt = new Map<string, Place>();
  // Clients of gRPC without an Envoy copy nothing.
  const ofEnvoys = new Set(gateways.filter(({ listeners }) => listeners.length > 0).map(({ name }) => name));
  for (const { gateways: names, rules } of routes) {
    const isOfEnvoys = names.some((name) => ofEnvoys.has(name.split("/")[0] ?? ""));
    for (const { target, mirrors, connect } of rules) {
      if (target.split !== undefined && connect === undefined && isOfEnvoys) byRequests.add(target.split.name);
      for (const { service, subset, at } of mirrors) mirroredAt.set(mirrorClusterName(service, subset), at);
    }
  }
  return ({ name, backends }) => ({
    isPossible: byRequests.has(name),
    mirroredAt: Object.fromEntries(
      backends.flatMap((backend) => {
        const at = mirroredAt.get(mirrorClusterName(backend.service, backend.subset));
        return at === undefined ? [] : [[backend.name, at]];
      }),
    ),
  });
}
