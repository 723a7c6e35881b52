/**
 * The runtime layer of an Envoy while it is moved: who has none, and weights that routes of before still read.
 */
import { describe, expect, test } from "vitest";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import { present } from "../../../src/support/assert.ts";
import { currentWait } from "../../../src/xds/stream-wait.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { snapshotOf } from "../../support/snapshot-of.ts";
import { parseText } from "../model/parse-text.ts";
import { DrivenStream, shown } from "./driven-stream.ts";
import type { LiveWeights } from "../../../src/model/live-weights.ts";

const config = (canary: string) => `
nodes: { default: { runtime: { a.b: 1 }, updates: { grace: 10s } } }
gateways: { public: { listeners: [{ name: http, port: 80 }] } }
services:
  shop: { endpoints: [{ address: "10.0.0.1:80" }] }
  one: { endpoints: [{ address: "10.0.0.2:80" }] }
  two: { endpoints: [{ address: "10.0.0.3:80" }] }
routes: { shop: { rules: [{ split: shop }] } }
splits: { shop: { backends: { stable: { service: shop }, canary: { service: ${canary} } }, default: { stable: 1, canary: 1 } } }
`;

function snapshot(canary: string, stable: number): Snapshot {
  const live: LiveWeights = { split: "shop", revision: 1, shares: { stable, canary: 10_000 - stable } };
  const { intent, diagnostics } = parseText(config(canary), new Map([["shop", live]]));
  return snapshotOf(present(intent, JSON.stringify(diagnostics)));
}

const names = ["one", "shop", "two"];

/** An Envoy that has all of the snapshot, on delta. */
function settled(of: Snapshot, { layer = true } = {}): DrivenStream {
  const stream = new DrivenStream("delta");
  stream.publish(of);
  if (layer) {
    stream.ask("runtime", { names: ["fairway"] });
    stream.ack("runtime");
  }
  stream.ask("cluster");
  stream.ack("cluster");
  stream.ask("endpoints", { names });
  stream.ack("endpoints");
  stream.ask("listener");
  stream.ack("listener");
  stream.ask("route", { names: ["public/http"] });
  stream.ack("route");
  return stream;
}

/** What the Envoy was told last, by key. */
function weights(stream: DrivenStream): Readonly<Record<string, unknown>> {
  const { typeUrl, resources } = stream.last("runtime");
  const json = envoyApi.toJson(typeUrl, present(resources[0], "the layer").body);
  return (json as { readonly layer: Readonly<Record<string, unknown>> }).layer;
}

function values(stream: DrivenStream): readonly unknown[] {
  return Object.values(weights(stream)).toSorted((a, b) => Number(a) - Number(b));
}

describe("a change of weights alone", () => {
  test("is one response of one resource, and the Envoy is synced by its acknowledgement", () => {
    const stream = settled(snapshot("one", 9_000));
    const { length } = stream.responses;
    const next = snapshot("one", 0);
    stream.publish(next);
    expect(shown(stream.responses.slice(length))).toEqual(["runtimes +fairway"]);
    stream.ack("runtime");
    expect(stream.responses).toHaveLength(length + 1);
    expect(stream.events.at(-1)).toMatchObject({ kind: "synced", snapshotVersion: next.version });
  });

  test("passes what waits: weights of a canary that must go do not wait for a cluster", () => {
    const stream = settled(snapshot("one", 9_000));
    stream.publish(snapshot("two", 9_000));
    stream.ack("runtime");
    const { length } = stream.responses;
    stream.publish(snapshot("two", 0));
    expect(shown(stream.responses.slice(length))).toEqual(["runtimes +fairway"]);
  });
});

test("weights that old routes read stay until the Envoy has left them, also when others are set meanwhile", () => {
  const stream = settled(snapshot("one", 9_000));
  const [old] = Object.keys(weights(stream)).filter((key) => key.endsWith(".one"));
  stream.publish(snapshot("two", 2_000));
  expect(values(stream)).toEqual([1, 1_000, 2_000, 8_000, 9_000]);
  stream.ack("runtime");
  stream.publish(snapshot("two", 4_000));
  expect(values(stream)).toEqual([1, 1_000, 4_000, 6_000, 9_000]);
  stream.ack("runtime");
  stream.ack("cluster");
  stream.ack("route");
  expect(weights(stream)).toHaveProperty([old ?? ""], 1_000);
  stream.wait(11_000);
  expect(values(stream)).toEqual([1, 4_000, 6_000]);
});

describe("an Envoy without the layer", () => {
  test("is never synced while the layer has a value, and is told what to do", () => {
    const stream = settled(snapshot("one", 9_000), { layer: false });
    expect(stream.kinds()).not.toContain("synced");
    expect(stream.kinds()).toContain("gate overdue");
    expect(stream.inspect(currentWait)).toMatchObject({
      overdue: true,
      waitingFor: expect.stringContaining("fairway bootstrap --runtime"),
    });
    stream.publish(snapshot("one", 0));
    stream.wait(120_000);
    expect(stream.kinds()).not.toContain("synced");
    stream.ask("runtime", { names: ["fairway"] });
    expect(stream.kinds()).not.toContain("synced");
    stream.ack("runtime");
    expect(stream.kinds().slice(-1)).toEqual(["synced"]);
    expect(stream.inspect(currentWait)).toBeUndefined();
  });
});
