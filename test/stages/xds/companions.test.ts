/**
 * A node that asks for each type on a stream of its own: its streams wait for each other as one stream would.
 */
import { describe, expect, test } from "vitest";
import type { Snapshot, TypeTable } from "../../../src/snapshot/snapshot.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { buildSnapshot } from "../../support/build-snapshot.ts";
import { createSharedResponses } from "../../../src/xds/shared-responses.ts";
import type { Rejections } from "../../../src/xds/stream-state.ts";
import type { Ask } from "./driven-stream.ts";
import { DrivenStream, shown } from "./driven-stream.ts";

const updates = { graceMs: 5_000, deadlineMs: 15_000 };
const leadingTo = (cluster: string) =>
  buildSnapshot({ clusters: { [cluster]: ["10.0.0.1"] }, listeners: { l: "r" }, routes: { r: [cluster] }, updates });

type Name = "cluster" | "endpoints" | "listener" | "route";

/** Streams of one node by what they are for; `endpoints b` is the second one of its type. */
class SeparateNode {
  readonly streams = new Map<string, DrivenStream>();
  /** What the server remembers of each type. */
  earlier: readonly TypeTable[] | undefined;
  readonly #variant: "delta" | "sotw";
  readonly #shared = createSharedResponses();
  readonly #rejections: Rejections = new Map();
  #snapshot: Snapshot;
  #nowMs = 1_000;

  constructor(variant: "delta" | "sotw", snapshot: Snapshot) {
    this.#variant = variant;
    this.#snapshot = snapshot;
  }

  open(key: string, names: readonly string[] = [], ask: Ask = {}): readonly string[] {
    const others = () => [...this.streams].filter(([other]) => other !== key).map(([, stream]) => stream);
    const stream = new DrivenStream(this.#variant, this.#rejections, this.#shared, others);
    this.streams.set(key, stream);
    stream.nowMs = this.#nowMs;
    stream.publish(this.#snapshot);
    if (this.earlier !== undefined) stream.earlier.set(typeUrls[typeOf(key)], this.earlier);
    return shown(stream.ask(typeOf(key), { names, ...ask }));
  }

  /** In SotW the names are said again. */
  reject(key: string, error: string, names: readonly string[] = []): readonly string[] {
    const again = this.#variant === "sotw" ? { names } : {};
    return this.#told(() => this.#get(key).reject(typeOf(key), error, again));
  }

  publish(snapshot: Snapshot): readonly string[] {
    this.#snapshot = snapshot;
    return this.#told(() => this.streams.forEach((stream) => stream.publish(snapshot)));
  }

  /** Acknowledges on one stream; what all of them then send. */
  ack(key: string, names: readonly string[] = []): readonly string[] {
    return this.#told(() => this.#get(key).ack(typeOf(key), this.#variant === "sotw" ? { names } : {}));
  }

  wait(ms: number): readonly string[] {
    this.#nowMs += ms;
    return this.#told(() => this.streams.forEach((stream) => (stream.nowMs = this.#nowMs)));
  }

  #told(act: () => unknown): readonly string[] {
    const before = new Map([...this.streams].map(([key, { responses }]) => [key, responses.length]));
    act();
    // As the server does: whoever waits looks again after each step of another.
    for (let round = 0; round < 4; round += 1) for (const stream of this.streams.values()) stream.wait(0);
    return [...this.streams].flatMap(([key, { responses }]) => shown(responses.slice(before.get(key))));
  }

  #get(key: string): DrivenStream {
    const stream = this.streams.get(key);
    if (stream === undefined) throw new Error(`no stream ${key}`);
    return stream;
  }
}

function versionsOf(snapshot: Snapshot): readonly string[] {
  return [...(snapshot.tables.get(typeUrls.endpoints)?.resources.values() ?? [])].map(({ version }) => version);
}

function typeOf(key: string): Name {
  return key.split(" ")[0] as Name;
}

