/**
 * A client that names everything it wants, listeners and clusters too, as gRPC's own xDS clients do.
 */
import { expect, test } from "vitest";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import type { ResourceCache, SnapshotNotation } from "../../support/build-snapshot.ts";
import { buildSnapshot } from "../../support/build-snapshot.ts";
import { DrivenStream, shown } from "./driven-stream.ts";

const cache: ResourceCache = new Map();
const build = (notation: SnapshotNotation): Snapshot => buildSnapshot(notation, cache);

const base: SnapshotNotation = {
  clusters: { a: ["10.0.0.1"], b: ["10.0.0.2"] },
  listeners: { l: "r", other: "s" },
  routes: { r: ["a"], s: ["b"] },
};

/** A client of the listener `l` that has all that it leads to. */
function settledClient(): DrivenStream {
  const stream = new DrivenStream("sotw");
  stream.publish(build(base));
  stream.ask("listener", { names: ["l"] });
  stream.ack("listener", { names: ["l"] });
  stream.ask("route", { names: ["r"] });
  stream.ack("route", { names: ["r"] });
  stream.ask("cluster", { names: ["a"] });
  stream.ack("cluster", { names: ["a"] });
  stream.ask("endpoints", { names: ["a"] });
  stream.ack("endpoints", { names: ["a"] });
  return stream;
}

test("gets each thing that it names, and nothing else", () => {
  expect(shown(settledClient().responses)).toEqual(["listeners +l", "routes +r", "clusters +a", "endpoints +a"]);
});

test("is told at once that a listener does not exist, and gets it when it comes", () => {
  const stream = new DrivenStream("sotw");
  stream.publish(build(base));
  expect(shown(stream.ask("listener", { names: ["later"] }))).toEqual(["listeners"]);
  stream.ack("listener", { names: ["later"] });
  expect(shown(stream.publish(build({ ...base, listeners: { l: "r", later: "s" } })))).toEqual(["listeners +later"]);
});

test("is told when its listener goes, while another one stays", () => {
  const stream = settledClient();
  expect(shown(stream.publish(build({ ...base, listeners: { other: "s" }, routes: { s: ["b"] } })))).toEqual([
    "listeners",
  ]);
});

test("is told at once that a cluster does not exist", () => {
  const stream = settledClient();
  expect(shown(stream.ask("cluster", { names: ["gone"], nonce: stream.last("cluster").nonce }))).toEqual(["clusters"]);
});

test("keeps the listener that it has when it refuses the new one", () => {
  const stream = settledClient();
  stream.publish(build({ ...base, listeners: { l: "s", other: "s" } }));
  const before = stream.responses.length;
  stream.reject("listener", "l: no such thing", { names: ["l"] });
  expect(shown(stream.responses.slice(before)).filter((text) => text === "listeners")).toEqual([]);
});

test("gets a new cluster when its route leads there, and the old one stays until the client drops it", () => {
  const stream = settledClient();
  expect(shown(stream.publish(build({ ...base, routes: { r: ["b"], s: ["b"] } })))).toEqual(["routes +r"]);
  stream.ack("route", { names: ["r"] });
  expect(shown(stream.ask("cluster", { names: ["a", "b"], nonce: stream.last("cluster").nonce }))).toEqual([
    "clusters +a +b",
  ]);
});
