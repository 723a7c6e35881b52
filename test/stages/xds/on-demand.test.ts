/**
 * What a client asks for in delta otherwise than by the names of resources: virtual hosts when a request needs them.
 */
import { describe, expect, test } from "vitest";
import { DeltaDiscoveryResponse } from "../../../src/gen/envoy/service/discovery/v3/discovery.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { inspectStream } from "../../../src/xds/inspect-stream.ts";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import type { Response } from "../../../src/xds/stream-state.ts";
import { frameResponse } from "../../../src/xds/frame.ts";
import { buildIntent, raw } from "../../support/build-intent.ts";
import { fakeResource, fakeSnapshot, snapshotOf } from "../../support/snapshot-of.ts";
import { DrivenStream } from "./driven-stream.ts";

/** Virtual hosts by name with their domains, and a header of the route configuration `r`. */
function build(hosts: Readonly<Record<string, readonly string[]>>, status = 200, header = "a"): Snapshot {
  const rawResources = Object.entries(hosts).map(([name, domains]) =>
    raw("envoy.config.route.v3.VirtualHost", name, {
      name,
      domains,
      routes: [{ match: { prefix: "/" }, directResponse: { status } }],
    }),
  );
  const route = raw("envoy.config.route.v3.RouteConfiguration", "r", {
    name: "r",
    requestHeadersToRemove: [header],
    vhds: { configSource: { ads: {} } },
  });
  return snapshotOf(buildIntent({ rawResources: [...rawResources, route] }));
}

const hosts = {
  "r/one": ["one.test", "*.one.test"],
  "r/long": ["*.long.one.test"],
  "r/prefix": ["api.*"],
  "public/http/slash": ["slash.test"],
};

/** What is on the wire: `name<aliases` with `!` when there is no content, and removals. */
function wire(responses: readonly Response[]): readonly string[] {
  return responses.map((response) => {
    const frame = frameResponse("delta", response, "test");
    // Five bytes of gRPC come first.
    const { resources, removedResources } = DeltaDiscoveryResponse.decode(frame.subarray(5));
    const entries = resources.map(
      ({ name, aliases, resource }) => `${name}<${aliases.join(",")}${resource === undefined ? "!" : ""}`,
    );
    return [...entries, ...removedResources.map((name) => `-${name}`)].join(" ");
  });
}

function started(snapshot = build(hosts)): DrivenStream {
  const stream = new DrivenStream("delta");
  stream.publish(snapshot);
  stream.ask("route", { names: ["r"] });
  stream.ack("route");
  // Envoy's first request names nothing, and it waits for an answer.
  expect(wire(stream.ask("virtualHost"))).toEqual(["-r/no host"]);
  expect(stream.ack("virtualHost")).toEqual([]);
  return stream;
}

const asked = (...names: readonly string[]) => wire(started().ask("virtualHost", { names }));

