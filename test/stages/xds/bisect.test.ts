/**
 * A node that rejects a response without saying which resource was bad is asked in parts, so often and no more.
 */
import { describe, expect, test } from "vitest";
import type { SnapshotNotation } from "../../support/build-snapshot.ts";
import { buildSnapshot, contentOf } from "../../support/build-snapshot.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import type { Rejections, Response } from "../../../src/xds/stream-state.ts";
import { DrivenStream, shown } from "./driven-stream.ts";

/** A client that takes clusters, and says of a response with a bad one only that something is wrong. */
class SilentClient {
  readonly stream: DrivenStream;
  /** What it has in force, as Envoy does: also the good ones of a rejected response. */
  readonly has = new Map<string, string>();
  rejections = 0;
  readonly #isBad: (response: Response) => boolean;

  constructor(
    variant: "delta" | "sotw",
    isBad = (response: Response) => response.resources.some((each) => contentOf(each).bad),
  ) {
    this.stream = new DrivenStream(variant);
    this.#isBad = isBad;
  }

  /** Answers until nothing more comes. */
  answerAll(responses: readonly Response[]): void {
    const queue = responses.filter(({ typeUrl }) => typeUrl === typeUrls.cluster);
    for (let count = 0; count < 200; count += 1) {
      const response = queue.shift();
      if (response === undefined) return;
      for (const each of response.resources) if (!contentOf(each).bad) this.has.set(each.name, each.version);
      const isBad = this.#isBad(response);
      if (isBad) this.rejections += 1;
      const answers = isBad ? this.stream.reject("cluster", "value must be > 0") : this.stream.ack("cluster");
      queue.push(...answers.filter(({ typeUrl }) => typeUrl === typeUrls.cluster));
    }
    throw new Error("it never ends");
  }
}

const names = Array.from({ length: 100 }, (_, index) => `c${index + 100}`);

function clusters(tune: number, bad: readonly string[] = []): SnapshotNotation {
  return { clusters: Object.fromEntries(names.map((name) => [name, { tune, bad: bad.includes(name) }])) };
}

describe.each(["delta", "sotw"] as const)("%s", (variant) => {
  test.each([1, 2, 3])("%i bad of a hundred that are not named are found, and all others arrive", (count) => {
    const bad = names.filter((_, index) => index % 37 === 5).slice(0, count);
    const client = new SilentClient(variant);
    client.answerAll([...client.stream.publish(buildSnapshot(clusters(1))), ...client.stream.ask("cluster")]);
    const wanted = buildSnapshot(clusters(2, bad));
    client.answerAll(client.stream.publish(wanted));
    for (const { name, version } of wanted.tables.get(typeUrls.cluster)?.resources.values() ?? []) {
      if (!bad.includes(name)) expect(client.has.get(name), name).toBe(version);
    }
    expect(client.rejections).toBeLessThanOrEqual(30);
    const blamed = client.stream.events.flatMap((event) =>
      event.kind === "rejected" || event.kind === "rejection-narrowed" ? [event.resources.map(({ name }) => name)] : [],
    );
    for (const name of bad) expect(blamed).toContainEqual([name]);
  });

  test("a client that rejects whatever it is sent is not asked for ever", () => {
    const client = new SilentClient(variant, () => true);
    client.answerAll([...client.stream.publish(buildSnapshot(clusters(1))), ...client.stream.ask("cluster")]);
    expect(client.rejections).toBeLessThanOrEqual(50);
    const again = client.rejections;
    client.answerAll(client.stream.wait(60_000));
    expect(client.rejections).toBe(again);
  });

  test("a bad one that is new among the good is left out, and the good stay", () => {
    const client = new SilentClient(variant);
    client.answerAll([...client.stream.publish(buildSnapshot(clusters(1))), ...client.stream.ask("cluster")]);
    const more = { clusters: { ...clusters(1).clusters, x: { bad: true }, y: {}, z: {} } };
    client.answerAll(client.stream.publish(buildSnapshot(more)));
    expect([client.has.has("y"), client.has.has("z"), client.has.has("x")]).toEqual([true, true, false]);
    expect(client.stream.last("cluster").removed).toEqual([]);
  });
});

test("sotw: new listeners are not taken away again to find out which of them was bad", () => {
  const stream = new DrivenStream("sotw");
  stream.publish(buildSnapshot({ listeners: { l1: "r" }, routes: { r: [] } }));
  stream.ask("listener");
  stream.ack("listener");
  stream.publish(buildSnapshot({ listeners: { l1: "r", l2: "r", l3: "r" }, routes: { r: [] } }));
  stream.ask("route", { names: ["r"] });
  stream.ack("route", { names: ["r"] });
  stream.reject("listener", "value must be > 0");
  const sent = stream.responses.filter(({ typeUrl }) => typeUrl === typeUrls.listener);
  expect(sent.map(({ resources }) => resources.length)).toEqual([1, 3]);
});

