/**
 * Which secrets the resources of one group use.
 */
import { neededByParts } from "../model/filter-parts.ts";
import type { Gateway } from "../model/intent-gateway.ts";
import type { AttachedPolicy } from "../model/intent-policy.ts";
import type { Route } from "../model/intent-route.ts";
import type { Service } from "../model/intent-service.ts";
import type { JsonValue, RawResource } from "../model/intent.ts";

/** Names of secrets; raw resources may name one that is not Fairway's. */
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

/** The names in `SdsSecretConfig`, in either spelling; no other text entitles to a secret. */
function collectSdsNames(json: JsonValue, found: Set<string>): void {
  if (json === null || typeof json !== "object") return;
  const { name, sdsConfig, sds_config: snake } = json as { readonly [key: string]: JsonValue };
  if (typeof name === "string" && (sdsConfig ?? snake) !== undefined) found.add(name);
  for (const child of Object.values(json)) collectSdsNames(child, found);
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