describe("a virtual host on demand", () => {
  test.each([
    ["r/one.test", "r/one"],
    ["r/ONE.test", "r/one"],
    ["r/a.one.test", "r/one"],
    ["r/a.long.one.test", "r/long"],
    ["r/api.anything", "r/prefix"],
    ["r/one.test:8080", "r/one"],
    ["public/http/slash.test", "public/http/slash"],
    ["r/one", "r/one"],
  ])("%s is answered with %s, and has what was asked for among its aliases", (name, host) => {
    expect(asked(name)).toEqual([`${host}<${name}`]);
  });

  test.each(["r/nobody.test", "other/one.test", "one.test", "r/.one.test"])(
    "%s, which nobody has, is answered with a resource without content",
    (name) => {
      expect(asked(name)).toEqual([`${name}<${name}!`]);
    },
  );

  test("is in a response once, with all the names that it answers", () => {
    expect(asked("r/one.test", "r/a.one.test")).toEqual(["r/one<r/a.one.test,r/one.test"]);
  });

  test("is sent when it comes to be, changes, and not when it stays", () => {
    const stream = started();
    stream.ask("virtualHost", { names: ["r/later.test", "r/one.test"] });
    stream.ack("virtualHost");
    expect(wire(stream.publish(build({ ...hosts, "r/later": ["later.test"] })))).toEqual(["r/later<r/later.test"]);
    stream.ack("virtualHost");
    expect(wire(stream.publish(build({ ...hosts, "r/later": ["later.test"], "r/more": ["more.test"] })))).toEqual([]);
    expect(wire(stream.publish(build({ ...hosts, "r/later": ["later.test", "x.test"] })))).toEqual([
      "r/later<r/later.test",
    ]);
  });

  test("is removed by its own name when it goes, and who asks again is told that there is none", () => {
    const stream = started();
    stream.ask("virtualHost", { names: ["r/one.test", "r/a.one.test"] });
    stream.ack("virtualHost");
    const { "r/one": _, ...rest } = hosts;
    expect(wire(stream.publish(build(rest)))).toEqual(["-r/one"]);
    expect(wire(stream.ack("virtualHost"))).toEqual(["r/a.one.test<r/a.one.test! r/one.test<r/one.test!"]);
    stream.ack("virtualHost");
    expect(wire(stream.ask("virtualHost", { names: ["r/one.test"] }))).toEqual(["r/one.test<r/one.test!"]);
  });

  test("is removed by its own name also when it was the last of all", () => {
    const stream = started(build({ "r/one": ["one.test"] }));
    stream.ask("virtualHost", { names: ["r/one.test"] });
    stream.ack("virtualHost");
    expect(wire(stream.publish(build({})))).toEqual(["-r/one"]);
  });

  test("gives way to a more specific one, and is removed when nothing else leads to it", () => {
    const stream = started();
    stream.ask("virtualHost", { names: ["r/b.one.test"] });
    stream.ack("virtualHost");
    expect(wire(stream.publish(build({ ...hosts, "r/b": ["b.one.test"] })))).toEqual(["r/b<r/b.one.test -r/one"]);
  });

  test("is sent again behind its route configuration when that changed", () => {
    const stream = started();
    stream.ask("virtualHost", { names: ["r/one.test", "public/http/slash.test"] });
    stream.ack("virtualHost");
    expect(wire(stream.publish(build(hosts, 200, "b")))).toEqual(["r<", "r/one<r/one.test"]);
  });

  test("that a client which comes back still holds is removed if it went, and answered if it is asked for", () => {
    const stream = new DrivenStream("delta");
    stream.publish(build(hosts));
    const versions = { "r/one": "old", "r/gone": "old" };
    expect(wire(stream.ask("virtualHost", { names: ["r/one.test"], versions }))).toEqual(["r/one<r/one.test -r/gone"]);
  });
});

describe("the first word on virtual hosts, that one is gone which nobody can have,", () => {
  const two = (other: object) => {
    const route = (name: string, fields: object) =>
      raw("envoy.config.route.v3.RouteConfiguration", name, { name, ...fields });
    const onDemand = { vhds: { configSource: { ads: {} } } };
    return snapshotOf(buildIntent({ rawResources: [route("r", onDemand), route("other", other)] }));
  };

  test("is said once of each route configuration that the client has, and of none without virtual hosts on demand", () => {
    const stream = new DrivenStream("delta");
    stream.publish(two({ vhds: { configSource: { ads: {} } } }));
    stream.ask("route", { names: ["r"] });
    expect(wire(stream.ask("virtualHost"))).toEqual([]);
    expect(wire(stream.ack("route"))).toEqual(["-r/no host"]);
    expect(wire(stream.ack("virtualHost"))).toEqual([]);
    stream.ask("route", { names: ["other"] });
    expect(wire(stream.ack("route"))).toEqual(["-other/no host"]);
    stream.ack("virtualHost");
    expect(wire(stream.publish(two({})))).toEqual(["other<"]);
    expect(wire(stream.ack("route"))).toEqual([]);
    const without = new DrivenStream("delta");
    without.publish(two({}));
    without.ask("route", { names: ["other"] });
    without.ack("route");
    expect(wire(without.ask("virtualHost"))).toEqual([]);
  });

  test("is said also of a route configuration that is acknowledged while the word on another is under way", () => {
    const stream = new DrivenStream("delta");
    stream.publish(two({ vhds: { configSource: { ads: {} } } }));
    stream.ask("route", { names: ["r"] });
    stream.ack("route");
    expect(wire(stream.ask("virtualHost"))).toEqual(["-r/no host"]);
    stream.ask("route", { names: ["other"] });
    expect(wire(stream.ack("route"))).toEqual([]);
    expect(wire(stream.ack("virtualHost"))).toEqual(["-other/no host"]);
  });

  test("is said again to who asks for the route configuration again", () => {
    const stream = started();
    stream.ask("route", { drop: ["r"] });
    stream.ask("route", { names: ["r"] });
    expect(wire(stream.ack("route"))).toEqual(["-r/no host"]);
  });

  test("is said of all where route configurations are asked for on another stream", () => {
    const stream = new DrivenStream("delta");
    stream.publish(two({ vhds: { configSource: { ads: {} } } }));
    expect(wire(stream.ask("virtualHost"))).toEqual(["-other/no host -r/no host"]);
    expect(wire(stream.ack("virtualHost"))).toEqual([]);
  });

  test("is not said of one of which the client has asked for a host", () => {
    const stream = new DrivenStream("delta");
    stream.publish(build(hosts));
    expect(wire(stream.ask("virtualHost", { names: ["r/one.test"] }))).toEqual(["r/one<r/one.test"]);
    expect(wire(stream.ack("virtualHost"))).toEqual([]);
  });
});

