/**
 * The stream machine in both variants: subscriptions, differences, verdicts.
 */
import { describe, expect, test } from "vitest";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
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

const variants = ["delta", "sotw"] as const;

describe.each(variants)("%s", (variant) => {
  const names = (list: readonly string[]) => (variant === "sotw" ? { names: list } : {});

  test("says nothing before there is a snapshot, and answers what was asked when it comes", () => {
    const stream = new DrivenStream(variant);
    expect(stream.ask("cluster")).toEqual([]);
    expect(shown(stream.publish(first))).toEqual(["clusters +a +b"]);
  });

  test("answers the first wildcard request even if there is nothing", () => {
    const stream = new DrivenStream(variant);
    stream.publish(build({}));
    expect(shown(stream.ask("cluster"))).toEqual(["clusters"]);
  });

  test("never answers a type that xDS does not deliver, and goes on", () => {
    const stream = new DrivenStream(variant);
    stream.publish(first);
    expect(stream.ask("runtime", { names: ["x"] }).length).toBeLessThanOrEqual(1);
    expect(shown(stream.ask("cluster"))).toEqual(["clusters +a +b"]);
  });

  test("sends a named resource when it comes to be, at any later time", () => {
    const stream = settledStream(variant, first, ["a", "b"]);
    stream.ask("endpoints", { names: ["a", "b", "later"] });
    stream.ack("endpoints", names(["a", "b", "later"]));
    const more = { ...base, clusters: { ...base.clusters, later: ["10.0.0.9"] } };
    stream.publish(build(more));
    const sent = [...shown(stream.ack("cluster")), ...stream.responses.map((response) => shown([response])[0])];
    expect(sent).toContain("endpoints +later");
  });

  test("sends the unchanged endpoints behind a cluster that changed", () => {
    const stream = settledStream(variant, first, ["a", "b"]);
    const tuned = { ...base, clusters: { a: { hosts: ["10.0.0.1"], tune: 2 }, b: ["10.0.0.2"] } };
    const sent = shown(stream.publish(build(tuned)));
    expect(sent).toEqual([variant === "delta" ? "clusters +a" : "clusters +a +b", "endpoints +a"]);
  });

  test("sends endpoint changes alone at once, also while another change waits for its ACK", () => {
    const stream = settledStream(variant, first, ["a", "b"]);
    const tuned = { ...base, clusters: { a: { hosts: ["10.0.0.1"], tune: 3 }, b: ["10.0.0.2"] } };
    stream.publish(build(tuned));
    stream.ack("endpoints", names(["a", "b"]));
    const moved = { ...base, clusters: { a: { hosts: ["10.0.0.1"], tune: 3 }, b: ["10.0.0.7"] } };
    expect(shown(stream.publish(build(moved)))).toEqual(["endpoints +b"]);
  });

  test("has one unacknowledged response of a type, and the newest state behind it", () => {
    const stream = settledStream(variant, first, ["a", "b"]);
    const hosts = (host: string) => build({ ...base, clusters: { a: [host], b: ["10.0.0.2"] } });
    expect(shown(stream.publish(hosts("10.0.0.3")))).toEqual(["endpoints +a"]);
    expect(stream.publish(hosts("10.0.0.4"))).toEqual([]);
    expect(stream.publish(hosts("10.0.0.5"))).toEqual([]);
    expect(stream.ack("endpoints", names(["a", "b"]))[0]?.resources).toEqual([
      hosts("10.0.0.5")
        .tables.get(typeUrls.endpoints)
        ?.resources.get("a" as never),
    ]);
  });

  test("knows a NACK by its error, whatever its version says", () => {
    const stream = settledStream(variant, first, ["a", "b"]);
    stream.publish(build({ ...base, clusters: { ...base.clusters, c: ["10.0.0.3"] } }));
    const { versionInfo } = stream.last("cluster");
    stream.reject("cluster", "c is bad", { versionInfo });
    expect(stream.kinds()).toContain("rejected");
  });

  test("does not send rejected content again, and sends the name when its content changes", () => {
    const stream = settledStream(variant, first, ["a", "b"]);
    const withBad = (tune: number) =>
      build({ ...base, clusters: { ...base.clusters, bad: { hosts: ["10.0.0.3"], tune } } });
    stream.publish(withBad(1));
    const after = stream.reject("cluster", "Error adding/updating cluster(s) bad: no");
    expect(shown(after).filter((text) => text.includes("bad"))).toEqual([]);
    // What was not at fault may be sent once more.
    if (after.length > 0) stream.ack("cluster");
    expect(shown(stream.publish(withBad(2))).join()).toContain("+bad");
  });

  test("keeps what is rejected from a later stream of the same node as well", () => {
    const rejections = new Map();
    const stream = new DrivenStream(variant, rejections);
    const snapshot = build({ clusters: { good: ["10.0.0.1"], bad: ["10.0.0.2"] } });
    stream.publish(snapshot);
    stream.ask("cluster");
    stream.reject("cluster", "bad: no");
    const again = new DrivenStream(variant, rejections);
    again.publish(snapshot);
    const holding = { versions: { other: "1" }, versionInfo: "1" };
    expect(shown(again.ask("cluster", holding)).join()).not.toContain("bad");
  });

  test("gives a client that holds nothing, and so is a new process, another try", () => {
    const rejections = new Map();
    const stream = new DrivenStream(variant, rejections);
    const snapshot = build({ clusters: { good: ["10.0.0.1"], bad: ["10.0.0.2"] } });
    stream.publish(snapshot);
    stream.ask("cluster");
    stream.reject("cluster", "bad: the port is taken");
    const restarted = new DrivenStream(variant, rejections);
    restarted.publish(snapshot);
    expect(shown(restarted.ask("cluster"))).toEqual(["clusters +bad +good"]);
  });

  test("holds a response whose rejection names nothing, without a loop", () => {
    const stream = new DrivenStream(variant);
    stream.publish(first);
    stream.ask("cluster");
    let rejected = 0;
    for (; rejected < 20; rejected += 1) {
      const before = stream.responses.length;
      stream.reject("cluster", "something is wrong");
      if (stream.responses.length === before) break;
    }
    expect(rejected).toBeLessThan(5);
  });

  test("uses a nonce once, and never an empty one", () => {
    const stream = settledStream(variant, first, ["a", "b"]);
    const nonces = stream.responses.map(({ nonce }) => nonce);
    expect(new Set(nonces).size).toBe(nonces.length);
    expect(nonces).not.toContain("");
  });

  test("takes a request with an old nonce for no verdict", () => {
    const stream = settledStream(variant, first, ["a", "b"]);
    const old = stream.last("endpoints").nonce;
    stream.publish(build({ ...base, clusters: { a: ["10.0.0.8"], b: ["10.0.0.2"] } }));
    const acks = stream.kinds().filter((kind) => kind === "acked").length;
    stream.ask("endpoints", { ...names(["a", "b"]), nonce: old });
    expect(stream.kinds().filter((kind) => kind === "acked")).toHaveLength(acks);
  });
});

