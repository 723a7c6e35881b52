/**
 * Streams that are refused at the door: each is counted, and a storm of them is a few events.
 */
import { describe, expect, test } from "vitest";
import { status } from "../../../src/grpc/status.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { createTimeline } from "../../../src/telemetry/timeline.ts";
import { AdsServer } from "../../../src/xds/ads-server.ts";
import { nodeProblems } from "../../../src/xds/read-node.ts";
import type { DoorEvent, StreamEvent } from "../../../src/xds/stream-event.ts";
import type { Refusals, TurnedAwayReason } from "../../../src/xds/turned-away.ts";
import { TurnedAway } from "../../../src/xds/turned-away.ts";
import { XdsClient } from "../../invariants/xds-client.ts";
import { snapshotOf } from "../../protocol/services-snapshot.ts";
import { eventually } from "../../support/eventually.ts";

const reason = "there are too many streams";

describe("a storm of refused streams", () => {
  test("is told at once, and then as one number, and every one of them counts", () => {
    const told: Refusals<TurnedAwayReason>[] = [];
    const door = new TurnedAway<TurnedAwayReason>({ nowMs: () => 7, tell: (refusals) => told.push(refusals) });
    for (let refused = 0; refused < 10_000; refused += 1) door.add(reason, `10.0.0.1:${refused}`);
    door.add("too many streams are being opened");
    expect(told.map(({ count }) => count)).toEqual([1, 1]);
    door.close();
    expect(told.at(-1)).toEqual({ atMs: 7, reason, count: 9_999, peer: "10.0.0.1:9999" });
  });

  test("is one entry of the timeline, with their number and the last address", () => {
    const timeline = createTimeline();
    const refused = { kind: "streams-turned-away", atMs: 0, reason } as const;
    timeline.record({ ...refused, count: 1, peer: "10.0.0.1:4000" });
    expect(timeline.after(0)).toMatchObject([{ text: `a stream from 10.0.0.1:4000 was refused: ${reason}` }]);
    timeline.record({ ...refused, count: 9_999, peer: "10.0.0.2:4000" });
    expect(timeline.after(0)).toMatchObject([
      { count: 10_000, level: "warn", text: `10000 streams were refused, the last from 10.0.0.2:4000: ${reason}` },
    ]);
  });

  test("by TLS is one entry of the timeline for each reason, with their number and the last address", () => {
    const timeline = createTimeline();
    const failed = { kind: "handshakes-failed", atMs: 0, reason: "it spoke plain text" } as const;
    timeline.record({ ...failed, count: 1, peer: "10.0.0.1:4000" });
    expect(timeline.after(0)).toMatchObject([
      { count: 1, level: "warn", text: "a TLS connection from 10.0.0.1:4000 failed: it spoke plain text" },
    ]);
    timeline.record({ ...failed, count: 40, peer: "10.0.0.2:4000" });
    timeline.record({ ...failed, reason: "it showed no certificate", count: 2, peer: undefined });
    expect(timeline.after(0)).toMatchObject([
      { count: 41, text: "41 TLS connections failed, the last from 10.0.0.2:4000: it spoke plain text" },
      { count: 2, text: "2 TLS connections failed: it showed no certificate" },
    ]);
  });
});

test("a stream beyond the most there may be is UNAVAILABLE and an event, and the others stay", async () => {
  await using stack = new AsyncDisposableStack();
  const events: (StreamEvent | DoorEvent)[] = [];
  const emit = (emitted: readonly (StreamEvent | DoorEvent)[]) => void events.push(...emitted);
  const server = new AdsServer({ clock: systemClock, identifier: "test", earlier: () => [], emit, streamsMax: 1 });
  stack.defer(() => server.close());
  const port = await server.listen("127.0.0.1:0");
  const snapshot = snapshotOf({ a: 1 });
  await server.publish({
    groups: [{ name: snapshot.group, match: {} }],
    snapshots: new Map([[snapshot.group, snapshot]]),
  });
  const first = stack.use(new XdsClient({ port, nodeId: "first" }).ask(typeUrls.cluster));
  await first.response(typeUrls.cluster);
  const second = stack.use(new XdsClient({ port, nodeId: "second" }).ask(typeUrls.cluster));
  expect(await second.ended()).toMatchObject({ code: status.UNAVAILABLE, details: reason });
  await eventually("the event", () => events.some(({ kind }) => kind === "streams-turned-away"));
  expect(events).toContainEqual(expect.objectContaining({ peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/) }));
  expect(server.streamsCount).toBe(1);
});

test.each([
  ["has no node.id", { id: "" }, nodeProblems.absent],
  ["has a node.id that is too long", { id: "x".repeat(10_000) }, nodeProblems.longNames],
  ["has a node that is too long", { id: "a", metadata: { text: "x".repeat(2_000_000) } }, nodeProblems.long],
  ["has a node that cannot be read", { id: "a", metadata: nested(500) }, nodeProblems.unreadable],
])(
  "a stream whose first message %s is an event with its address, and a storm of them is two",
  async (_, node, problem) => {
    await using stack = new AsyncDisposableStack();
    const events: (StreamEvent | DoorEvent)[] = [];
    const emit = (emitted: readonly (StreamEvent | DoorEvent)[]) => void events.push(...emitted);
    const server = new AdsServer({ clock: systemClock, identifier: "test", earlier: () => [], emit });
    stack.defer(() => server.close());
    const port = await server.listen("127.0.0.1:0");
    for (let count = 0; count < 20; count += 1) {
      const client = stack.use(new XdsClient({ port }));
      client.send({ typeUrl: typeUrls.cluster, node });
      expect(await client.ended()).toMatchObject({ code: status.INVALID_ARGUMENT, details: problem });
    }
    await server.close();
    const address = expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string;
    const told = { kind: "streams-turned-away", reason: problem, peer: address } as const;
    expect(events).toMatchObject([
      { ...told, count: 1 },
      { ...told, count: 19 },
    ]);
  },
);

function nested(depth: number): object {
  return depth === 0 ? {} : { in: nested(depth - 1) };
}