describe("virtual hosts of a route configuration that is gone", () => {
  const without = fakeSnapshot([fakeResource(typeUrls.route, "another")]);

  test("stay until their listener asks for that one no more, or requests would be answered with 404", () => {
    const stream = started();
    stream.ask("virtualHost", { names: ["r/one.test"] });
    stream.ack("virtualHost");
    expect(wire(stream.publish(without))).toEqual([]);
    expect(wire(stream.ask("virtualHost", { names: ["r/one.test"] }))).toEqual(["r/one<r/one.test"]);
    stream.ack("virtualHost");
    expect(wire(stream.ask("virtualHost", { names: ["r/nobody.test"] })), "what is asked for is answered").toEqual([
      "r/nobody.test<r/nobody.test!",
    ]);
  });

  test("are forgotten with it, also those that a client came back with", () => {
    const stream = new DrivenStream("delta");
    stream.publish(without);
    stream.ask("route", { names: ["r"], versions: { r: "old" } });
    stream.ask("virtualHost", { names: ["r/one.test"], versions: { "r/one": "old" } });
    stream.ack("virtualHost");
    stream.ask("virtualHost", { drop: ["r/one.test"] });
    const held = () => stream.inspect((state) => [...(state.types.get(typeUrls.virtualHost)?.held.keys() ?? [])]);
    expect(held()).toEqual(["r/one"]);
    stream.ask("route", { drop: ["r"] });
    expect(held()).toEqual([]);
  });
});

test("what a client that came back named as a virtual host is not held for ever when it was answered", () => {
  const stream = new DrivenStream("delta");
  stream.publish(build(hosts));
  stream.ask("virtualHost", { names: ["r/one.test"], versions: { "r/one": "old" } });
  stream.ack("virtualHost");
  const held = stream.inspect((state) => [...(state.types.get(typeUrls.virtualHost)?.held.keys() ?? [])]);
  expect(held, "or the clusters that it led to would never go").toEqual(["r/one.test"]);
});

test("what was asked for on demand is told under the asked names, and that there is no such host", () => {
  const stream = started();
  stream.ask("virtualHost", { names: ["r/a.one.test", "r/nobody.test"] });
  const { virtualHost } = typeUrls;
  const told = () =>
    stream
      .inspect((state) => inspectStream(state, { limit: 9, typeUrl: virtualHost }))
      .resources.map(({ name, status, wanted }) => [name, status, wanted !== undefined]);
  expect(told()).toEqual([
    ["r/a.one.test", "stale", true],
    ["r/nobody.test", "stale", false],
  ]);
  stream.ack("virtualHost");
  expect(told()).toEqual([
    ["r/a.one.test", "synced", true],
    ["r/nobody.test", "synced", false],
  ]);
});
