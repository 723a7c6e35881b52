/**
 * `xdstp://` names: collections, in both variants, and parameters, whose order says nothing.
 */
import { describe, expect, test } from "vitest";
import { DiscoveryResponse, Resource as Wrapped } from "../../../src/gen/envoy/service/discovery/v3/discovery.ts";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { canonicalName } from "../../../src/xds/context-parameters.ts";
import { frameResponse } from "../../../src/xds/frame.ts";
import { inspectStream } from "../../../src/xds/inspect-stream.ts";
import type { Response, Variant } from "../../../src/xds/stream-state.ts";
import { fakeResource, fakeSnapshot } from "../../support/snapshot-of.ts";
import { DrivenStream, shown } from "./driven-stream.ts";

const variants = ["delta", "sotw"] as const;
const prefix = "xdstp://fleet/envoy.config.cluster.v3.Cluster";
const all = ["plain", `${prefix}/a/one`, `${prefix}/a/two?x=1`, `${prefix}/a/b/deep`, `${prefix}/c/three`];

const clusters = (...names: readonly string[]): Snapshot =>
  fakeSnapshot(names.map((name) => fakeResource(typeUrls.cluster, name)));

function start(variant: Variant, names: readonly string[], snapshot = clusters(...all)): DrivenStream {
  const stream = new DrivenStream(variant);
  stream.publish(snapshot);
  stream.ask("cluster", { names });
  return stream;
}

const short = (responses: readonly Response[]) =>
  shown(responses).map((text) => text.replaceAll(`${prefix}/`, "").replace("clusters", "").trim());

describe.each(variants)("a collection in %s", (variant) => {
  // A SotW client repeats its names with every answer.
  const repeated = (...names: readonly string[]) => (variant === "sotw" ? { names } : {});

  test.each([
    ["a/*", "+a/one"],
    ["a/*?x=1", "+a/two?x=1"],
    ["a/b/*", "+a/b/deep"],
    ["d/*", ""],
  ])("%s has what is one step below it, with the same parameters", (name, expected) => {
    expect(short(start(variant, [`${prefix}/${name}`]).responses)).toEqual([expected]);
  });

  test("is told of what comes into it, and of what leaves it, and of nothing else", () => {
    const stream = start(variant, [`${prefix}/a/*`]);
    stream.ack("cluster", repeated(`${prefix}/a/*`));
    expect(stream.publish(clusters(...all, "other"))).toEqual([]);
    const came = short(stream.publish(clusters(...all, "more", `${prefix}/a/new`)));
    expect(came).toEqual([variant === "delta" ? "+a/new" : "+a/new +a/one"]);
    stream.ack("cluster", repeated(`${prefix}/a/*`));
    stream.publish(clusters("plain", `${prefix}/a/new`));
    expect(short(stream.wait(60_000))).toEqual([variant === "delta" ? "-a/one" : "+a/new"]);
  });

  test("that loses the last of what was in it is told so, whatever else there is", () => {
    const stream = start(variant, [`${prefix}/a/*`]);
    stream.ack("cluster", repeated(`${prefix}/a/*`));
    stream.publish(clusters("plain"));
    expect(short(stream.wait(60_000))).toEqual([variant === "delta" ? "-a/one" : ""]);
  });

  test("may be asked for beside others and beside names", () => {
    const stream = start(variant, [`${prefix}/a/*`, "plain"]);
    expect(short(stream.responses)).toEqual(["+plain +a/one"]);
    stream.ack("cluster", repeated(`${prefix}/a/*`, "plain"));
    const more = variant === "delta" ? [`${prefix}/c/*`] : [`${prefix}/a/*`, "plain", `${prefix}/c/*`];
    const asked = short(stream.ask("cluster", { names: more, nonce: stream.last("cluster").nonce }));
    expect(asked).toEqual([variant === "delta" ? "+c/three" : "+plain +a/one +c/three"]);
  });

  test("that is dropped is not heard of any more", () => {
    const stream = start(variant, [`${prefix}/a/*`]);
    stream.ack("cluster", repeated(`${prefix}/a/*`));
    const { nonce } = stream.last("cluster");
    expect(stream.ask("cluster", { nonce, drop: [`${prefix}/a/*`] })).toEqual([]);
    expect(stream.publish(clusters(...all, `${prefix}/a/new`))).toEqual([]);
  });

  test("is nothing special to a client that has everything", () => {
    const stream = start(variant, ["*"]);
    stream.ack("cluster", repeated("*"));
    const both = variant === "delta" ? [`${prefix}/a/*`] : ["*", `${prefix}/a/*`];
    expect(stream.ask("cluster", { names: both, nonce: stream.last("cluster").nonce })).toEqual([]);
    const more = short(stream.publish(clusters(...all, "more")));
    expect(more).toEqual([variant === "delta" ? "+more" : "+more +plain +a/b/deep +a/one +a/two?x=1 +c/three"]);
  });

  test("is all that somebody who looks at its client is shown", () => {
    const stream = start(variant, [`${prefix}/a/*`]);
    stream.ack("cluster", repeated(`${prefix}/a/*`));
    const { resources } = stream.inspect((state) => inspectStream(state, { limit: 9, typeUrl: typeUrls.cluster }));
    expect(resources.map(({ name, status }) => [name, status])).toEqual([[`${prefix}/a/one`, "synced"]]);
  });
});

