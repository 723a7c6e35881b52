/**
 * Warnings about rules that get no request, because one that is tried before takes them all.
 *
 * The order is that of the virtual host that Envoy gets, so what is told is what happens. A rule may be
 * shadowed for one of its hostnames and not for another: then the warning names where.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Route, RuleMatch } from "../model/intent-route.ts";
import type { Intent } from "../model/intent.ts";
import { formatPath } from "../model/position.ts";
import type { MatchIndex } from "./match-index.ts";
import { addToIndex } from "./match-index.ts";
import { envoyRouteName, listenerName } from "./names.ts";
import type { RouteEntry } from "./route.ts";
import { byPrecedence, entriesOf, routesByHostname } from "./virtual-host.ts";

/** So many places fit into a message. */
const PLACES_MAX = 3;

/** An entry that gets nothing for a hostname. */
interface Shadowed {
  readonly hostname: string;
  readonly entry: RouteEntry;
  readonly by: RouteEntry;
}

/** What the routes of a listener came to the last time. */
interface KnownRoutes {
  readonly routes: readonly Route[];
  readonly shadowed: readonly Shadowed[];
}

/** Listeners often have the same routes, and most builds change none; by the first of the routes. */
export interface ShadowMemo {
  known: ReadonlyMap<Route | undefined, readonly KnownRoutes[]>;
}

export function createShadowMemo(): ShadowMemo {
  return { known: new Map() };
}

/** One warning for each match that is shadowed anywhere. */
export function lintShadowedRules(intent: Intent, memo: ShadowMemo): readonly Diagnostic[] {
  const known = new Map<Route | undefined, KnownRoutes[]>();
  const found = new Map<RuleMatch, { readonly first: Shadowed; readonly places: string[] }>();
  const attached = attachedRoutes(intent);
  for (const [listener, routes] of attached) {
    const alike = known.get(routes[0]) ?? [];
    const same = [...alike, ...(memo.known.get(routes[0]) ?? [])].find((item) => sameRoutes(item.routes, routes));
    const result = same ?? { routes, shadowed: shadowedOf(routes) };
    if (!alike.includes(result)) known.set(routes[0], [...alike, result]);
    for (const shadowed of result.shadowed) {
      const before = found.get(shadowed.entry.match);
      const place = `${shadowed.hostname} on ${listener}`;
      if (before === undefined) found.set(shadowed.entry.match, { first: shadowed, places: [place] });
      else before.places.push(place);
    }
  }
  memo.known = known;
  if (found.size === 0) return [];
  const listeners = Map.groupBy([...attached.values()].flat(), (route) => route);
  return [...found.values()].map(({ first, places }) => {
    const { route } = first.entry;
    const all = new Set(route.hostnames).size * (listeners.get(route)?.length ?? 0);
    return explain(first, places.length < all ? places : []);
  });
}

/** The routes of each listener, in the order of the intent. */
function attachedRoutes({ gateways, routes }: Intent): ReadonlyMap<string, readonly Route[]> {
  const byReference = new Map<string, Route[]>();
  for (const route of routes) {
    for (const reference of route.gateways) {
      const list = byReference.get(reference);
      if (list === undefined) byReference.set(reference, [route]);
      else list.push(route);
    }
  }
  const attached = new Map<string, readonly Route[]>();
  for (const gateway of gateways) {
    const whole = byReference.get(gateway.name) ?? [];
    for (const listener of gateway.listeners) {
      const name = listenerName(gateway, listener);
      const own = byReference.get(name) ?? [];
      attached.set(name, own.length === 0 ? whole : [...new Set([...whole, ...own])]);
    }
  }
  return attached;
}

function sameRoutes(a: readonly Route[], b: readonly Route[]): boolean {
  return a === b || (a.length === b.length && a.every((route, index) => route === b[index]));
}

function shadowedOf(routes: readonly Route[]): readonly Shadowed[] {
  const found: Shadowed[] = [];
  for (const [hostname, attached] of routesByHostname(routes)) {
    // A CONNECT is taken by rules that are for nothing else.
    const entries = attached.flatMap(entriesOf).filter(({ rule }) => rule.connect === undefined);
    if (entries.length < 2) continue;
    const index: MatchIndex = new Map();
    for (const entry of entries.toSorted(byPrecedence)) {
      const by = addToIndex(index, entry);
      if (by !== undefined) found.push({ hostname, entry, by });
    }
  }
  return found;
}

function explain({ entry, by }: Shadowed, places: readonly string[]): Diagnostic {
  const { route, rule, ruleIndex, match, matchIndex } = entry;
  const winner = envoyRouteName(by.route, by.rule);
  const which = rule.matches.length > 1 ? `match ${matchIndex + 1} of ` : "";
  const more = places.length > PLACES_MAX ? ` and ${places.length - PLACES_MAX} more` : "";
  const where = places.length === 0 ? "" : ` for ${places.slice(0, PLACES_MAX).join(", ")}${more}`;
  const path = ["routes", route.name, "rules", ruleIndex, ...(rule.matches.length > 1 ? ["matches", matchIndex] : [])];
  return {
    code: "shadowed-rule",
    severity: "warning",
    message: `${which}\`${envoyRouteName(route, rule)}\` gets no request${where}: \`${winner}\` takes everything that it matches`,
    at: match.at,
    path: formatPath(path),
    hint: wayOut(entry, by),
    related: { at: by.match.at, message: `\`${winner}\` is tried first` },
  };
}

function wayOut({ match, route }: RouteEntry, by: RouteEntry): string {
  if (by.match.path.kind === "regex" && match.path.kind === "prefix") {
    return "a regular expression is tried before every prefix: write `prefix: /` instead of it, or remove one of the two";
  }
  if (
    match.headers.length !== by.match.headers.length ||
    match.queryParams.length !== by.match.queryParams.length ||
    match.method !== by.match.method
  ) {
    return "the longer path is tried first: write both paths the same, then the one with more conditions comes first";
  }
  const order =
    route === by.route ? "the rule that is written first" : "the route whose name comes first in the alphabet";
  return `both are equally specific, so ${order} wins: give this one another condition, or remove one of the two`;
}
