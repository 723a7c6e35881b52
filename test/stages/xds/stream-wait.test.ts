/**
 * What a stream says that it waits for, when somebody asks.
 */
import { expect, test } from "vitest";
import { OpenStreams } from "../../../src/xds/open-streams.ts";
import { currentWait } from "../../../src/xds/stream-wait.ts";
import type { SnapshotNotation } from "../../support/build-snapshot.ts";
import { buildSnapshot } from "../../support/build-snapshot.ts";
import { settledStream } from "./driven-stream.ts";

const base: SnapshotNotation = {
  clusters: { a: ["10.0.0.1"], b: ["10.0.0.2"] },
  listeners: { l: "r" },
  routes: { r: ["a"] },
};
const first = buildSnapshot(base);
const second = buildSnapshot({ ...base, clusters: { a: { hosts: ["10.0.0.1"], tune: 2 }, b: ["10.0.0.2"] } });

test.each(["delta", "sotw"] as const)(
  "a %s stream says what it waits for, since when and until when, and nothing once it has arrived",
  (variant) => {
    const stream = settledStream(variant, first, ["a", "b"]);
    expect(stream.inspect(currentWait)).toBeUndefined();
    const beganMs = stream.nowMs;
    stream.publish(second);
    const wait = {
      streamId: 1,
      snapshotVersion: second.version,
      sinceMs: beganMs,
      deadlineAtMs: beganMs + second.updates.deadlineMs,
    };
    expect(stream.inspect(currentWait)).toMatchObject({ ...wait, overdue: false });
    expect(stream.inspect(currentWait)?.waitingFor).toContain("ACK of clusters (a");
    stream.ack("cluster");
    expect(stream.inspect(currentWait)?.waitingFor).toContain("ACK of endpoints");
    stream.wait(second.updates.deadlineMs);
    expect(stream.inspect(currentWait)).toMatchObject({ ...wait, overdue: true });
    stream.ack("endpoints", variant === "sotw" ? { names: ["a", "b"] } : {});
    expect(stream.inspect(currentWait)).toBeUndefined();
  },
);

test("open streams are found by their node once it is known, and not after they closed", () => {
  const streams = new OpenStreams<{ node: { readonly id: string } | undefined }>();
  const unknown = { node: undefined };
  const [one, two, other] = [{ node: { id: "a" } }, { node: { id: "a" } }, { node: { id: "b" } }];
  for (const stream of [unknown, one, two, other]) {
    streams.add(stream);
    streams.identified(stream);
  }
  expect([streams.size, streams.of("a"), streams.of("b")]).toEqual([4, [one, two], [other]]);
  streams.delete(one);
  streams.delete(other);
  expect([streams.size, streams.of("a"), streams.of("b")]).toEqual([2, [two], []]);
  expect(streams.all()).toEqual([unknown, two]);
});