test("a SotW client that asks for one more collection is answered, although there is nothing in it", () => {
  const names = [`${prefix}/a/*`, `${prefix}/d/*`];
  const stream = start("sotw", names.slice(0, 1));
  stream.ack("cluster", { names: names.slice(0, 1) });
  expect(short(stream.ask("cluster", { names, nonce: stream.last("cluster").nonce }))).toEqual(["+a/one"]);
});

test("a SotW client that comes back with what is in its collection is sent nothing, and after a change the new state", () => {
  const names = [`${prefix}/a/*`];
  const before = start("sotw", names).last("cluster").versionInfo;
  const same = new DrivenStream("sotw");
  same.publish(clusters(...all, "more"));
  expect(same.ask("cluster", { names, versionInfo: before })).toEqual([]);
  const changed = new DrivenStream("sotw");
  const old = clusters(...all).tables.get(typeUrls.cluster);
  const older = clusters("plain", `${prefix}/a/older`).tables.get(typeUrls.cluster);
  changed.earlier.set(
    typeUrls.cluster,
    [old, older].filter((table) => table !== undefined),
  );
  changed.publish(clusters("plain", `${prefix}/a/new`));
  // What it has leaves by the same rules as on a stream that did not break.
  expect(short(changed.ask("cluster", { names, versionInfo: before }))).toEqual(["+a/new +a/one"]);
  changed.ack("cluster", { names });
  // Its deadline, for the listeners that it never asks for, and then as long as those that it may have drain.
  const later = [...changed.wait(60_000), ...changed.wait(700_000)];
  expect(short(later)).toEqual(["+a/new"]);
});

