/**
 * The order of routes: Gateway API's precedence, whatever order the files have.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ValueMatch } from "../../../src/model/intent-match.ts";
import type { PathMatch, RuleMatch } from "../../../src/model/intent-route.ts";
import type { RouteEntry } from "../../../src/translate/route.ts";
import { byPrecedence, translateVirtualHosts } from "../../../src/translate/virtual-host.ts";
import { backend, gateway, match, place, route, rule } from "../../support/build-intent.ts";

const listener = { name: "http", at: place(), port: 10_000 };
const exact = (path: string): PathMatch => ({ kind: "exact", path });
const prefix = (path: string): PathMatch => ({ kind: "prefix", path });
const regex = (pattern: string): PathMatch => ({ kind: "regex", pattern });
const exactName = (text: string) => ({ kind: "exact", text }) as const;
const grpcService = (text: string): RuleMatch => match(prefix(`/${text}`), { grpc: { service: exactName(text) } });
const grpcMethod = (text: string): RuleMatch => match(regex(`/[^/]+/${text}`), { grpc: { method: exactName(text) } });
const present = (name: string): ValueMatch => ({ name, value: { kind: "present" } });

function entry(of: RuleMatch, name = "r", ruleIndex = 0): RouteEntry {
  const made = rule("main", [backend("a")], { matches: [of] });
  return { route: route(name, [made]), rule: made, ruleIndex, match: of, matchIndex: 0 };
}

const anyGrpc = fc.constantFrom<RuleMatch>(
  grpcService("a.B"),
  grpcService("a.Bc"),
  grpcMethod("C"),
  match(exact("/a.B/C"), { grpc: { service: exactName("a.B"), method: exactName("C") } }),
  match(prefix("/"), { grpc: {} }),
);
const anyPath = fc.oneof(
  fc.constantFrom("/", "/a", "/a/b", "/abc").chain((path) => fc.constantFrom(exact(path), prefix(path))),
  fc.constantFrom("/.*", "/[a-z]+/x").map(regex),
);
const anyEntry = fc
  .record({
    of: fc.oneof(
      anyPath.map((path) => match(path)),
      anyGrpc,
    ),
    method: fc.option(fc.constantFrom("GET", "PUT"), { nil: undefined }),
    headers: fc.array(fc.constantFrom("x", "y").map(present), { maxLength: 2 }),
    queryParams: fc.array(fc.constant(present("q")), { maxLength: 2 }),
    name: fc.constantFrom("a", "b"),
    ruleIndex: fc.nat(3),
  })
  .map(({ of, method, headers, queryParams, name, ruleIndex }) =>
    entry({ ...of, headers, queryParams, ...(method === undefined ? {} : { method }) }, name, ruleIndex),
  );

/** What precedence may look at: entries that agree in all of it are the same place in a file. */
function identity({ match: of, route: { name }, ruleIndex }: RouteEntry): string {
  const length = of.path.kind === "regex" ? of.path.pattern.length : of.path.path.length;
  return [
    of.path.kind,
    length,
    of.method !== undefined,
    of.headers.length,
    of.queryParams.length,
    JSON.stringify(of.grpc),
    name,
    ruleIndex,
  ].join();
}

