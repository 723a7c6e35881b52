/**
 * From intent to snapshots: consistent or refused, deterministic, sharing what did not change.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Intent } from "../../../src/model/intent.ts";
import { brand } from "../../../src/support/brand.ts";
import { present } from "../../../src/support/assert.ts";
import type { BuildInput, BuiltSnapshots } from "../../../src/snapshot/build-snapshots.ts";
import { buildSnapshots } from "../../../src/snapshot/build-snapshots.ts";
import { createResourceEncoder } from "../../../src/snapshot/encode-resource.ts";
import type { GroupName } from "../../../src/snapshot/snapshot.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import {
  backend,
  buildIntent,
  endpoint,
  gateway,
  group,
  helloIntent,
  place,
  raw,
  route,
  rule,
  service,
} from "../../support/build-intent.ts";
import { snapshotOf } from "../../support/snapshot-of.ts";
import { envoyApi } from "../../support/envoy-api.ts";

const cause = { text: "start", atMs: 1 };
const defaultGroup = brand<GroupName>("default");

function build(intent: Intent, rest: Partial<BuildInput> = {}): ReturnType<typeof buildSnapshots> {
  return buildSnapshots({ intent, encoder: createResourceEncoder(envoyApi), cause, ...rest });
}

function built(intent: Intent, rest: Partial<BuildInput> = {}): BuiltSnapshots {
  const result = build(intent, rest);
  return present(result.ok ? result.value : undefined, JSON.stringify(result));
}

const ghostRoute = raw("envoy.config.route.v3.RouteConfiguration", "r", {
  name: "r",
  virtualHosts: [{ name: "v", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "ghost" } }] }],
});

describe("buildSnapshots", () => {
  it("gives every group a snapshot with a table for every type", () => {
    const { snapshots, warnings } = built({ ...helloIntent(), groups: [group("default"), group("other")] });
    expect(warnings).toEqual([]);
    expect([...snapshots.keys()]).toEqual(["default", "other"]);
    const tables = present(snapshots.get(defaultGroup), "built").tables;
    expect(
      Object.fromEntries([...tables].map(([url, table]) => [url.split(".").at(-1), [...table.resources.keys()]])),
    ).toEqual({
      Secret: [],
      Cluster: ["hello"],
      ClusterLoadAssignment: ["hello"],
      Runtime: [],
      TypedExtensionConfig: [],
      Listener: ["public/http"],
      ScopedRouteConfiguration: [],
      RouteConfiguration: ["public/http"],
      VirtualHost: [],
    });
  });

  it("gives equal versions for equal content, in whatever order it was written", () => {
    const services = ["a", "b", "c"].map((name) =>
      service(name, { endpoints: [1, 2, 3].map((port) => endpoint(port)) }),
    );
    const routes = ["a", "b", "c"].map((name) =>
      route(name, [rule("main", [backend(name)])], { hostnames: [`${name}.com`, "*"] }),
    );
    const spare = { name: "http", at: place(), port: 10_001 };
    const gateways = [gateway("public"), gateway("spare", { listeners: [spare] })];
    const expected = snapshotOf(buildIntent({ services, routes, gateways }));
    const shuffled = <T>(items: readonly T[]) => fc.shuffledSubarray([...items], { minLength: items.length });
    fc.assert(
      fc.property(
        shuffled(services),
        shuffled(routes),
        shuffled(gateways),
        (mixedServices, mixedRoutes, mixedGateways) => {
          const endpoints = mixedServices.map((mixed) => ({ ...mixed, endpoints: mixed.endpoints.toReversed() }));
          const snapshot = snapshotOf(
            buildIntent({ services: endpoints, routes: mixedRoutes, gateways: mixedGateways }),
          );
          expect(snapshot).toEqual(expected);
        },
      ),
      { numRuns: 10 },
    );
  });

  it("keeps the old snapshot, with its cause, when nothing changed", () => {
    const encoder = createResourceEncoder(envoyApi);
    const first = built(helloIntent(), { encoder });
    const second = built(helloIntent(), { encoder, previous: first.snapshots, cause: { text: "touch", atMs: 2 } });
    expect(second.snapshots.get(defaultGroup)).toBe(first.snapshots.get(defaultGroup));
    expect(encoder.counts().encoded).toBe(4);
  });

  it("keeps equal resources of two places apart, so that neither looks moved in every build", () => {
    const runtime = raw("envoy.service.runtime.v3.Runtime", "rt", { name: "rt", layer: { a: 1 } });
    const rawResources = ["a", "b"].map((name, line) => ({ ...runtime, groups: [name], at: place(line + 1) }));
    const intent = buildIntent({ groups: [group("a"), group("b")], rawResources });
    const encoder = createResourceEncoder(envoyApi);
    const first = built(intent, { encoder });
    const second = built(intent, { encoder, previous: first.snapshots });
    expect([...second.snapshots.values()].map((snapshot) => first.snapshots.get(snapshot.group) === snapshot)).toEqual([
      true,
      true,
    ]);
    expect(encoder.counts().encoded).toBe(1);
  });

  it("shares the tables that did not change", () => {
    const encoder = createResourceEncoder(envoyApi);
    const first = built(helloIntent(), { encoder });
    const changed = { ...helloIntent(), services: [service("hello", { endpoints: [endpoint(8081)] })] };
    const second = built(changed, { encoder, previous: first.snapshots });
    const [before, after] = [first, second].map((of) => present(of.snapshots.get(defaultGroup), "built"));
    expect(after?.tables.get(typeUrls.cluster)).toBe(before?.tables.get(typeUrls.cluster));
    expect(after?.tables.get(typeUrls.endpoints)?.version).not.toBe(before?.tables.get(typeUrls.endpoints)?.version);
    expect(encoder.counts().encoded).toBe(5);
  });

  it("tells that a raw resource needs what an edit takes away, as a first build would", () => {
    const encoder = createResourceEncoder(envoyApi);
    const without = { ...helloIntent(), rawResources: [ghostRoute] };
    const services = [service("ghost"), ...without.services];
    const first = built({ ...without, services }, { encoder });
    const second = build(without, { encoder, previous: first.snapshots });
    expect(second).toEqual(build(without));
    expect(second.ok).toBe(false);
  });

  it("keeps version and cause, but not the old places, when lines only moved", () => {
    const encoder = createResourceEncoder(envoyApi);
    const first = built(helloIntent(), { encoder });
    const moved = { ...helloIntent(), services: [service("hello", { at: place(9) })] };
    const second = built(moved, { encoder, previous: first.snapshots, cause: { text: "move", atMs: 2 } });
    const [before, after] = [first, second].map((of) => present(of.snapshots.get(defaultGroup), "built"));
    expect(after).toMatchObject({ version: before?.version, cause });
    expect(after?.tables.get(typeUrls.cluster)?.resources.get(brand("hello"))?.at.line).toBe(9);
  });

  it("takes a changed policy over without a new version", () => {
    const first = built(helloIntent());
    const patient = { ...helloIntent(), groups: [group("default", { updates: { graceMs: 1 } })] };
    const second = built(patient, { previous: first.snapshots }).snapshots.get(defaultGroup);
    expect(second).toMatchObject({
      version: first.snapshots.get(defaultGroup)?.version,
      updates: { graceMs: 1 },
      cause,
    });
  });

  it("refuses a name that nothing defines, at the place that needs it", () => {
    expect(build(buildIntent({ rawResources: [{ ...ghostRoute, at: place(12) }] }))).toMatchObject({
      ok: false,
      error: [
        {
          code: "dangling-reference",
          severity: "error",
          at: { line: 12 },
          message: 'the route configuration "r" refers to the cluster "ghost", which group "default" does not have',
        },
      ],
    });
  });

  it("suggests the nearest name of the same type", () => {
    const intent = buildIntent({ services: [service("ghosts")], rawResources: [ghostRoute] });
    expect(build(intent)).toMatchObject({ error: [{ hint: 'did you mean "ghosts"?' }] });
  });

  it("only warns of it for a group that says so", () => {
    const intent = buildIntent({ groups: [group("default", { consistency: "warn" })], rawResources: [ghostRoute] });
    expect(built(intent).warnings).toMatchObject([{ code: "dangling-reference", severity: "warning" }]);
  });

  it("lets a raw resource use the control plane's cluster of the bootstrap", () => {
    const json = JSON.parse(JSON.stringify(ghostRoute.json).replace("ghost", "fairway_xds")) as typeof ghostRoute.json;
    expect(build(buildIntent({ rawResources: [{ ...ghostRoute, json }] })).ok).toBe(true);
  });

  it("takes a load assignment that no cluster asks for", () => {
    const spare = raw("envoy.config.endpoint.v3.ClusterLoadAssignment", "spare", { clusterName: "spare" });
    expect(build(buildIntent({ rawResources: [spare] })).ok).toBe(true);
  });

  it("refuses a raw resource with the name of another, naming both places", () => {
    const again = {
      ...raw("envoy.config.cluster.v3.Cluster", "hello", { name: "hello", type: "STATIC" }),
      at: place(30),
    };
    const intent = { ...helloIntent(), groups: [group("default"), group("other")], rawResources: [again] };
    expect(build(intent)).toMatchObject({
      ok: false,
      error: [{ code: "duplicate-name", at: { line: 30 }, related: { at: { line: 1 } } }],
    });
  });

  it("refuses a message that xDS does not deliver", () => {
    const filter = raw("envoy.extensions.filters.http.router.v3.Router", "router", {});
    expect(build(buildIntent({ rawResources: [filter] }))).toMatchObject({
      error: [{ code: "unsupported-resource-type" }],
    });
  });

  it("reports all problems at once", () => {
    const bad = raw("envoy.config.cluster.v3.Cluster", "bad", { name: "bad", nonsense: 1 });
    expect(build(buildIntent({ rawResources: [bad, ghostRoute] }))).toMatchObject({
      error: [{ code: "invalid-envoy-resource" }, { code: "dangling-reference" }],
    });
  });
});
