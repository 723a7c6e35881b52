/**
 * The plan of a group: what differs, what Envoys do then, in which order, and what the guard would hold.
 */
import { describe, expect, test } from "vitest";
import { createRedactor } from "../../../src/snapshot/redact.ts";
import { renderResource } from "../../../src/snapshot/render.ts";
import type { Contents, GroupPlan, PlanInput } from "../../../src/snapshot/plan.ts";
import { planGroup, wantedContents } from "../../../src/snapshot/plan.ts";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import { takeOver } from "../../../src/snapshot/take-over.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { snapshotOf } from "../../support/snapshot-of.ts";
import { intentOf } from "../model/parse-text.ts";

const redact = createRedactor(envoyApi);
const contentsOf =
  ({ tables }: Snapshot): Contents =>
  (typeUrl, name) => {
    const resource = tables.get(typeUrl)?.resources.get(name);
    return resource === undefined ? undefined : renderResource(resource, envoyApi, redact);
  };

function plan(before: string, after: string, rest: Partial<PlanInput> = {}): GroupPlan {
  const [old, now] = [snapshotOf(intentOf(before)), snapshotOf(intentOf(after))];
  return planGroup({
    before: old,
    after: now,
    contentBefore: contentsOf(old),
    contentAfter: contentsOf(now),
    guard: { mode: "on" },
    contentsMax: 100,
    ...rest,
  });
}

/** `clusters a: cluster-recreated`. */
const told = ({ changes }: GroupPlan): readonly string[] =>
  changes.map(({ kind, name, typeUrl, effects }) =>
    `${kind} ${typeUrl.split(".").at(-1)} ${name} ${effects.map((effect) => effect.kind).join(",")}`.trim(),
  );

interface Knobs {
  readonly hosts?: string;
  readonly policy?: string;
  readonly rule?: string;
  readonly more?: string;
  readonly gateway?: string;
}

const config = ({ hosts = "10.0.0.1:80", policy = "", rule = "", more = "", gateway = "g" }: Knobs = {}) => `
gateways: { ${gateway}: { listeners: [{ name: http, port: 80 }] } }
services: { a: { endpoints: [${hosts}]${policy} }, b: { endpoints: ["10.0.1.1:80"] } }
routes: { r: { rules: [{ name: one, matches: [{ path: /b }], backends: [{ service: b }] }, { name: two, backends: [{ service: a }]${rule} }] } }
${more}`;

