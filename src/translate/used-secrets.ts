/**
 * Which secrets the resources of one group use.
 */
import { neededByParts } from "../model/filter-parts.ts";
import type { Gateway } from "../model/intent-gateway.ts";
import type { AttachedPolicy } from "../model/intent-policy.ts";
import type { Route } from "../model/intent-route.ts";
import type { Service } from "../model/intent-service.ts";
import type { Patch } from "../model/intent-patch.ts";
import type { NodeGroup, RawResource } from "../model/intent.ts";
import { collectPatchSdsNames, collectSdsNames } from "../model/json-texts.ts";
import type { EnvoyResource } from "./envoy-resource.ts";

/** Names of secrets without those of patches; raw resources and extensions may name one that is not Fairway's. */
export function usedSecrets(scope: {
  readonly gateways: readonly Gateway[];
  readonly routes: readonly Route[];
  readonly services: readonly Service[];
  readonly rawResources: readonly RawResource[];
}): ReadonlySet<string> {
  const used = new Set<string>();
  for (const { listeners, l4Listeners } of scope.gateways) {
    for (const { tls } of [...listeners, ...l4Listeners]) {
      for (const name of tls?.certificates ?? []) used.add(name);
      if (tls?.clientCa !== undefined) used.add(tls.clientCa);
    }
  }
  for (const { policy, subsets } of scope.services) {
    for (const { tls } of [policy, ...subsets.map((subset) => subset.policy)]) {
      if (tls?.ca !== undefined) used.add(tls.ca);
      if (tls?.clientCertificate !== undefined) used.add(tls.clientCertificate);
    }
  }
  for (const { policies } of scope.gateways) for (const name of secretsOfPolicies(policies)) used.add(name);
  for (const route of scope.routes) for (const name of secretsOfRoute(route)) used.add(name);
  for (const { json } of scope.rawResources) collectSdsNames(json, used);
  return used;
}

/**
 * Those that patches have Envoy ask for. Patches name resources and not gateways or services, so only what the group has
 * tells whether they are for it.
 */
export function secretsOfPatches(
  { name: group }: NodeGroup,
  patches: readonly Patch[],
  resources: readonly Pick<EnvoyResource, "typeUrl" | "name">[],
): ReadonlySet<string> {
  const used = new Set<string>();
  for (const patch of patches) {
    if (patch.groups !== undefined && !patch.groups.includes(group)) continue;
    const names = new Set<string>();
    collectPatchSdsNames(patch, names);
    const isTarget = ({ typeUrl, name }: Pick<EnvoyResource, "typeUrl" | "name">): boolean =>
      (patch.name === "*" || patch.name === name) && typeUrl.endsWith(`/${patch.type}`);
    if (names.size > 0 && resources.some(isTarget)) for (const name of names) used.add(name);
  }
  return used;
}

const byRoute = new WeakMap<Route, readonly string[]>();

/** What the filters of its rules read; remembered, because an edit changes few of thousands of routes. */
function secretsOfRoute(route: Route): readonly string[] {
  const known = byRoute.get(route);
  if (known !== undefined) return known;
  const found = [
    ...secretsOfPolicies(route.policies),
    ...route.rules.flatMap(({ httpFilters, policies }) => [
      ...neededByParts(httpFilters).secrets,
      ...secretsOfPolicies(policies),
    ]),
  ];
  byRoute.set(route, found);
  return found;
}

function secretsOfPolicies(policies: readonly AttachedPolicy[]): readonly string[] {
  return policies.flatMap(({ policy }) => neededByParts(policy.httpFilters).secrets);
}