describe.each(["delta", "sotw"] as const)("%s", (variant) => {
  function settled(): SeparateNode {
    const node = new SeparateNode(variant, leadingTo("a"));
    node.open("cluster");
    node.ack("cluster");
    node.open("endpoints a", ["a"]);
    node.ack("endpoints a", ["a"]);
    expect(node.open("listener")).toEqual(["listeners +l"]);
    node.ack("listener");
    expect(node.open("route", ["r"])).toEqual(["routes +r"]);
    node.ack("route", ["r"]);
    return node;
  }

  test("routes on a stream of their own wait for the endpoints on theirs, and a little longer", () => {
    const node = settled();
    const all = variant === "delta" ? "clusters +b" : "clusters +a +b";
    expect(node.publish(leadingTo("b"))).toEqual([all]);
    expect(node.ack("cluster")).toEqual([]);
    expect(node.wait(5_000)).toEqual([]);
    expect(node.open("endpoints b", ["b"])).toEqual(["endpoints +b"]);
    expect(node.ack("endpoints b", ["b"])).toEqual([]);
    expect(node.wait(900)).toEqual([]);
    expect(node.wait(200)).toEqual(["routes +r"]);
  });

  test("clusters stay until the routes on another stream have left them, and for the grace", () => {
    const node = settled();
    node.publish(leadingTo("b"));
    node.ack("cluster");
    node.open("endpoints b", ["b"]);
    node.ack("endpoints b", ["b"]);
    expect(node.wait(1_100)).toEqual(["routes +r"]);
    expect(node.wait(10_000)).toEqual([]);
    node.ack("route", ["r"]);
    expect(node.wait(4_000)).toEqual([]);
    expect(node.wait(2_000)).toEqual([variant === "delta" ? "clusters -a" : "clusters +b"]);
  });

  test("a change of routes alone does not wait", () => {
    const node = settled();
    const tuned = { clusters: { a: ["10.0.0.1"] }, listeners: { l: "r" }, routes: { r: { clusters: ["a"], tune: 1 } } };
    expect(node.publish(buildSnapshot({ ...tuned, updates }))).toEqual(["routes +r"]);
  });

  test("a stream that begins in the middle of a change is shown what the others keep", () => {
    const node = settled();
    node.publish(leadingTo("b"));
    node.ack("cluster");
    expect(node.open("endpoints a of a new cluster", ["a"])).toEqual(["endpoints +a"]);
  });

  test("the first listeners wait for what was asked for before them on other streams", () => {
    const node = new SeparateNode(variant, leadingTo("a"));
    node.open("cluster");
    node.ack("cluster");
    node.wait(16_000);
    node.open("endpoints a", ["a"]);
    expect(node.open("listener")).toEqual([]);
    expect(node.ack("endpoints a", ["a"])).toEqual(["listeners +l"]);
  });

  test("a node that starts is shown no listener while more of its clusters is under way", () => {
    const node = new SeparateNode(variant, leadingTo("a"));
    node.open("cluster");
    node.ack("cluster");
    node.open("endpoints a", ["a"]);
    node.ack("endpoints a", ["a"]);
    const added = [...node.publish(leadingTo("b")), ...node.wait(1_000)];
    expect(added).toEqual([variant === "delta" ? "clusters +b" : "clusters +a +b"]);
    expect(node.open("listener")).toEqual([]);
  });

  test("what a node rejected is not forgotten when it opens a stream for something new", () => {
    const node = settled();
    node.publish(leadingTo("b"));
    node.reject("cluster", "b: no");
    node.open("route s", ["s"]);
    const sent = [...node.ack("cluster"), ...node.wait(60_000)];
    expect(sent.join()).not.toContain("+b");
  });

  test("endpoints that were rejected for a cluster give way to the last good ones for its successor", () => {
    const node = settled();
    const next = (tune: number) => {
      const clusters = { a: { hosts: ["10.0.0.2"], tune } };
      return buildSnapshot({ clusters, listeners: { l: "r" }, routes: { r: ["a"] }, updates });
    };
    node.publish(next(0));
    node.reject("endpoints a", "a: no");
    node.ack("endpoints a", ["a"]);
    node.publish(next(1));
    node.ack("cluster");
    node.open("endpoints a of the new cluster", ["a"]);
    const [given] = node.streams.get("endpoints a of the new cluster")?.responses ?? [];
    expect(given?.resources.map(({ version }) => version)).toEqual(versionsOf(leadingTo("a")));
  });

  test("endpoints that are rejected on the stream of the new cluster give way to those on the stream before", () => {
    const node = settled();
    const next = (clusters: readonly string[], hosts: readonly string[]) =>
      buildSnapshot({
        clusters: Object.fromEntries(clusters.map((name) => [name, { hosts, tune: 1 }])),
        listeners: { l: "r" },
        routes: { r: [clusters.at(-1) ?? ""] },
        updates,
      });
    node.publish(next(["a"], ["10.0.0.2"]));
    node.ack("cluster");
    node.open("endpoints a of the new cluster", ["a"]);
    node.publish(next(["a", "b"], []));
    node.reject("endpoints a of the new cluster", "a: no", ["a"]);
    const given = node.streams.get("endpoints a of the new cluster")?.responses.at(-1);
    expect(
      given?.resources.map(({ version }) => version),
      "and not to none, while a route leads there",
    ).toEqual(versionsOf(leadingTo("a")));
  });
});

test("what a node that comes back holds is known on the streams that it opens later", () => {
  const before = leadingTo("a").tables.get(typeUrls.endpoints);
  const version = [...(before?.resources.values() ?? [])][0]?.version ?? "";
  const clusters = { a: { hosts: [], tune: 1 }, b: ["10.0.0.1"] };
  const node = new SeparateNode(
    "delta",
    buildSnapshot({ clusters, listeners: { l: "r" }, routes: { r: ["b"] }, updates }),
  );
  node.earlier = before === undefined ? [] : [before];
  node.open("cluster", [], { versions: { a: "0011223344556677" } });
  node.open("endpoints a", ["a"], { versions: { a: version } });
  node.open("endpoints a of the new cluster", ["a"]);
  const [given] = node.streams.get("endpoints a of the new cluster")?.responses ?? [];
  expect(given?.resources.map((resource) => resource.hostCount)).toEqual([1]);
});

test("a secret that is gone with the cluster that named it holds no listener up", () => {
  const clusters = { a: ["10.0.0.1"], b: { hosts: ["10.0.0.1"], secrets: ["s"] } };
  const before = buildSnapshot({ clusters, secrets: ["s"] }).tables.get(typeUrls.cluster);
  const node = new SeparateNode("sotw", leadingTo("a"));
  node.earlier = before === undefined ? [] : [before];
  node.open("cluster", [], { versionInfo: before?.version ?? "" });
  node.ack("cluster");
  node.open("endpoints a", ["a"]);
  node.ack("endpoints a", ["a"]);
  node.open("endpoints b", ["b"]);
  node.ack("endpoints b", ["b"]);
  expect(node.open("listener")).toEqual(["listeners +l"]);
});
