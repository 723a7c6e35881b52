/**
 * Invariant 2: nothing unvalidated is served.
 *
 * Whatever is wrong with the files, nodes hear nothing of it and keep what they have: syntax, schema, names
 * that are defined twice or not at all, raw resources and patches that do not fit their Envoy type, that break
 * the constraints of its protos (`validate.rules`), or that Envoy would refuse for another reason.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { throughout } from "../support/eventually.ts";
import { configOf, RunningPlane } from "./running-plane.ts";

const good = configOf({ a: "127.0.0.1:1" });
const raw = (type: string, fields: string) =>
  `resources: [{ "@type": type.googleapis.com/envoy.config.${type}, ${fields} }]`;
const rawRoute = (name: string) =>
  raw(
    "route.v3.RouteConfiguration",
    `name: r, virtual_hosts: [{ name: v, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: ${name} } }] }]`,
  );

let running: RunningPlane;

beforeAll(async () => {
  running = await RunningPlane.start({ files: { "main.yaml": good } });
});

afterAll(() => running[Symbol.asyncDispose]());

describe("a change is refused, and no node hears of it, when it has", () => {
  test.each([
    ["a syntax error", "services: {", "yaml-syntax"],
    ["an unknown key", "services: { b: { endpointz: [] } }", "unknown-key"],
    ["a value of the wrong type", "services: { b: { endpoints: 1 } }", "wrong-type"],
    ["an impossible value", `services: { b: { endpoints: ["127.0.0.1:70000"] } }`, "invalid-value"],
    ["a word with two readings", "services: { b: { loadBalancer: { policy: no } } }", "yaml-ambiguous"],
    ["a name that another file has", `services: { a: { endpoints: ["127.0.0.1:2"] } }`, "duplicate-name"],
    [
      "a service that does not exist",
      "routes: { r: { rules: [{ backends: [{ service: x }] }] } }",
      "dangling-reference",
    ],
    ["a raw resource of an unknown type", raw("cluster.v3.Clusterr", "name: b"), "unknown-envoy-type"],
    ["a raw resource with an unknown field", raw("cluster.v3.Cluster", "name: b, lb: 1"), "invalid-envoy-resource"],
    ["a raw resource with a wrong value", raw("cluster.v3.Cluster", "name: b, lb_policy: X"), "invalid-envoy-resource"],
    [
      "a raw resource that breaks a constraint",
      raw("cluster.v3.Cluster", "name: b, connect_timeout: 0s"),
      "envoy-constraint",
    ],
    [
      "a raw resource that Envoy would refuse",
      raw(
        "route.v3.RouteConfiguration",
        "name: r, virtual_hosts: [{ name: a, domains: [x] }, { name: b, domains: [x] }]",
      ),
      "duplicate-domain",
    ],
    [
      "a patch that breaks a constraint",
      "patches: [{ target: { type: Cluster, name: a }, merge: { connect_timeout: 0s } }]",
      "envoy-constraint",
    ],
    ["a patch of nothing", "patches: [{ target: { type: Cluster, name: b }, merge: {} }]", "unmatched-patch"],
    ["a raw resource that refers to nothing", rawRoute("ghost"), "dangling-reference"],
    ["a raw resource with the name of a generated one", raw("cluster.v3.Cluster", "name: a"), "duplicate-name"],
  ])("%s", async (_, text, code) => {
    const version = await running.newVersion();
    const refusals = running.all("config-refused").length;
    using client = running.connect({ acknowledges: true }).ask(typeUrls.cluster).ask(typeUrls.route, "r");
    await client.has(typeUrls.cluster, "a");

    await running.save(text, "change.yaml");
    const { diagnostics } = await running.event("config-refused", refusals);
    expect(diagnostics.map((diagnostic) => diagnostic.code)).toContain(code);
    expect(diagnostics.some(({ at, related }) => `${at.file} ${related?.at.file}`.includes("change.yaml"))).toBe(true);
    await throughout("nothing new is served", () => client.of(typeUrls.cluster).length === 1, 50);
    expect([running.version(), client.names(typeUrls.route)]).toEqual([version, []]);
  });

  test("nothing of the above: then it is served", async () => {
    await running.save("services: { b: { endpoints: ['127.0.0.1:2'] } }", "change.yaml");
    using client = running.connect({ acknowledges: true }).ask(typeUrls.cluster);
    await client.has(typeUrls.cluster, "a", "b");
    expect(running.plane.publication.refused).toBeUndefined();
  });
});
