/**
 * What streams of one server have in common, and what they must not: a response made for many, and for one.
 */
import { describe, expect, test } from "vitest";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import { contentHash } from "../../../src/support/hash.ts";
import { createNamePool } from "../../../src/xds/name-pool.ts";
import { createSharedResponses } from "../../../src/xds/shared-responses.ts";
import type { ResourceCache, SnapshotNotation } from "../../support/build-snapshot.ts";
import { buildSnapshot } from "../../support/build-snapshot.ts";
import { DrivenStream, settledStream, shown } from "./driven-stream.ts";

const cache: ResourceCache = new Map();
const built = new Map<string, Snapshot>();

/** One object for one content, as a server publishes it. */
function build(notation: SnapshotNotation): Snapshot {
  const key = contentHash([JSON.stringify(notation)]);
  const known = built.get(key) ?? buildSnapshot(notation, cache);
  built.set(key, known);
  return known;
}

const base: SnapshotNotation = {
  clusters: { a: ["10.0.0.1"], b: ["10.0.0.2"] },
  listeners: { l: "r" },
  routes: { r: ["a"] },
};
const moved: SnapshotNotation = { ...base, clusters: { a: ["10.0.0.9"], b: ["10.0.0.2"] } };
const names = ["a", "b"];

describe.each(["delta", "sotw"] as const)("%s", (variant) => {
  test("streams that hold the same and want the same are given one response", () => {
    const shared = createSharedResponses();
    const [one, two] = [1, 2].map(() => settledStream(variant, build(base), names, new Map(), shared));
    const [first] = one?.publish(build(moved)) ?? [];
    const [second] = two?.publish(build(moved)) ?? [];
    expect(shown([first].flatMap((response) => response ?? []))).toEqual(["endpoints +a"]);
    expect(second).toBe(first);
  });

  test("a stream that wants other names is given its own response", () => {
    const shared = createSharedResponses();
    const both = settledStream(variant, build(base), names, new Map(), shared);
    const one = new DrivenStream(variant, new Map(), shared);
    one.publish(build(base));
    one.ask("endpoints", { names: ["b"] });
    one.ack("endpoints", variant === "sotw" ? { names: ["b"] } : {});
    expect(shown(both.publish(build(moved)))).toEqual(["endpoints +a"]);
    expect(one.publish(build(moved))).toEqual([]);
  });

  test("what one client has rejected changes nothing for the others", () => {
    const shared = createSharedResponses();
    const bad = { ...base, clusters: { a: { hosts: ["10.0.0.1"], bad: true }, b: { hosts: ["10.0.0.2"], tune: 1 } } };
    const strict = settledStream(variant, build(base), names, new Map(), shared);
    strict.publish(build(bad));
    expect(shown(strict.reject("cluster", "cluster a: is bad"))).toEqual([
      variant === "delta" ? "clusters +a +b" : "clusters +a +b",
    ]);
    const lenient = settledStream(variant, build(base), names, new Map(), shared);
    const [sent] = lenient.publish(build(bad));
    expect(sent?.resources.map(({ version }) => version)).toEqual(
      [...(build(bad).tables.get("type.googleapis.com/envoy.config.cluster.v3.Cluster")?.resources.values() ?? [])].map(
        ({ version }) => version,
      ),
    );
  });

  test("a stream that goes back and forth is never given a nonce twice", () => {
    const shared = createSharedResponses();
    const streams = [1, 2, 3].map(() => settledStream(variant, build(base), names, new Map(), shared));
    const keep = variant === "sotw" ? { names } : {};
    for (const notation of [moved, base, moved, base, moved]) {
      for (const stream of streams) {
        stream.publish(build(notation));
        stream.ack("endpoints", keep);
      }
    }
    for (const { responses } of streams) {
      const nonces = responses.map(({ nonce }) => nonce);
      expect(new Set(nonces).size).toBe(nonces.length);
    }
    expect(streams[1]?.responses.at(-1)).toBe(streams[0]?.responses.at(-1));
  });
});

test("delta: names that do not exist do not keep a first sync from being shared, and are told once", () => {
  const shared = createSharedResponses();
  const [one, two] = [1, 2].map(() => new DrivenStream("delta", new Map(), shared));
  for (const stream of [one, two]) {
    stream?.publish(build(base));
    stream?.ask("endpoints", { names: ["a", "b", "x"] });
  }
  expect(one?.responses[0]).toBe(two?.responses[0]);
  expect(shown(one?.responses ?? [])).toEqual(["endpoints +a +b -x"]);
  expect(one?.ack("endpoints")).toEqual([]);
  expect(shown(one?.publish(build(moved)) ?? [])).toEqual(["endpoints +a"]);
  one?.ack("endpoints");
  const more = { ...moved, clusters: { ...moved.clusters, x: ["10.0.0.7"] } };
  expect(shown(one?.publish(build(more)) ?? [])).toEqual(["endpoints +x"]);
});

test("a first sync in parts goes on from the part that the client has, also when the snapshot changes between", () => {
  const hosts = (last: number) =>
    Array.from({ length: 60_000 }, (_, index) => `10.${index >> 16}.${index >> 8}.${last}`);
  const large = (last: number): SnapshotNotation => ({ clusters: { a: hosts(1), b: hosts(last), c: hosts(3) } });
  const shared = createSharedResponses();
  const [one, two] = [1, 2].map(() => new DrivenStream("delta", new Map(), shared));
  for (const stream of [one, two]) {
    stream?.publish(build(large(2)));
    stream?.ask("endpoints", { names: ["a", "b", "c"] });
  }
  expect(one?.responses).toEqual(two?.responses);
  expect(shown(one?.responses ?? [])).toEqual(["endpoints +a"]);
  expect(shown(one?.ack("endpoints") ?? [])).toEqual(["endpoints +b"]);
  two?.publish(build(large(9)));
  expect(shown(two?.ack("endpoints") ?? [])).toEqual(["endpoints +b"]);
  one?.publish(build(large(9)));
  expect(shown(one?.ack("endpoints") ?? [])).toEqual(["endpoints +b"]);
  for (const stream of [one, two]) expect(shown(stream?.ack("endpoints") ?? [])).toEqual(["endpoints +c"]);
  for (const stream of [one, two]) expect(shown(stream?.ack("endpoints") ?? [])).toEqual([]);
});

describe("sets of names", () => {
  test("are the same object whatever the order and however they came about", () => {
    const pool = createNamePool();
    const ab = pool.of(["a", "b"]);
    expect(pool.of(["b", "a", "a"])).toBe(ab);
    expect(pool.change(pool.of(["a", "c"]), { added: ["b"], dropped: ["c"] })).toBe(ab);
    expect(pool.of(["a"])).not.toBe(ab);
    expect(pool.change(ab, { added: ["a"], dropped: [] })).toBe(ab);
  });
});
