/**
 * Which timeouts, retries, header changes and settings of traces hold for a rule on a gateway, and why.
 *
 * The nearest wins, part by part and each part as a whole: what is written at the rule itself, then the
 * policies of the rule, of its route and of the gateway. A route on two gateways may get different answers.
 */
import type { Place } from "../model/diagnostic.ts";
import type { Gateway } from "../model/intent-gateway.ts";
import type { AttachedPolicy, PolicyParts } from "../model/intent-policy.ts";
import type { Route, Rule } from "../model/intent-route.ts";
import { defined } from "../model/sort.ts";
import { attachmentNames } from "./group-scope.ts";

/** One of the things that a policy can hold; of HTTP filters see `effective-filters.ts`. */
export type PolicyPart = Exclude<keyof PolicyParts, "httpFilters">;

/** What holds; a part that nobody wrote is absent. */
export type EffectivePolicy = { readonly [Part in PolicyPart]?: EffectivePart<Part> };

/** One part: what is written, where, and how it got to the rule. */
export interface EffectivePart<Part extends PolicyPart = PolicyPart> {
  readonly value: NonNullable<PolicyParts[Part]>;
  /** Where the part is written, at the rule or in the policy. */
  readonly at: Place;
  readonly from: PartOrigin;
}

export type PartOrigin =
  | { readonly kind: "inline" }
  | {
      readonly kind: "policy";
      readonly policy: string;
      readonly level: "rule" | "route" | "gateway";
      /** Where the gateway, route or rule names the policy. */
      readonly attachedAt: Place;
    };

/** What of a gateway matters here. */
export type PolicySite = Pick<Gateway, "policies">;

/** Everything that holds for the rule. */
export function effectivePolicy(gateway: PolicySite, route: Route, rule: Rule): EffectivePolicy {
  return defined({
    timeouts: effectivePart("timeouts", gateway, route, rule),
    retry: effectivePart("retry", gateway, route, rule),
    upgrades: effectivePart("upgrades", gateway, route, rule),
    tracing: effectivePart("tracing", gateway, route, rule),
    requestHeaders: effectivePart("requestHeaders", gateway, route, rule),
    responseHeaders: effectivePart("responseHeaders", gateway, route, rule),
  } satisfies Record<PolicyPart, unknown>);
}

/** One part alone, for who asks for many rules. */
export function effectivePart<Part extends PolicyPart>(
  part: Part,
  gateway: PolicySite,
  route: Route,
  rule: Rule,
): EffectivePart<Part> | undefined {
  const inline: PolicyParts[Part] = rule[part];
  if (inline !== undefined) return { value: inline, at: inline.at, from: { kind: "inline" } };
  return (
    attachedPart(part, "rule", rule.policies) ??
    attachedPart(part, "route", route.policies) ??
    attachedPart(part, "gateway", gateway.policies)
  );
}

/**
 * For each route, the gateways that can differ in what holds for it, for who asks about all of them: those with
 * the same policies count as one, and a route that is on none is told what it says itself.
 */
export function policySites(gateways: readonly Gateway[]): (route: Route) => readonly PolicySite[] {
  const byPolicies = new Map<string, PolicySite>();
  const byName = new Map<string, PolicySite>();
  for (const gateway of gateways) {
    const key = gateway.policies.map(({ policy }) => policy.name).join(" ");
    const site = byPolicies.get(key) ?? gateway;
    byPolicies.set(key, site);
    for (const name of attachmentNames(gateway)) byName.set(name, site);
  }
  // The lists of hundreds of gateways are not walked for every route when all of them are alike.
  const [only, ...others] = new Set(byName.values());
  if (only !== undefined && others.length === 0 && only.policies.length === 0) return () => [withoutPolicies];
  return (route) => {
    const sites = new Set<PolicySite>();
    for (const name of route.gateways) {
      const site = byName.get(name);
      if (site !== undefined) sites.add(site);
    }
    return sites.size === 0 ? [withoutPolicies] : [...sites];
  };
}

const withoutPolicies: PolicySite = { policies: [] };

/** Two policies of one list never hold the same part. */
function attachedPart<Part extends PolicyPart>(
  part: Part,
  level: "rule" | "route" | "gateway",
  policies: readonly AttachedPolicy[],
): EffectivePart<Part> | undefined {
  for (const { policy, at: attachedAt } of policies) {
    const value: PolicyParts[Part] = policy[part];
    if (value === undefined) continue;
    return { value, at: value.at, from: { kind: "policy", policy: policy.name, level, attachedAt } };
  }
  return undefined;
}
