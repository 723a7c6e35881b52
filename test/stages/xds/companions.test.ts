/**
 * A node that asks for each type on a stream of its own: its streams wait for each other as one stream would.
 */
import { describe, expect, test } from "vitest";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import { buildSnapshot } from "../../support/build-snapshot.ts";
import { createSharedResponses } from "../../../src/xds/shared-responses.ts";
import { DrivenStream, shown } from "./driven-stream.ts";

const updates = { graceMs: 5_000, deadlineMs: 15_000 };
const leadingTo = (cluster: string) =>
  buildSnapshot({ clusters: { [cluster]: ["10.0.0.1"] }, listeners: { l: "r" }, routes: { r: [cluster] }, updates });

type Name = "cluster" | "endpoints" | "listener" | "route";

/** Streams of one node by what they are for; `endpoints b` is the second one of its type. */
class SeparateNode {
  readonly streams = new Map<string, DrivenStream>();
  readonly #variant: "delta" | "sotw";
  readonly #shared = createSharedResponses();
  #snapshot: Snapshot;
  #nowMs = 1_000;

  constructor(variant: "delta" | "sotw", snapshot: Snapshot) {
    this.#variant = variant;
    this.#snapshot = snapshot;
  }

  open(key: string, names: readonly string[] = []): readonly string[] {
    const others = () => [...this.streams].filter(([other]) => other !== key).map(([, stream]) => stream);
    const stream = new DrivenStream(this.#variant, new Map(), this.#shared, others);
    this.streams.set(key, stream);
    stream.nowMs = this.#nowMs;
    stream.publish(this.#snapshot);
    return shown(stream.ask(typeOf(key), { names }));
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
});
