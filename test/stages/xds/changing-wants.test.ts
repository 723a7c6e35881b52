/**
 * Clients that change what they want at odd times: everything dropped, wanted again, or never there.
 */
import { describe, expect, test } from "vitest";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import type { ResourceCache, SnapshotNotation } from "../../support/build-snapshot.ts";
import { buildSnapshot } from "../../support/build-snapshot.ts";
import { DrivenStream, settledStream, shown } from "./driven-stream.ts";

const cache: ResourceCache = new Map();
const build = (notation: SnapshotNotation): Snapshot => buildSnapshot(notation, cache);

const base: SnapshotNotation = {
  clusters: { a: ["10.0.0.1"], b: ["10.0.0.2"] },
  listeners: { l: "r" },
  routes: { r: ["a"] },
};
const first = build(base);

describe("a SotW client", () => {
  test("that names its clusters is told when none of them is left", () => {
    const stream = new DrivenStream("sotw");
    stream.publish(first);
    stream.ask("cluster", { names: ["b"] });
    stream.ack("cluster", { names: ["b"] });
    stream.publish(build({ ...base, clusters: { a: ["10.0.0.1"] } }));
    const told = [16_000, 16_000, 600_000, 30_000].flatMap((ms) => shown(stream.wait(ms)));
    expect(told).toEqual(["clusters"]);
  });

  test("that names a cluster that does not exist is told so, and is sent it when it comes", () => {
    const stream = new DrivenStream("sotw");
    stream.publish(first);
    expect(shown(stream.ask("cluster", { names: ["c"] }))).toEqual(["clusters"]);
    stream.ack("cluster", { names: ["c"] });
    const more = build({ ...base, clusters: { ...base.clusters, c: ["10.0.0.3"] } });
    expect([...shown(stream.publish(more)), ...shown(stream.wait(16_000))]).toEqual(["clusters +c"]);
  });

  test("that wanted nothing for a while is sent all of it when it wants it again", () => {
    const stream = new DrivenStream("sotw");
    stream.publish(first);
    stream.ask("cluster", { names: ["*"] });
    stream.ack("cluster", { names: ["*"] });
    expect(shown(stream.ask("cluster", { nonce: stream.last("cluster").nonce }))).toEqual([]);
    const again = stream.ask("cluster", { names: ["*"], nonce: stream.last("cluster").nonce });
    expect(shown(again)).toEqual(["clusters +a +b"]);
  });

  test("that dropped the names of its first response and never took it is answered when it asks again", () => {
    const stream = new DrivenStream("sotw");
    stream.publish(first);
    expect(shown(stream.ask("endpoints", { names: ["a"] }))).toEqual(["endpoints +a"]);
    expect(shown(stream.ask("endpoints", { names: [] }))).toEqual([]);
    expect(shown(stream.ask("endpoints", { names: ["b"] }))).toEqual(["endpoints +b"]);
  });

  test("that asks for more and then drops what is under way is answered with what is left", () => {
    const stream = new DrivenStream("sotw");
    stream.publish(first);
    expect(shown(stream.ask("endpoints", { names: ["a"] }))).toEqual(["endpoints +a"]);
    expect(shown(stream.ask("endpoints", { names: ["a", "b"] }))).toEqual([]);
    expect(shown(stream.ask("endpoints", { names: ["b"] }))).toEqual(["endpoints +b"]);
  });

  test("that drops what is under way, asks for it again and then takes it is not sent the others again", () => {
    const stream = new DrivenStream("sotw");
    stream.publish(first);
    const names = ["a", "b"];
    stream.ask("endpoints", { names });
    stream.ack("endpoints", { names });
    const { nonce } = stream.last("endpoints");
    const moved = build({ ...base, clusters: { a: ["10.0.0.9"], b: ["10.0.0.2"] } });
    expect(shown(stream.publish(moved))).toEqual(["endpoints +a"]);
    const underWay = stream.last("endpoints").nonce;
    expect(stream.ask("endpoints", { names: ["b"], nonce })).toEqual([]);
    expect(shown(stream.ask("endpoints", { names, nonce }))).toEqual(["endpoints +a"]);
    expect(stream.ask("endpoints", { names, nonce: underWay })).toEqual([]);
    expect(stream.ack("endpoints", { names }), "the late answer asked for nothing").toEqual([]);
  });
});