describe("sotw only", () => {
  test("sends all clusters when one changed, and only the endpoints that did", () => {
    const stream = settledStream("sotw", first, ["a", "b"]);
    const next = { ...base, clusters: { a: { hosts: ["10.0.0.9"], tune: 1 }, b: ["10.0.0.2"] } };
    expect(shown(stream.publish(build(next)))).toEqual(["clusters +a +b", "endpoints +a"]);
  });

  test("answers names that are new in a request, even if they were sent before", () => {
    const stream = settledStream("sotw", first, ["a", "b"]);
    stream.ask("endpoints", { names: ["a"], nonce: stream.last("endpoints").nonce });
    expect(shown(stream.ask("endpoints", { names: ["a", "b"], nonce: stream.last("endpoints").nonce }))).toEqual([
      "endpoints +b",
    ]);
  });

  test("takes the names of a request with an old nonce", () => {
    const stream = settledStream("sotw", first, ["a"]);
    const old = stream.last("endpoints").nonce;
    stream.publish(build({ ...base, clusters: { a: ["10.0.0.8"], b: ["10.0.0.2"] } }));
    stream.ask("endpoints", { names: ["a", "b"], nonce: old });
    expect(shown(stream.ack("endpoints", { names: ["a", "b"] }))).toEqual(["endpoints +b"]);
  });

  test("answers unknown endpoints with an empty load assignment, so that nothing waits for them", () => {
    const stream = new DrivenStream("sotw");
    stream.publish(first);
    const [answer] = stream.ask("endpoints", { names: ["nowhere"] });
    expect(answer?.resources.map(({ name, hostCount }) => ({ name, hostCount }))).toEqual([
      { name: "nowhere", hostCount: 0 },
    ]);
  });

  test("is silent to a client that comes back with the current version of a full-state type", () => {
    const before = settledStream("sotw", first, ["a", "b"]);
    const stream = new DrivenStream("sotw");
    stream.publish(first);
    expect(stream.ask("cluster", { versionInfo: before.last("cluster").versionInfo })).toEqual([]);
  });

  test("keeps the clusters of earlier snapshots for a client that comes back with an unknown version", () => {
    const stream = new DrivenStream("sotw");
    const earlier = build({ ...base, clusters: { old: ["10.0.0.5"] }, routes: { r: ["old"] } });
    const table = earlier.tables.get(typeUrls.cluster);
    stream.earlier.set(typeUrls.cluster, table === undefined ? [] : [table]);
    stream.publish(first);
    expect(shown(stream.ask("cluster", { versionInfo: "unknown" }))).toEqual(["clusters +a +b +old"]);
  });
});

