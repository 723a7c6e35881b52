/**
 * Warnings about logins that nobody comes back from, or out of.
 *
 * Envoy answers the path that a login sends people back to, and that of the logout, in the filter of `oidc`; so both
 * must be on a rule that has it. Where no rule takes the path, people see 404 after they have logged in; where another
 * takes it, its backend gets a request that it knows nothing of. Asked for each hostname by itself, in the order in which
 * Envoy tries the rules; what depends on headers or a regular expression is given the benefit of the doubt.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Oidc } from "../model/filter-oidc.ts";
import type { FilterPart } from "../model/filter-part.ts";
import type { Gateway } from "../model/intent-gateway.ts";
import type { AttachedPolicy } from "../model/intent-policy.ts";
import type { Route, RuleMatch } from "../model/intent-route.ts";
import type { Intent } from "../model/intent.ts";
import { effectiveFilters } from "./effective-filters.ts";
import { routesOn } from "./group-scope.ts";
import type { RouteEntry } from "./route.ts";
import { byPrecedence, entriesOf, routesByHostname } from "./virtual-host.ts";

type Login = FilterPart<Oidc>;

/** One rule for a hostname, with its login if it has one. */
interface Tried {
  readonly match: RuleMatch;
  readonly login: Oidc | undefined;
}

/** Each path of each `oidc` is told once, with the first hostname where it leads nowhere. */
export function lintLogins({ gateways, routes }: Pick<Intent, "gateways" | "routes">): readonly Diagnostic[] {
  // Mostly nothing has it, and what holds for each of thousands of rules is not asked at every build.
  const isAny =
    gateways.some(attachesLogin) ||
    routes.some(
      (route) =>
        attachesLogin(route) || route.rules.some((rule) => rule.httpFilters?.oidc !== undefined || attachesLogin(rule)),
    );
  if (!isAny) return [];
  const found = new Map<string, Diagnostic>();
  for (const gateway of gateways) {
    for (const [hostname, attached] of routesByHostname(routesOn(gateway, routes))) {
      for (const diagnostic of lintHost(gateway, hostname, attached)) {
        const { file, line, column } = diagnostic.at;
        const key = `${file}:${line}:${column} ${diagnostic.message.split("`")[3]}`;
        if (!found.has(key)) found.set(key, diagnostic);
      }
    }
  }
  return [...found.values()];
}

function* lintHost(gateway: Gateway, hostname: string, routes: readonly Route[]): Iterable<Diagnostic> {
  const logins = new Map<Oidc, Login>();
  const tried = routes
    .flatMap(entriesOf)
    .filter(({ rule }) => rule.connect === undefined)
    .toSorted(byPrecedence)
    .map((entry): Tried => {
      const login = loginOf(gateway, entry);
      if (login !== undefined && login.settings !== "none") logins.set(login.settings, login);
      return { match: entry.match, login: login?.settings === "none" ? undefined : login?.settings };
    });
  for (const [login, { at }] of logins) {
    if (comesBackTo(login, hostname) && !isTaken(tried, login, login.callbackPath)) {
      const outcome = "people are sent there after the login, and get no session";
      yield unrouted(at, { path: login.callbackPath, hostname, outcome });
    }
    if (!isTaken(tried, login, login.logoutPath)) {
      yield unrouted(at, { path: login.logoutPath, hostname, outcome: "nobody is logged out there" });
    }
  }
}

function loginOf(gateway: Gateway, { route, rule }: RouteEntry): Login | undefined {
  return effectiveFilters(gateway, route, rule).find(({ name }) => name === "oidc")?.part as Login | undefined;
}

function attachesLogin({ policies }: { readonly policies: readonly AttachedPolicy[] }): boolean {
  return policies.some(({ policy }) => policy.httpFilters?.oidc !== undefined);
}

/** An address names one host, and another host's rules may be the ones that are asked. */
function comesBackTo({ redirectUrl }: Oidc, hostname: string): boolean {
  return redirectUrl.startsWith("/") || new URL(redirectUrl).hostname === hostname.toLowerCase();
}

/** Whether a rule with the same session may get a GET of the path. */
function isTaken(tried: readonly Tried[], login: Oidc, path: string): boolean {
  for (const { match, login: own } of tried) {
    const takes = mayTake(match, path);
    if (takes === "no") continue;
    if (own !== undefined && own.cookies.oauthHmac === login.cookies.oauthHmac) return true;
    if (takes === "always") return false;
  }
  return false;
}

function mayTake({ path, method, headers, queryParams, grpc }: RuleMatch, wanted: string): "no" | "perhaps" | "always" {
  if (grpc !== undefined || (method !== undefined && method !== "GET")) return "no";
  if (path.kind === "exact" && path.path !== wanted) return "no";
  if (path.kind === "prefix" && !isBelow(path.path, wanted)) return "no";
  return path.kind === "regex" || headers.length + queryParams.length > 0 ? "perhaps" : "always";
}

/** By whole path elements. */
function isBelow(prefix: string, path: string): boolean {
  const root = prefix.replace(/\/+$/, "");
  return path === root || path.startsWith(`${root}/`);
}

function unrouted(
  at: Diagnostic["at"],
  { path, hostname, outcome }: { readonly path: string; readonly hostname: string; readonly outcome: string },
): Diagnostic {
  const where = hostname === "*" ? "" : ` of ${hostname}`;
  return {
    code: "login-path-unrouted",
    severity: "warning",
    message: `no rule with this \`oidc\` takes \`${path}\`${where}: ${outcome}`,
    at,
    hint: `attach the part to a rule that matches \`${path}\` as well, or to one for all paths; Envoy answers it there itself`,
  };
}