describe("planGroup", () => {
  test("equal content is no change, wherever it is written", () => {
    const { changes, steps, from, to, bytes } = plan(config(), `\n\n${config()}`);
    expect({ changes, steps, bytes, same: from === to }).toEqual({ changes: [], steps: [], bytes: 0, same: true });
  });

  test("a field of a route is told with the line of its rule, and drains nothing", () => {
    const at = { file: "r.yaml", line: 7, column: 1 };
    const found = plan(config(), config({ rule: ", timeouts: { request: 5s }" }), {
      lineOf: (name, route) => (name === "g/http" && route === "r/two" ? at : undefined),
    });
    expect(told(found)).toEqual(["changed RouteConfiguration g/http routes-updated"]);
    expect(found.changes[0]?.fields).toEqual([
      {
        path: "virtual_hosts[*].routes[r/two].route.timeout",
        kind: "changed",
        before: "15s",
        after: "5s",
        at,
      },
    ]);
    expect(found.steps).toMatchObject([{ phase: "switch", counts: [{ count: 1 }] }]);
  });

  test("a cluster that changes is made anew, and is sent with its hosts", () => {
    const found = plan(config(), config({ policy: ", circuitBreaker: { maxRequests: 5 }" }));
    expect(told(found)).toEqual(["changed Cluster a cluster-recreated"]);
    const { tables } = snapshotOf(intentOf(config({ policy: ", circuitBreaker: { maxRequests: 5 }" })));
    const sizes = [typeUrls.cluster, typeUrls.endpoints].map(
      (typeUrl) =>
        [...(tables.get(typeUrl)?.resources.values() ?? [])].find(({ name }) => name === "a")?.body.byteLength ?? 0,
    );
    expect(found.bytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
  });

  const onDemand = "nodes: { default: { onDemand: { clusters: true } } }";
  const raw = (rest: string) => `
resources: [{ "@type": ${typeUrls.cluster}, ${rest}name: c, type: STATIC }]`;

  test.each([
    ["on demand", config(), config({ more: onDemand }), "a", "fetched on demand from now on; who has it keeps it"],
    ["held again", config({ more: onDemand }), config(), "a", "held by all again, whether they ask for it or not"],
    ["with a ttl", raw(""), raw("ttl: 60s, "), "c", "dropped from now on by who hears of no control plane for 60s"],
    ["kept for good", raw("ttl: 60s, "), raw(""), "c", "kept for good from now on"],
  ])("a cluster that is %s stays what it is", (_, before, after, name, text) => {
    const cluster = plan(before, after).changes.find((change) => change.typeUrl === typeUrls.cluster);
    expect(cluster).toMatchObject({
      ...{ kind: "changed", name, fields: [], isConcealed: false },
      effects: [{ kind: "delivery-changed", weight: "quiet", text }],
    });
  });

  test("a cluster that differs and is sent otherwise is made anew", () => {
    const found = plan(config(), config({ policy: ", circuitBreaker: { maxRequests: 5 }", more: onDemand }));
    expect(told(found)).toContain("changed Cluster a cluster-recreated,delivery-changed");
    expect(told(found)).toContain("changed Cluster b delivery-changed");
  });

  test("hosts alone are sent at once, and move the ring of a cluster that hashes", () => {
    const ring = ", loadBalancer: { policy: MAGLEV, hashOn: [{ sourceIp: true }] }";
    const [before, after] = [{ hosts: "10.0.0.1:80, 10.0.0.2:80" }, { hosts: "10.0.0.2:80, 10.0.0.3:80" }];
    const plain = plan(config(before), config(after));
    expect(told(plain)).toEqual(["changed ClusterLoadAssignment a endpoints-changed"]);
    expect(plain.changes[0]?.effects[0]?.text).toBe(
      "hosts only, the cluster stays: 10.0.0.3:80 comes; 10.0.0.1:80 goes, with the connections to it",
    );
    expect(plain.steps).toMatchObject([{ phase: "at-once" }]);
    const hashed = plan(config({ ...before, policy: ring }), config({ ...after, policy: ring }));
    expect(told(hashed)).toEqual(["changed ClusterLoadAssignment a endpoints-changed,hash-ring-moved"]);
    expect(told(plan(config(before), config({ hosts: "" })))).toEqual([
      "changed ClusterLoadAssignment a endpoints-emptied",
    ]);
  });

  test("what goes is removed last, after a grace that covers what drains", () => {
    const found = plan(config({ more: "" }), config({ gateway: "h" }));
    expect(told(found)).toEqual([
      "added Listener h/http listener-added",
      "removed Listener g/http listener-removed",
      "added RouteConfiguration h/http",
      "removed RouteConfiguration g/http",
    ]);
    expect(found.changes[1]?.effects[0]?.text).toContain("go to `h/http`, and none is refused");
    const less = config()
      .replace("{ name: one, matches: [{ path: /b }], backends: [{ service: b }] }, ", "")
      .replace(/, b: \{[^}]*\}/, "");
    expect(plan(config(), less).steps.map(({ phase, waitMs }) => [phase, waitMs])).toEqual([
      ["switch", undefined],
      ["grace", 30_000],
      ["remove", undefined],
    ]);
  });

  test("what the guard would hold is told, unless it is off", () => {
    const found = plan(config(), config({ hosts: "" }).replace('"10.0.1.1:80"', ""));
    expect(found.held).toMatchObject([{ typeUrl: typeUrls.endpoints, removedCount: 2, ofCount: 2 }]);
    const off = plan(config(), config({ hosts: "" }).replace('"10.0.1.1:80"', ""), { guard: { mode: "off" } });
    expect(off.held).toEqual([]);
  });

  test("a script that is attached to one more rule is told at that rule", () => {
    const script = 'policies: { p: { lua: { inline: "function envoy_on_request(h) end" } } }';
    const attached = (text: string, rule: string) =>
      text.replace(`{ name: ${rule},`, `{ name: ${rule}, policies: [p],`);
    const one = attached(config({ more: script }), "one");
    const found = plan(one, attached(one, "two"));
    expect(found.changes.flatMap(({ extensions }) => extensions)).toEqual([
      { kind: "added", code: "Lua", place: "r/two" },
    ]);
    const other = plan(one, one.replace("envoy_on_request", "envoy_on_response"));
    expect(other.changes.flatMap(({ extensions }) => extensions)).toEqual([
      { kind: "changed", code: "Lua", place: "r/one" },
    ]);
  });

  test("a group that is new has all of it added, and nothing that is held", () => {
    const found = plan(config(), config(), { before: undefined });
    expect(found).toMatchObject({ from: undefined, held: [] });
    expect(new Set(found.changes.map(({ kind }) => kind))).toEqual(new Set(["added"]));
  });

  test("of more resources than are looked at the effect is told without fields", () => {
    const found = plan(config(), config({ policy: ", circuitBreaker: { maxRequests: 5 }" }), { contentsMax: 0 });
    expect(told(found)).toEqual(["changed Cluster a cluster-recreated"]);
    expect(found.changes[0]?.fields).toEqual([]);
    expect(found.changes[0]?.isConcealed).toBe(false);
  });
});

test("contents are wanted of what changes, and of listeners and routes that go", () => {
  const [before, after] = [
    config({ gateway: "g" }),
    config({ gateway: "h", policy: ", circuitBreaker: { maxRequests: 5 }" }),
  ];
  expect(wantedContents(snapshotOf(intentOf(before)), snapshotOf(intentOf(after)), 10)).toEqual([
    { typeUrl: typeUrls.cluster, names: ["a"] },
    { typeUrl: typeUrls.listener, names: ["g/http"] },
    { typeUrl: typeUrls.route, names: ["g/http"] },
  ]);
});

test("with the versions of what only the server knows, the version of the whole is the server's", () => {
  const [server, here] = [config({ hosts: "10.0.0.7:80" }), config({ hosts: "" })].map((text) =>
    snapshotOf(intentOf(text)),
  );
  const { snapshot, taken } = takeOver(
    here as Snapshot,
    server as Snapshot,
    ({ typeUrl, name }) => typeUrl === typeUrls.endpoints && name === "a",
  );
  expect(snapshot.version).toBe(server?.version);
  expect(taken.map(({ name }) => name)).toEqual(["a"]);
  expect(takeOver(here as Snapshot, server as Snapshot, () => false).snapshot).toBe(here);
});