describe("delta only", () => {
  test("tells at once that a name does not exist, and only once", () => {
    const stream = new DrivenStream("delta");
    stream.publish(first);
    expect(shown(stream.ask("endpoints", { names: ["nowhere"] }))).toEqual(["endpoints -nowhere"]);
    expect(stream.ack("endpoints")).toEqual([]);
  });

  test("sends a name that is subscribed again", () => {
    const stream = settledStream("delta", first, ["a", "b"]);
    expect(shown(stream.ask("endpoints", { names: ["a"] }))).toEqual(["endpoints +a"]);
  });

  test("answers a name that is dropped under a wildcard with the resource", () => {
    const stream = settledStream("delta", first, ["a", "b"]);
    stream.ask("cluster", { names: ["a"] });
    stream.ack("cluster");
    expect(shown(stream.ask("cluster", { drop: ["a"] }))[0]).toBe("clusters +a");
  });

  test("answers a name that is dropped under a wildcard and does not exist with its removal", () => {
    const stream = settledStream("delta", first, ["a", "b"]);
    stream.ask("cluster", { names: ["x"] });
    stream.ack("cluster");
    expect(shown(stream.ask("cluster", { drop: ["x"] }))).toEqual(["clusters -x"]);
  });

  test("cuts a long response at about 1 MiB and sends the rest after its ACK", () => {
    const hosts = Array.from({ length: 20_000 }, (_, index) => `10.0.${index}`);
    const many = Object.fromEntries(["a", "b", "c", "d", "e", "f", "g"].map((name) => [name, hosts]));
    const stream = new DrivenStream("delta");
    stream.publish(build({ clusters: many }));
    stream.ask("cluster");
    stream.ack("cluster");
    const [cut] = stream.ask("endpoints", { names: Object.keys(many) });
    const sizeOf = (response: typeof cut) =>
      response?.resources.reduce((sum, { body }) => sum + body.byteLength, 0) ?? 0;
    expect(sizeOf(cut)).toBeLessThanOrEqual(1024 * 1024);
    const names = new Set(cut?.resources.map(({ name }) => name));
    while (names.size < 7) {
      const [rest] = stream.ack("endpoints");
      expect(rest?.resources.length).toBeGreaterThan(0);
      for (const { name } of rest?.resources ?? []) names.add(name);
    }
  });

  test("believes the versions that a client names, and sends only differences", () => {
    const clusters = first.tables.get(typeUrls.cluster)?.resources;
    const versions = Object.fromEntries([...(clusters?.values() ?? [])].map(({ name, version }) => [name, version]));
    const stream = new DrivenStream("delta");
    stream.publish(first);
    expect(stream.ask("cluster", { versions })).toEqual([]);
    const stale = new DrivenStream("delta");
    stale.publish(first);
    expect(shown(stale.ask("cluster", { versions: { ...versions, b: "old" } }))).toEqual(["clusters +b"]);
  });

  test("does not announce endpoints as removed: Envoy would keep them anyway", () => {
    const stream = settledStream("delta", build({ ...base, updates: { graceMs: 0 } }), ["a", "b"]);
    stream.publish(build({ ...base, clusters: { a: ["10.0.0.1"] }, updates: { graceMs: 0 } }));
    stream.wait(1_000);
    expect(shown(stream.responses)).toContain("clusters -b");
    expect(shown(stream.responses).filter((text) => text.startsWith("endpoints") && text.includes("-"))).toEqual([]);
  });
});
