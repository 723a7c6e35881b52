/**
 * Which HTTP filters hold for a rule on a gateway, and why: the nearest wins, part by part, as with the other parts of
 * policies (`effective-policy.ts`).
 *
 * What a gateway's policies say is written once in its route configurations; rules and routes say only what differs.
 */
import type { FilterPart } from "../model/filter-part.ts";
import type { FilterPartName, FilterParts, FilterSettings } from "../model/filter-parts.ts";
import { filterPartNames } from "../model/filter-parts.ts";
import type { AttachedPolicy } from "../model/intent-policy.ts";
import type { Route, Rule } from "../model/intent-route.ts";
import type { PartOrigin, PolicySite } from "./effective-policy.ts";

/** One part that holds, or that is kept away, and how it got there. */
export interface EffectiveFilter<Name extends FilterPartName = FilterPartName> {
  readonly name: Name;
  readonly part: FilterPart<FilterSettings<Name>>;
  readonly from: PartOrigin;
  /** Where it is written, for names that Envoys see: the policy, or `route/rule`. */
  readonly source: string;
}

/** What holds for every rule on the gateway that says nothing itself. */
export function gatewayFilters({ policies }: PolicySite): readonly EffectiveFilter[] {
  return filterPartNames.flatMap((name) => attached(name, "gateway", policies) ?? []);
}

/** What a rule or its route say, each part from the nearest place. */
export function ruleFilters(route: Route, rule: Rule): readonly EffectiveFilter[] {
  if (rule.httpFilters === undefined && !hasFilters(rule.policies) && !hasFilters(route.policies)) return [];
  return filterPartNames.flatMap(
    (name) =>
      inline(name, rule.httpFilters, `${route.name}/${rule.name}`) ??
      attached(name, "rule", rule.policies) ??
      attached(name, "route", route.policies) ??
      [],
  );
}

/** Everything that holds for a rule, without what is kept away. */
export function effectiveFilters(gateway: PolicySite, route: Route, rule: Rule): readonly EffectiveFilter[] {
  const own = ruleFilters(route, rule);
  const names = new Set(own.map(({ name }) => name));
  return [...own, ...gatewayFilters(gateway).filter(({ name }) => !names.has(name))].filter(
    ({ part }) => part.settings !== "none",
  );
}

function hasFilters(policies: readonly AttachedPolicy[]): boolean {
  return policies.some(({ policy }) => policy.httpFilters !== undefined);
}

function inline(name: FilterPartName, parts: FilterParts | undefined, source: string): EffectiveFilter | undefined {
  const part = parts?.[name];
  return part === undefined ? undefined : { name, part, from: { kind: "inline" }, source };
}

/** Two policies of one list never hold the same part. */
function attached(
  name: FilterPartName,
  level: "rule" | "route" | "gateway",
  policies: readonly AttachedPolicy[],
): EffectiveFilter | undefined {
  for (const { policy, at: attachedAt } of policies) {
    const part = policy.httpFilters?.[name];
    if (part === undefined) continue;
    return { name, part, from: { kind: "policy", policy: policy.name, level, attachedAt }, source: policy.name };
  }
  return undefined;
}
