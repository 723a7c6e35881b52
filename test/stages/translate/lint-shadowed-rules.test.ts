/**
 * Rules that get no request: only where it is certain, and with both places.
 */
import { describe, expect, it } from "vitest";
import type { RuleMatch } from "../../../src/model/intent-route.ts";
import type { Intent } from "../../../src/model/intent.ts";
import { createLintMemo, lintIntent } from "../../../src/translate/lint.ts";
import { backend, buildIntent, gateway, match, route, rule, service } from "../../support/build-intent.ts";
import { lintText } from "../../support/lint-text.ts";

/** Two routes, `a` and `b`, with the matches of one rule each. */
function shadowed(a: string, b: string): readonly string[] {
  const text = `gateways: { g: { listeners: [{ name: h, port: 80 }] } }
services: { s: { protocol: grpc, endpoints: ["10.0.0.1:80"] } }
routes:
  a: { rules: [{ name: main, matches: [${a}], backends: [{ service: s }] }] }
  b: { rules: [{ name: main, matches: [${b}], backends: [{ service: s }] }] }
`;
  return lintText(text).map(({ code, at, related }) => `${code} ${at.line} by ${related?.at.line}`);
}

describe("shadowed rules", () => {
  it.each([
    ["the same path", "{ path: /x }", "{ path: /x }"],
    ["no match at all and the prefix /", "{}", "{ path: / }"],
    ["the same exact path", "{ path: { exact: /x } }", "{ path: { exact: /x } }"],
    ["the same regular expression", "{ path: { regex: '/x.*' } }", "{ path: { regex: '/x.*' } }"],
    ["the same conditions", "{ method: GET, headers: { x: a, z: b } }", "{ method: GET, headers: { z: b, X: a } }"],
    [
      "a header that must be there and one with a value",
      "{ headers: { x: { present: true } } }",
      "{ headers: { x: a } }",
    ],
    ["a short prefix and a long one", "{ headers: { x: { prefix: ab } } }", "{ headers: { x: { prefix: abc } } }"],
    ["a prefix and a text that has it", "{ queryParams: { x: { prefix: ab } } }", "{ queryParams: { x: abc } }"],
    [
      "a header that must be there and a suffix",
      "{ headers: { x: { present: true } } }",
      "{ headers: { x: { suffix: b } } }",
    ],
    [
      "a header that must not be there",
      "{ headers: { x: { present: false } } }",
      "{ headers: { x: { present: false } } }",
    ],
    ["a path with a slash at its end, which is the longer", "{ path: /x/ }", "{ path: /x, headers: { x: a } }"],
    ["a regular expression that matches everything", "{ path: { regex: '/.*' } }", "{ path: /x, headers: { x: a } }"],
    ["the same gRPC method", "{ grpc: { service: a.B } }", "{ grpc: { service: a.B }, headers: {} }"],
    [
      "the path of a gRPC method for everything and for gRPC with a header",
      "{ path: { regex: '.*' } }",
      "{ grpc: {}, headers: { x: a } }",
    ],
  ])("finds %s", (_, a, b) => {
    expect(shadowed(a, b)).toEqual(["shadowed-rule 5 by 4"]);
  });

  it.each([
    ["a longer path", "{ path: /x }", "{ path: /x/y }"],
    ["a shorter path", "{ path: /x/y }", "{ path: /x }"],
    ["an exact path and a prefix", "{ path: { exact: /x } }", "{ path: /x }"],
    ["more conditions, which are tried first", "{ path: /x }", "{ path: /x, headers: { x: a } }"],
    ["another method", "{ method: GET }", "{ method: PUT }"],
    ["another header", "{ headers: { x: a } }", "{ headers: { z: a } }"],
    ["another value", "{ headers: { x: a } }", "{ headers: { x: b } }"],
    ["a value before a presence", "{ headers: { x: a } }", "{ headers: { x: { present: true } } }"],
    ["a longer prefix before a shorter", "{ headers: { x: { prefix: abc } } }", "{ headers: { x: { prefix: ab } } }"],
    ["a prefix and another text", "{ headers: { x: { prefix: ab } } }", "{ headers: { x: ac } }"],
    ["regular expressions that differ", "{ path: { regex: '/x.*' } }", "{ path: { regex: '/x/.*' } }"],
    ["a regular expression in a header and its text", "{ headers: { x: { regex: 'a' } } }", "{ headers: { x: a } }"],
    ["a regular expression for everything with a condition", "{ path: { regex: '.*' }, method: GET }", "{ path: /x }"],
    [
      "a header that must be there and one that must not",
      "{ headers: { x: { present: true } } }",
      "{ headers: { x: { present: false } } }",
    ],
    ["a suffix and a text that has it", "{ headers: { x: { suffix: b } } }", "{ headers: { x: ab } }"],
    ["a header and a query parameter of one name", "{ headers: { x: a } }", "{ queryParams: { x: a } }"],
    ["gRPC before everything else of the path", "{ grpc: { service: a.B } }", "{ path: /a.B }"],
    ["another gRPC service", "{ grpc: { service: a.B } }", "{ grpc: { service: a.C } }"],
  ])("is silent about %s", (_, a, b) => {
    expect(shadowed(a, b)).toEqual([]);
  });

  it("says which rule, in which file, and why", () => {
    const routes = (name: string) => `routes: { ${name}: { rules: [{ name: main, backends: [{ service: s }] }] } }\n`;
    const [warning] = lintText({
      "a.yaml": routes("orders"),
      "b.yaml": routes("catalog"),
      "c.yaml": "gateways: { g: { listeners: [{ name: h, port: 80 }] } }\nservices: { s: { endpoints: [] } }\n",
    });
    expect(warning).toMatchObject({
      code: "shadowed-rule",
      message: "`orders/main` gets no request: `catalog/main` takes everything that it matches",
      at: { file: "a.yaml" },
      path: "routes.orders.rules[0]",
      related: { at: { file: "b.yaml" }, message: "`catalog/main` is tried first" },
    });
    expect(warning?.hint).toContain("the route whose name comes first in the alphabet wins");
  });

  it("names the hostnames when it is shadowed for some of them only", () => {
    const [warning] = lintText(`gateways: { g: { listeners: [{ name: h, port: 80 }] } }
services: { s: { endpoints: [] } }
routes:
  a: { hostnames: [one.com], rules: [{ name: main, backends: [{ service: s }] }] }
  b: { hostnames: [one.com, two.com], rules: [{ name: main, backends: [{ service: s }] }] }
`);
    expect(warning?.message).toBe(
      "`b/main` gets no request for one.com on g/h: `a/main` takes everything that it matches",
    );
  });

  it("says nothing about hostnames of one route on listeners of another", () => {
    const found = lintText(`gateways: { g: { listeners: [{ name: h, port: 80 }, { name: i, port: 81 }] } }
services: { s: { endpoints: [] } }
routes:
  a: { gateways: [g/h], rules: [{ backends: [{ service: s }] }] }
  b: { gateways: [g/i], rules: [{ backends: [{ service: s }] }] }
`);
    expect(found).toEqual([]);
  });

  it("says nothing of a match that repeats one of its own rule", () => {
    expect(shadowed("{ path: /x }, { path: /x }", "{ path: /y }")).toEqual([]);
  });

  it.each([
    ["one path, a header of many values", (index: number) => ({ headers: [header("tenant", String(index))] })],
    ["one path, many headers", (index: number) => ({ headers: [header(`tenant-${index}`, "x")] })],
    ["one path, prefixes of a header", (index: number) => ({ headers: [header("tenant", String(index), "prefix")] })],
  ])("needs no time for 10,000 rules: %s", (_, conditions) => {
    const matches = (from: number) => Array.from({ length: 5_000 }, (__, index) => conditions(from + index));
    const intent = intentOf([...matches(10_000), ...matches(15_000)]);
    const startedMs = performance.now();
    expect(lintIntent(intent)).toEqual([]);
    // Comparing them in pairs would take minutes.
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });

  it("remembers what it found about routes that are still the same", () => {
    const memo = createLintMemo();
    const intent = intentOf([{}, {}]);
    const first = lintIntent(intent, memo);
    expect(first).toHaveLength(1);
    expect(lintIntent({ ...intent, services: [...intent.services] }, memo)).toEqual(first);
  });
});

function header(name: string, text: string, kind: "exact" | "prefix" = "exact"): RuleMatch["headers"][number] {
  return { name, value: { kind, text } };
}

function intentOf(conditions: readonly Partial<RuleMatch>[]): Intent {
  const rules = conditions.map((each, index) =>
    rule(`rule-${index}`, [backend("s")], { matches: [match({ kind: "prefix", path: "/" }, each)] }),
  );
  return buildIntent({ gateways: [gateway("public")], services: [service("s")], routes: [route("r", rules)] });
}