test("a delta client that asks again for what it has, and what is to come in a later step, is sent it then", () => {
  const stream = settledStream("delta", first, ["a", "b"]);
  stream.publish(build({ ...base, listeners: { l: "r2" }, routes: { r2: ["a"] } }));
  stream.ack("listener");
  stream.ask("route", { names: ["r2"] });
  stream.ack("route");
  const back = build({ ...base, clusters: { ...base.clusters, c: ["10.0.0.3"] } });
  expect(shown(stream.publish(back))).toEqual(["clusters +c"]);
  expect(stream.ask("route", { names: ["r"] }), "the new clusters come first").toEqual([]);
  const sent = [...stream.ask("endpoints", { names: ["c"] }), ...stream.ack("cluster"), ...stream.ack("endpoints")];
  expect(shown(sent)).toEqual(["endpoints +c", "listeners +l", "routes +r"]);
});

test.each(["delta", "sotw"] as const)(
  "%s: a client that first asks for a secret it never received is not taken for a new one when it turns out to have listeners",
  (variant) => {
    const stream = new DrivenStream(variant);
    stream.publish(build({ ...base, secrets: ["s"] }));
    stream.ask("secret", { names: ["s"] });
    stream.ack("secret", variant === "sotw" ? { names: ["s"] } : {});
    const held = variant === "sotw" ? { versionInfo: "0011223344556677" } : { versions: { l: "0011223344556677" } };
    expect(shown(stream.ask("listener", held)), "before its clusters are known").toEqual([]);
  },
);

test("a SotW client that asks again while other endpoints are under way is sent what is not among them", () => {
  const stream = new DrivenStream("sotw");
  stream.publish(first);
  const names = ["a", "b"];
  stream.ask("endpoints", { names });
  const { nonce, versionInfo } = stream.last("endpoints");
  stream.ack("endpoints", { names });
  stream.publish(build({ ...base, clusters: { a: ["10.0.0.9"], b: ["10.0.0.2"] } }));
  expect(shown(stream.ask("endpoints", { names, nonce, versionInfo }))).toEqual([]);
  expect(shown(stream.ack("endpoints", { names }))).toEqual(["endpoints +b"]);
});

test.each(["delta", "sotw"] as const)("%s: a wildcard that ends before it was answered holds nothing up", (variant) => {
  const stream = new DrivenStream(variant);
  stream.publish(first);
  stream.ask("cluster", { names: ["a"] });
  stream.ask("listener", { names: ["*", "nothing"] });
  stream.ask("listener", variant === "sotw" ? { names: [] } : { drop: ["*", "nothing"] });
  stream.ack("cluster", variant === "sotw" ? { names: ["a"] } : {});
  expect(shown(stream.wait(16_000)), "nothing is wanted").toEqual([]);
  stream.wait(600_000);
  expect(stream.kinds()).toContain("synced");
});

test.each(["delta", "sotw"] as const)(
  "%s: a client that turns out to come back is not shown what a change that overtook its requests began from",
  (variant) => {
    const stream = new DrivenStream(variant);
    const held = (type: string) =>
      variant === "sotw" ? { versionInfo: "0011223344556677" } : { versions: { [type]: "0011223344556677" } };
    stream.publish(build({ ...base, clusters: { f: ["10.0.0.6"] }, routes: { r: ["f"] } }));
    stream.ask("secret", { names: ["s"] });
    stream.publish(build({ ...base, clusters: { f: ["10.0.0.6"], a: ["10.0.0.1"] }, routes: { r: ["f"] } }));
    stream.ask("endpoints", { names: ["a"], ...held("a") });
    stream.ask("listener", held("l"));
    expect(shown(stream.ask("route", { names: ["r"], ...held("r") })), "before its clusters are known").toEqual([]);
  },
);
