/**
 * Heartbeats of the stream machine: when they come, what is in them, and what an answer to them means.
 */
import { describe, expect, test } from "vitest";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { createSharedResponses } from "../../../src/xds/shared-responses.ts";
import type { Variant } from "../../../src/xds/stream-state.ts";
import { fakeResource, fakeSnapshot } from "../../support/snapshot-of.ts";
import { DrivenStream, shown } from "./driven-stream.ts";

const TTL_MS = 10_000;
const runtime = (content = "1") => fakeResource(typeUrls.runtime, "switches", { content, ttlMs: TTL_MS });
const snapshot = fakeSnapshot([runtime(), fakeResource(typeUrls.runtime, "for-ever")]);
const names = ["switches", "for-ever"];

/** A client that has both runtime layers. */
function holding(variant: Variant, shared = createSharedResponses()): DrivenStream {
  const stream = new DrivenStream(variant, new Map(), shared);
  stream.publish(snapshot);
  stream.ask("runtime", { names });
  stream.ack("runtime", variant === "sotw" ? { names } : {});
  return stream;
}

describe.each(["delta", "sotw"] as const)("on %s, what has a TTL", (variant) => {
  const ack = (stream: DrivenStream) => stream.ack("runtime", variant === "sotw" ? { names } : {});

  test("is said to be alive after half of it, again and again, and nothing else is", () => {
    const stream = holding(variant);
    for (let beat = 1; beat <= 3; beat += 1) {
      expect(stream.wakeAtMs).toBe(stream.nowMs + TTL_MS / 2);
      expect(stream.wait(TTL_MS / 2 - 1)).toEqual([]);
      const sent = stream.wait(1);
      expect(shown(sent)).toEqual(["runtimes +switches"]);
      expect(sent[0]).toMatchObject({ isHeartbeat: true });
      expect(ack(stream)).toEqual([]);
    }
  });

  test("is not said to be alive behind a heartbeat that is not answered, and the answer catches up", () => {
    const stream = holding(variant);
    stream.wait(TTL_MS / 2);
    expect(stream.wait(TTL_MS)).toEqual([]);
    expect(stream.wakeAtMs).toBeUndefined();
    expect(shown(ack(stream))).toEqual(["runtimes +switches"]);
  });

  test("is sent whole to a client that does not know it any more, once, and is not taken for rejected", () => {
    const stream = holding(variant);
    stream.wait(TTL_MS / 2);
    const [whole, ...more] = stream.reject("runtime", "unknown", variant === "sotw" ? { names } : {});
    expect([whole?.isHeartbeat, whole?.resources.map(({ name }) => name), more]).toEqual([undefined, ["switches"], []]);
    expect(stream.kinds()).not.toContain("rejected");
    expect(ack(stream)).toEqual([]);
  });

  test("is one response for all clients that hold the same", () => {
    const shared = createSharedResponses();
    const streams = [holding(variant, shared), holding(variant, shared)];
    const [one, other] = streams.map((stream) => stream.wait(TTL_MS / 2)[0]);
    expect(one).toBeDefined();
    expect(other).toBe(one);
  });

  test("holds up no change and is synced all the while", () => {
    const stream = holding(variant);
    const before = stream.events.length;
    stream.wait(TTL_MS / 2);
    ack(stream);
    expect(stream.kinds().slice(before)).toEqual(["sent", "acked"]);
    expect(shown(stream.publish(fakeSnapshot([runtime("2"), fakeResource(typeUrls.runtime, "for-ever")])))).toEqual([
      "runtimes +switches",
    ]);
    expect(stream.last("runtime").isHeartbeat).toBeUndefined();
  });
});

test("delta: a client that comes back with it is told at once that it lives", () => {
  const stream = new DrivenStream("delta");
  stream.publish(snapshot);
  const sent = stream.ask("runtime", { names, versions: { switches: "1", "for-ever": "1" } });
  expect(shown(sent)).toEqual(["runtimes +switches"]);
  expect(sent[0]?.isHeartbeat).toBe(true);
});

test("sotw: where absence means deletion a heartbeat has everything", () => {
  const stream = new DrivenStream("sotw");
  const short = fakeResource(typeUrls.cluster, "short", { ttlMs: TTL_MS });
  stream.publish(fakeSnapshot([short, fakeResource(typeUrls.cluster, "for-ever")]));
  stream.ask("cluster");
  const { versionInfo } = stream.last("cluster");
  stream.ack("cluster");
  const sent = stream.wait(TTL_MS / 2);
  expect(shown(sent)).toEqual(["clusters +for-ever +short"]);
  expect(sent[0]).toMatchObject({ isHeartbeat: true, versionInfo });
});

test("delta: a heartbeat that is not answered holds up no gate", () => {
  const stream = new DrivenStream("delta");
  const { tables } = fakeSnapshot([runtime()]);
  const unchanged = [...tables].filter(([typeUrl]) => typeUrl === typeUrls.runtime);
  const state = (content: string) => {
    const others = [typeUrls.cluster, typeUrls.listener].map((typeUrl) => fakeResource(typeUrl, "a", { content }));
    const of = fakeSnapshot([runtime(), ...others]);
    // A table that did not change stays the same object.
    return { ...of, tables: new Map([...of.tables, ...unchanged]) };
  };
  stream.publish(state("1"));
  for (const type of ["cluster", "listener"] as const) {
    stream.ask(type);
    stream.ack(type);
  }
  stream.ask("runtime", { names: ["switches"] });
  stream.ack("runtime");
  expect(shown(stream.wait(TTL_MS / 2))).toEqual(["runtimes +switches"]);
  expect(shown(stream.publish(state("2")))).toEqual(["clusters +a"]);
  expect(shown(stream.ack("cluster"))).toEqual(["listeners +a"]);
});

test("a stream without any TTL is never woken for one", () => {
  const stream = new DrivenStream("delta");
  stream.publish(fakeSnapshot([fakeResource(typeUrls.runtime, "for-ever")]));
  stream.ask("runtime", { names: ["for-ever"] });
  stream.ack("runtime");
  expect(stream.wakeAtMs).toBeUndefined();
  expect(stream.inspect(({ beats }) => beats)).toBeUndefined();
});
