/**
 * Warnings about rules by claims of a token where no token is read.
 *
 * `jwt` is what reads a token, and leaves its claims for `authorization`. Where it does not hold, or is kept away,
 * there is no claim: a rule that allows by one allows nobody, and one that denies by one denies nobody.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Authorization } from "../model/filter-authorization.ts";
import type { FilterPart } from "../model/filter-part.ts";
import type { FilterParts } from "../model/filter-parts.ts";
import type { AttachedPolicy } from "../model/intent-policy.ts";
import type { Intent } from "../model/intent.ts";
import type { Route, Rule } from "../model/intent-route.ts";
import type { EffectiveFilter } from "./effective-filters.ts";
import { effectiveFilters } from "./effective-filters.ts";
import { policySites } from "./effective-policy.ts";
import { envoyRouteName } from "./names.ts";

/** Each `authorization` is told once, with the first rule for which there is no token. */
export function lintClaims({ gateways, routes }: Pick<Intent, "gateways" | "routes">): readonly Diagnostic[] {
  // Mostly nothing does, and what holds for each of thousands of rules is not asked at every build.
  const isAny =
    gateways.some(attachesClaims) || routes.some((route) => attachesClaims(route) || route.rules.some(hasClaims));
  if (!isAny) return [];
  const found = new Map<string, Diagnostic>();
  const sitesOf = policySites(gateways);
  for (const route of routes) {
    const sites = sitesOf(route);
    for (const rule of route.rules) {
      for (const site of sites) {
        const filters = effectiveFilters(site, route, rule);
        const part = authorizationIn(filters);
        if (part === undefined || part.settings === "none" || filters.some(({ name }) => name === "jwt")) continue;
        const claiming = part.settings.rules.find(({ claims }) => claims.length > 0);
        if (claiming === undefined) continue;
        const { file, line, column } = part.at;
        const key = `${file}:${line}:${column}`;
        const logsIn = filters.some(({ name }) => name === "oidc");
        if (!found.has(key)) found.set(key, withoutToken(part, claiming, { route, rule, logsIn }));
      }
    }
  }
  return [...found.values()];
}

function attachesClaims({ policies }: { readonly policies: readonly AttachedPolicy[] }): boolean {
  return policies.some(({ policy }) => goesByClaims(policy.httpFilters));
}

function hasClaims(rule: Rule): boolean {
  return goesByClaims(rule.httpFilters) || attachesClaims(rule);
}

function goesByClaims(parts: FilterParts | undefined): boolean {
  const settings = parts?.authorization?.settings;
  return settings !== undefined && settings !== "none" && settings.rules.some(({ claims }) => claims.length > 0);
}

function authorizationIn(filters: readonly EffectiveFilter[]): FilterPart<Authorization> | undefined {
  return filters.find((filter): filter is EffectiveFilter<"authorization"> => filter.name === "authorization")?.part;
}

function withoutToken(
  { at }: FilterPart<Authorization>,
  { name, action }: Authorization["rules"][number],
  { route, rule, logsIn }: { readonly route: Route; readonly rule: Rule; readonly logsIn: boolean },
): Diagnostic {
  const login = "a login alone gives no claims: write `forwardAccessToken: true` in `oidc`, and attach `jwt` beside it";
  return {
    code: "claims-without-token",
    severity: "warning",
    message: `\`${envoyRouteName(route, rule)}\` has no \`jwt\`, so that requests have no claims: the rule \`${name}\` ${action === "allow" ? "allows" : "denies"} nobody there`,
    at,
    hint: logsIn ? login : "attach a policy with `jwt` there as well, or write another `authorization` for that rule",
    related: { at: rule.at, message: "the rule without a token" },
  };
}
