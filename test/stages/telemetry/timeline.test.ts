/**
 * The timeline holds what matters to people, and no more than fits.
 */
import { expect, test } from "vitest";
import { createTimeline } from "../../../src/telemetry/timeline.ts";
import { edge, snapshotOf, streamOf } from "../fleet/example-events.ts";

test("keeps the newest entries, and gives a follower what came after the last it saw", () => {
  const timeline = createTimeline(3);
  for (let atMs = 1; atMs <= 5; atMs += 1) timeline.record({ kind: "stopping", atMs, reason: `reason ${atMs}` });
  expect(timeline.after(0).map((entry) => entry.text)).toEqual([
    "stopping: reason 3",
    "stopping: reason 4",
    "stopping: reason 5",
  ]);
  expect(timeline.after(4).map((entry) => entry.atMs)).toEqual([5]);
});

test("is one entry for the same refusal by many nodes, and shows it again when it counts on", () => {
  const timeline = createTimeline();
  for (let id = 0; id < 5_000; id += 1) timeline.record(streamOf(`n${id}`, id).rejected("shop", "a1"));
  const [entry, ...others] = timeline.after(0);
  expect(others).toEqual([]);
  expect(entry).toMatchObject({ kind: "rejected", level: "warn", count: 5_000 });
  timeline.record(streamOf("late", 1).rejected("shop", "a1"));
  expect(timeline.after(entry?.id ?? 0)).toHaveLength(1);
  timeline.record(streamOf("late", 1).rejected("cart", "b1"));
  expect(timeline.after(0)).toHaveLength(2);
});

test("leaves out what only the fleet is about", () => {
  const timeline = createTimeline();
  const stream = streamOf("a", 1);
  const snapshot = snapshotOf({});
  for (const event of [stream.opened(), stream.sent(snapshot), stream.acked(), stream.gate(snapshot, "waiting")]) {
    timeline.record(event);
  }
  timeline.record(stream.moved(edge));
  expect(timeline.after(0)).toEqual([]);
  timeline.record(stream.gate(snapshot, "overdue"));
  expect(timeline.after(0)).toHaveLength(1);
});

test("says where a node that is refused comes from, the last time when it comes again", () => {
  const timeline = createTimeline();
  const refused = streamOf("edge-1", 1).refused("it is not who it says");
  timeline.record(refused);
  timeline.record({ ...refused, peer: "10.0.0.9:5000" });
  timeline.record({ kind: "load-stream-refused", atMs: 1, nodeId: "edge-1", peer: "[::1]:7", reason: "the same" });
  expect(timeline.after(0)).toMatchObject([
    { count: 2, level: "warn", text: "edge-1 from 10.0.0.9:5000 refused: it is not who it says" },
    { count: 1, level: "warn", text: "load reports of edge-1 from [::1]:7 refused: the same" },
  ]);
});

test("shows that the config is good again", () => {
  const timeline = createTimeline();
  timeline.record({ kind: "config-mended", atMs: 1, cause: "routes.yaml changed" });
  expect(timeline.after(0)).toMatchObject([
    { kind: "config-mended", level: "info", text: "the config is good again (routes.yaml changed)" },
  ]);
});

test("cuts an entry that others made long", () => {
  const timeline = createTimeline();
  timeline.record({ kind: "stopping", atMs: 1, reason: "x".repeat(100_000) });
  expect(timeline.after(0)[0]?.text.length).toBeLessThan(600);
});

test("tells that nodes are asked to report another load, and not that they come and go with their reports", () => {
  const timeline = createTimeline();
  timeline.record({ kind: "load-stream-opened", atMs: 1, nodeId: "a", peer: "10.0.0.1:4000" });
  timeline.record({ kind: "load-settings-changed", atMs: 2, intervalMs: 2_500, clustersCount: "all", endpoints: true });
  timeline.record({ kind: "load-stream-closed", atMs: 3, nodeId: "a", reason: "the connection was closed" });
  expect(timeline.after(0).map(({ text }) => text)).toEqual([
    "nodes are asked to report the load of all clusters every 2.5 s, by endpoint",
  ]);
});
