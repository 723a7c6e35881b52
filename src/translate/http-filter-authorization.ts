/**
 * Who may do what: envoy.filters.http.rbac.
 *
 * Envoy's RBAC has one action and no order. What is allowed is therefore written out: each rule that allows takes what
 * no rule before it denies, and so does the default if it allows.
 */
import type { PolicyJson, PrincipalJson } from "../gen/envoy/config/rbac/v3/rbac_pb.d.ts";
import type { RBACJson, RBACPerRouteJson } from "../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.d.ts";
import type { ValueMatcherJson } from "../gen/envoy/type/matcher/v3/value_pb.d.ts";
import type { AccessRule, Authorization } from "../model/filter-authorization.ts";
import { cidrRange } from "./cidr-range.ts";
import type { PathMatch } from "../model/intent-route.ts";
import { unreachable } from "../support/assert.ts";
import { httpFilter } from "./http-filter.ts";
import { claimsKey, jwtFilter } from "./http-filter-jwt.ts";
import { packAny } from "./pack-any.ts";
import { translateHeader } from "./route-match.ts";

const rbac = "envoy.extensions.filters.http.rbac.v3.RBAC";

export const authorizationFilter = httpFilter({
  name: "envoy.filters.http.rbac",
  part: "authorization",
  chain: { one: "for all", config: packAny(rbac, {} satisfies RBACJson) },
  route: (settings) => packAny(`${rbac}PerRoute`, { rbac: rbacJson(settings) } satisfies RBACPerRouteJson),
});

function rbacJson(settings: Authorization): RBACJson {
  const rules = { action: "ALLOW" as const, policies: allowed(settings) };
  return settings.shadow ? { shadowRules: rules } : { rules };
}

function allowed({ rules, default: otherwise }: Authorization): Record<string, PolicyJson> {
  const policies: Record<string, PolicyJson> = {};
  const denied: PrincipalJson[] = [];
  const allow = (name: string, principals: readonly PrincipalJson[]): void => {
    const all = denied.length === 0 ? principals : [...principals, { notId: anyOf(denied) }];
    policies[name] = { permissions: [{ any: true }], principals: [all.length === 0 ? { any: true } : allOf(all)] };
  };
  for (const rule of rules) {
    if (rule.action === "deny") denied.push(allOf(conditionsOf(rule)));
    else allow(rule.name, conditionsOf(rule));
  }
  if (otherwise === "allow") allow("default", []);
  return policies;
}

function conditionsOf(rule: AccessRule): readonly PrincipalJson[] {
  const lists: readonly (readonly PrincipalJson[])[] = [
    rule.clientRanges.map((range) => ({ remoteIp: cidrRange(range) })),
    rule.peerRanges.map((range) => ({ directRemoteIp: cidrRange(range) })),
    rule.methods.map((method) => ({ header: { name: ":method", stringMatch: { exact: method } } })),
    rule.paths.map(pathPrincipal),
    ...rule.headers.map((header) => [{ header: translateHeader(header) }]),
    ...rule.claims.map(({ claim, values }) => values.map((value) => claimPrincipal(claim, value))),
    rule.subjectAltNames.map(({ kind, text }) => ({ authenticated: { principalName: { [kind]: text } } })),
  ];
  return lists.filter((list) => list.length > 0).map(anyOf);
}

/** Each of these is a condition; Envoy wants no list of one to be told apart from it. */
function anyOf(ids: readonly PrincipalJson[]): PrincipalJson {
  const [only, ...others] = ids;
  return only !== undefined && others.length === 0 ? only : { orIds: { ids } };
}

function allOf(ids: readonly PrincipalJson[]): PrincipalJson {
  const [only, ...others] = ids;
  return only !== undefined && others.length === 0 ? only : { andIds: { ids } };
}

/** Without the query. */
function pathPrincipal(path: PathMatch): PrincipalJson {
  switch (path.kind) {
    case "exact":
      return { urlPath: { path: { exact: path.path } } };
    case "prefix": {
      const stem = path.path.replace(/\/+$/, "");
      return anyOf([
        ...(stem === "" ? [] : [{ urlPath: { path: { exact: stem } } }]),
        { urlPath: { path: { prefix: `${stem}/` } } },
      ]);
    }
    case "regex":
      return { urlPath: { path: { safeRegex: { regex: path.pattern } } } };
    default:
      return unreachable(path);
  }
}

/** A claim is the value, or a list that holds it. */
function claimPrincipal(claim: readonly string[], value: string | number | boolean): PrincipalJson {
  const one: ValueMatcherJson =
    typeof value === "string"
      ? { stringMatch: { exact: value } }
      : typeof value === "number"
        ? { doubleMatch: { exact: value } }
        : { boolMatch: value };
  return {
    sourcedMetadata: {
      metadataMatcher: {
        filter: jwtFilter.name,
        path: [claimsKey, ...claim].map((key) => ({ key })),
        value: { orMatch: { valueMatchers: [one, { listMatch: { oneOf: one } }] } },
      },
    },
  };
}