describe("the parameters of a name", () => {
  test.each([
    ["plain?b=1&a=2", "plain?b=1&a=2"],
    ["xdstp://f/t/x", "xdstp://f/t/x"],
    ["xdstp://f/t/x?b=1&a=2", "xdstp://f/t/x?a=2&b=1"],
    ["xdstp://f/t/x?a=1&a-b=2", "xdstp://f/t/x?a=1&a-b=2"],
    ["xdstp://f/t/x?b=1&a=2#alt=xdstp://f/t/y?d=1&c=1", "xdstp://f/t/x?a=2&b=1#alt=xdstp://f/t/y?d=1&c=1"],
  ])("of %s are in the order of their keys in %s", (name, canonical) => {
    expect(canonicalName(name)).toBe(canonical);
  });

  const own = `${prefix}/a/two?y=2&x=1`;
  const asked = `${prefix}/a/two?x=1&y=2`;

  test.each(variants)("may be in any order, and in %s the answer goes by the name that was asked for", (variant) => {
    const stream = start(variant, [asked], clusters("plain", own));
    expect(short(stream.responses)).toEqual(["+a/two?x=1&y=2"]);
    stream.ack("cluster", variant === "sotw" ? { names: [asked] } : {});
    expect(stream.publish(clusters("plain", own, "more"))).toEqual([]);
  });

  test.each(variants)("may be in any order in the name of a collection, too (%s)", (variant) => {
    const stream = start(variant, [`${prefix}/a/*?x=1&y=2`], clusters("plain", own));
    expect(short(stream.responses)).toEqual(["+a/two?y=2&x=1"]);
  });

  test("in delta it is told when what it asked for goes, and when it comes", () => {
    const stream = start("delta", [asked], clusters("plain", own));
    stream.ack("cluster");
    stream.publish(clusters("plain"));
    expect(short(stream.wait(60_000))).toEqual(["-a/two?x=1&y=2"]);
    stream.ack("cluster");
    expect(short(stream.publish(clusters("plain", own)))).toEqual(["+a/two?x=1&y=2"]);
  });

  test.each(variants)("may be in any order where a cluster refers to its endpoints (%s)", (variant) => {
    const name = "xdstp://fleet/envoy.config.endpoint.v3.ClusterLoadAssignment/e";
    const names = [`${name}?a=1&b=2`];
    const written = `${name}?b=2&a=1`;
    const build = (content: string) => {
      const references = [{ typeUrl: typeUrls.endpoints, name: written }];
      return fakeSnapshot([
        fakeResource(typeUrls.cluster, "c", { content, references }),
        fakeResource(typeUrls.endpoints, written),
      ]);
    };
    const stream = new DrivenStream(variant);
    stream.publish(build("one"));
    stream.ask("cluster");
    stream.ack("cluster");
    stream.ask("endpoints", { names });
    stream.ack("endpoints", variant === "sotw" ? { names } : {});
    // A cluster that changed waits for its endpoints again.
    expect(shown(stream.publish(build("two")))).toEqual(["clusters +c", `endpoints +${name}?a=1&b=2`]);
  });

  test.each(variants)(
    "may be in any order where a listener refers to its routes, and nothing waits for them (%s)",
    (variant) => {
      const name = "xdstp://fleet/envoy.config.route.v3.RouteConfiguration/r";
      const names = [`${name}?a=1&b=2`];
      const references = [{ typeUrl: typeUrls.route, name: `${name}?b=2&a=1` }];
      const stream = new DrivenStream(variant);
      stream.publish(
        fakeSnapshot([
          fakeResource(typeUrls.cluster, "c"),
          fakeResource(typeUrls.listener, "l", { references }),
          fakeResource(typeUrls.route, `${name}?b=2&a=1`),
        ]),
      );
      for (const type of ["cluster", "listener"] as const) {
        stream.ask(type);
        stream.ack(type);
      }
      expect(stream.kinds()).not.toContain("synced");
      stream.ask("route", { names });
      stream.ack("route", variant === "sotw" ? { names } : {});
      expect(stream.kinds()).toContain("synced");
    },
  );

  test("of a name that also a wildcard has do not make two of one", () => {
    expect(short(start("delta", ["*", asked], clusters("plain", own)).responses)).toEqual(["+plain +a/two?x=1&y=2"]);
    expect(short(start("sotw", [asked, own], clusters("plain", own)).responses)).toEqual([
      "+a/two?x=1&y=2 +a/two?y=2&x=1",
    ]);
  });

  test("in SotW the asked name is in a wrapper around what has another name, and around nothing else", () => {
    const stream = start("sotw", [asked, "plain"], clusters("plain", own));
    const [response] = stream.responses;
    if (response === undefined) throw new Error("nothing was sent");
    const { resources } = DiscoveryResponse.decode(frameResponse("sotw", response, "test").subarray(5));
    const [plain, wrapped] = resources;
    expect(plain?.typeUrl).toBe(typeUrls.cluster);
    expect(wrapped?.typeUrl).toBe("type.googleapis.com/envoy.service.discovery.v3.Resource");
    const { name, resource } = Wrapped.decode(wrapped?.value ?? new Uint8Array());
    expect([name, resource?.typeUrl]).toEqual([asked, typeUrls.cluster]);
  });
});