describe("byPrecedence", () => {
  it.each<[string, RouteEntry, RouteEntry]>([
    ["an exact path before a longer prefix", entry(match(exact("/a"))), entry(match(prefix("/a/b/c")))],
    ["an exact path before a regular expression", entry(match(exact("/a"))), entry(match(regex("/a.*")))],
    ["a regular expression before a prefix", entry(match(regex("/.*"))), entry(match(prefix("/a")))],
    ["an exact path before a gRPC service", entry(match(exact("/a"))), entry(grpcService("a.Bcd"))],
    ["a gRPC service before a gRPC method", entry(grpcService("a")), entry(grpcMethod("PlaceAll"))],
    ["a longer gRPC service first", entry(grpcService("a.Bc")), entry(grpcService("a.B"))],
    ["a longer gRPC method first", entry(grpcMethod("Place")), entry(grpcMethod("Get"))],
    ["a gRPC method before a regular expression", entry(grpcMethod("C")), entry(match(regex("/[a-z]+/longer")))],
    [
      "gRPC alone before everything, more headers or not",
      entry(match(prefix("/"), { grpc: {} })),
      entry(match(prefix("/"), { method: "POST", headers: [present("x")] })),
    ],
    ["a longer prefix before a shorter one", entry(match(prefix("/a/b"))), entry(match(prefix("/a")))],
    [
      "a method before more headers",
      entry(match(prefix("/"), { method: "GET" })),
      entry(match(prefix("/"), { headers: [present("x")] })),
    ],
    ["more headers before fewer", entry(match(prefix("/"), { headers: [present("x")] })), entry(match(prefix("/")))],
    [
      "more query parameters before fewer",
      entry(match(prefix("/"), { queryParams: [present("q")] })),
      entry(match(prefix("/"))),
    ],
    ["the route whose name sorts first", entry(match(prefix("/")), "a", 1), entry(match(prefix("/")), "b", 0)],
    ["the rule that is written first", entry(match(prefix("/")), "a", 0), entry(match(prefix("/")), "a", 1)],
  ])("tries %s", (_, first, second) => {
    expect(byPrecedence(first, second)).toBeLessThan(0);
    expect(byPrecedence(second, first)).toBeGreaterThan(0);
  });

  it("is a total order, so that sorting gives one result", () => {
    fc.assert(
      fc.property(anyEntry, anyEntry, anyEntry, (a, b, c) => {
        expect(Math.sign(byPrecedence(a, b)) + Math.sign(byPrecedence(b, a))).toBe(0);
        expect(byPrecedence(a, b) === 0).toBe(identity(a) === identity(b));
        const [first, , last] = [a, b, c].toSorted(byPrecedence) as [RouteEntry, RouteEntry, RouteEntry];
        expect(byPrecedence(first, last)).toBeLessThanOrEqual(0);
      }),
    );
  });

  it("sorts any shuffle alike", () => {
    fc.assert(
      fc.property(
        fc
          .uniqueArray(anyEntry, { selector: identity, maxLength: 12 })
          .chain((entries) =>
            fc.tuple(fc.constant(entries), fc.shuffledSubarray(entries, { minLength: entries.length })),
          ),
        ([entries, shuffled]) => {
          expect(shuffled.toSorted(byPrecedence)).toEqual(entries.toSorted(byPrecedence));
        },
      ),
    );
  });
});

describe("translateVirtualHosts", () => {
  it("puts the rules of all routes for a hostname in one virtual host, and one for each hostname", () => {
    const hosts = translateVirtualHosts({ gateway: gateway("public"), listener }, [
      route("shop", [rule("main", [backend("shop")])], { hostnames: ["Shop.example.com", "*.example.com"] }),
      route("admin", [rule("main", [backend("admin")], { matches: [match(exact("/admin"))] })], {
        hostnames: ["shop.example.com"],
      }),
    ]);
    expect(hosts.map(({ name, domains, routes }) => ({ name, domains, routes: routes?.map((r) => r.name) }))).toEqual([
      { name: "*.example.com", domains: ["*.example.com"], routes: ["shop/main"] },
      { name: "shop.example.com", domains: ["shop.example.com"], routes: ["admin/main", "shop/main"] },
    ]);
  });

  it("makes one Envoy route of each match of a rule", () => {
    const matches = [match(prefix("/a")), match(prefix("/longer"))];
    const [host] = translateVirtualHosts({ gateway: gateway("public"), listener }, [
      route("r", [rule("main", [backend("a")], { matches })]),
    ]);
    expect(host?.routes?.map((made) => [made.name, made.match?.pathSeparatedPrefix])).toEqual([
      ["r/main", "/longer"],
      ["r/main", "/a"],
    ]);
  });
});