test("sotw: a cluster is not taken away again to find out which was bad, when the node's routes lead to it already", () => {
  const stream = new DrivenStream("sotw");
  const led = { listeners: { l: "r" }, routes: { r: ["c"] } };
  stream.publish(buildSnapshot({ ...led, clusters: { a: { tune: 1 }, c: { tune: 1 } } }));
  expect(shown(stream.ask("cluster"))).toEqual(["clusters +a +c"]);
  expect(shown(stream.reject("cluster", "c: no"))).toEqual(["clusters +a"]);
  stream.ack("cluster");
  expect(shown(stream.ask("listener")), "a node that starts has no other routes").toEqual(["listeners +l"]);
  stream.ack("listener");
  stream.ask("route", { names: ["r"] });
  stream.ack("route", { names: ["r"] });
  const next = buildSnapshot({ ...led, clusters: { a: { tune: 2 }, c: { tune: 2 } } });
  expect(shown(stream.publish(next))).toEqual(["clusters +a +c"]);
  expect(stream.reject("cluster", "value must be > 0")).toEqual([]);
});

test("endpoints that there are not are not suspected beside those that were rejected", () => {
  const stream = new DrivenStream("sotw");
  stream.publish(buildSnapshot({ clusters: { b: ["10.0.0.1"] } }));
  const wanted = ["b", "a"];
  expect(shown(stream.ask("endpoints", { names: wanted }))).toEqual(["endpoints +a +b"]);
  const again = shown(stream.reject("endpoints", "value must be > 0", { names: wanted }));
  expect(again, "which would be the same response").toEqual(["endpoints +a"]);
});

test("what the node had accepted before is not suspected beside those that were rejected", () => {
  const rejections: Rejections = new Map();
  const good = { a: ["10.0.0.1"], b: ["10.0.0.2"], c: ["10.0.0.3"] };
  const before = new DrivenStream("sotw", rejections);
  before.publish(buildSnapshot({ clusters: good }));
  before.ask("endpoints", { names: ["a"] });
  before.ack("endpoints", { names: ["a"] });
  before.publish(buildSnapshot({ clusters: { ...good, a: ["10.0.0.9"] } }));
  expect(shown(before.reject("endpoints", "a: no", { names: ["a"] }))).toEqual(["endpoints +a"]);
  const stream = new DrivenStream("sotw", rejections);
  stream.publish(buildSnapshot({ clusters: { ...good, a: ["10.0.0.9"] } }));
  const wanted = ["a", "b", "c"];
  expect(shown(stream.ask("endpoints", { names: wanted, versionInfo: "0011223344556677" }))).toEqual([
    "endpoints +a +b +c",
  ]);
  const again = shown(stream.reject("endpoints", "value must be > 0", { names: wanted }));
  expect(again, "all of it would be the same response").toEqual(["endpoints +a +b"]);
});

test("what was rejected together is tried in parts when another is found that was bad beside it", () => {
  const stream = new DrivenStream("sotw");
  stream.publish(buildSnapshot({ clusters: { a: ["10.0.0.1"], b: ["10.0.0.2"], c: ["10.0.0.3"] } }));
  expect(shown(stream.ask("endpoints", { names: ["b", "c"] }))).toEqual(["endpoints +b +c"]);
  const all = ["b", "c", "a"];
  stream.ask("endpoints", { names: all });
  const next = () => shown(stream.reject("endpoints", "value must be > 0", { names: all }));
  expect([next(), next()]).toEqual([["endpoints +a +b"], ["endpoints +a"]]);
  expect(next(), "and not both again").toEqual(["endpoints +b"]);
});

test("what was suspected before and has gone does not make the same response be sent again", () => {
  const rejections: Rejections = new Map();
  const before = new DrivenStream("delta", rejections);
  before.publish(buildSnapshot({ clusters: { a: { tune: 1 }, d: { tune: 1 } } }));
  before.ask("cluster");
  before.reject("cluster", "value must be > 0");
  const stream = new DrivenStream("delta", rejections);
  stream.publish(buildSnapshot({ clusters: { c: { tune: 1 }, d: { tune: 1 } } }));
  const asked = stream.ask("cluster", { versions: { b: "0011223344556677" } });
  expect(shown(asked), "a part has changed").toEqual(["clusters +c +d -a"]);
  expect(shown(stream.reject("cluster", "value must be > 0"))).toEqual(["clusters +c -a"]);
});

test("what was rejected beside something that leaves before it was tried is offered again", () => {
  const stream = new DrivenStream("sotw");
  const settled = { clusters: { a: { tune: 1 }, b: { tune: 1 } }, updates: { graceMs: 600_000 } };
  stream.publish(buildSnapshot(settled));
  stream.ask("cluster");
  stream.ack("cluster");
  stream.publish(buildSnapshot({ clusters: { ...settled.clusters, a: { tune: 2 }, c: { tune: 1 } } }));
  stream.publish(buildSnapshot({ ...settled, clusters: { b: { tune: 1 }, c: { tune: 1 }, d: { tune: 1 } } }));
  stream.wait(1_000);
  const sent = [...stream.reject("cluster", "value must be > 0")];
  for (let round = 0; round < 3; round += 1) sent.push(...stream.ack("cluster"), ...stream.wait(1_000));
  expect(shown(sent).join()).toContain("+b +c +d");
});
