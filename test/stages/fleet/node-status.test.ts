/**
 * The words for a node and its types, event by event.
 */
import { describe, expect, test } from "vitest";
import type { FleetEvent } from "../../../src/fleet/fleet.ts";
import { createFleet, step } from "../../../src/fleet/fleet.ts";
import { findNode } from "../../../src/fleet/list-nodes.ts";
import type { NodeStatus } from "../../../src/fleet/node-status.ts";
import { REJECTED_RESOURCES_MAX } from "../../../src/fleet/stream-record.ts";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { snapshotOf, streamOf } from "./example-events.ts";

const v1 = snapshotOf({ shop: "a1", cart: "b1" });
const v2 = snapshotOf({ shop: "a2", cart: "b1" });
const v3 = snapshotOf({ shop: "a2", cart: "b2" });
const v4 = snapshotOf({ shop: "a3", cart: "b2" });

const delta = streamOf("a", 1);
const sotw = streamOf("a", 1, { variant: "sotw" });

function statusAfter(...events: readonly FleetEvent[]): NodeStatus | undefined {
  return findNode(events.reduce(step, createFleet()), "a", 20_000);
}

function publish(snapshot: Snapshot): FleetEvent {
  return { kind: "published", snapshot, atMs: 9_000 };
}

const gotV1 = [publish(v1), delta.opened(), delta.subscribed(), delta.sent(v1), delta.acked(), delta.synced(v1)];
const refusedV2 = [...gotV1, publish(v2), delta.sent(v2, "2"), delta.rejected("shop", "a2", "2")];

describe("the status of a type and its node", () => {
  const rows: readonly (readonly [string, readonly FleetEvent[], { type: string; node: string }])[] = [
    [
      "is not_sent after a subscription",
      [publish(v1), delta.opened(), delta.subscribed()],
      { type: "not_sent", node: "not_sent" },
    ],
    ["is stale while a response is not acknowledged", gotV1.slice(0, 4), { type: "stale", node: "stale" }],
    [
      "is synced after the acknowledgement, its node only when it has the whole snapshot",
      gotV1.slice(0, 5),
      { type: "synced", node: "stale" },
    ],
    ["is synced when the node has the whole snapshot", gotV1, { type: "synced", node: "synced" }],
    [
      "is stale for the node as soon as something newer is wanted",
      [...gotV1, publish(v2)],
      { type: "synced", node: "stale" },
    ],
    ["is error after a rejection", refusedV2, { type: "error", node: "error" }],
    [
      "stays error on delta when the node accepts another resource while the refused one is still wanted",
      [...refusedV2, publish(v3), delta.sent(v3, "3"), delta.acked("3")],
      { type: "error", node: "error" },
    ],
    [
      "stays error on delta while a response about another resource is under way",
      [...refusedV2, publish(v3), delta.sent(v3, "3")],
      { type: "error", node: "error" },
    ],
    [
      "is stale on SotW again while a response that replaces the refused one is under way",
      [publish(v2), sotw.opened(), sotw.sent(v2), sotw.rejected("shop", "a2"), publish(v4), sotw.sent(v4, "2")],
      { type: "stale", node: "stale" },
    ],
    [
      "ends error on delta when the node accepts a response after the refused version is no longer wanted",
      [...refusedV2, publish(v4), delta.sent(v4, "3"), delta.acked("3"), delta.synced(v4)],
      { type: "synced", node: "synced" },
    ],
    [
      "ends error when the change is taken back and nothing has to be sent",
      [...refusedV2, publish(v1), delta.synced(v1)],
      { type: "synced", node: "synced" },
    ],
    [
      "stays error on SotW when the node accepts a response that leaves out what it refused",
      [
        publish(v2),
        sotw.opened(),
        sotw.sent(v2),
        sotw.rejected("shop", "a2"),
        publish(v3),
        sotw.sent(v3, "2"),
        sotw.acked("2"),
      ],
      { type: "error", node: "error" },
    ],
    [
      "ignores an acknowledgement of an older response",
      [...gotV1, delta.sent(v2, "2"), delta.acked("1")],
      { type: "stale", node: "stale" },
    ],
    [
      "is synced without a response when the node has all it subscribes to",
      [publish(v1), delta.opened(), delta.subscribed(), delta.synced(v1)],
      { type: "synced", node: "synced" },
    ],
  ];
  test.each(rows)("%s", (_title, events, expected) => {
    const status = statusAfter(...events);
    expect({ type: status?.types[0]?.status, node: status?.status }).toEqual(expected);
  });
});

test("shows the last rejection with its place, also after something newer was accepted", () => {
  const status = statusAfter(...refusedV2, publish(v4), delta.sent(v4, "3"), delta.acked("3"));
  expect(status?.types[0]?.lastRejection).toMatchObject({
    versionInfo: "v-2",
    snapshotVersion: v2.version,
    message: "Error adding/updating cluster(s) shop",
    resources: [{ name: "shop", version: "a2", at: { file: "services.yaml", line: 7 } }],
  });
});

test("remembers a rejection over a reconnection, because the version is not sent again", () => {
  const again = streamOf("a", 2);
  const status = statusAfter(...refusedV2, delta.closed(), again.opened(), again.subscribed());
  expect(status?.types[0]).toMatchObject({ status: "not_sent", lastRejection: { versionInfo: "v-2" } });
});

test("keeps a bounded part of a long list of refused resources and says how many there were", () => {
  const rejected = delta.rejected("shop", "a2");
  const resources = Array.from({ length: 500 }, (_, index) => ({
    typeUrl: typeUrls.cluster,
    name: `c${index}`,
    version: "1",
    at: undefined,
  }));
  const rejection = statusAfter(delta.opened(), { ...rejected, resources })?.types[0]?.lastRejection;
  expect(rejection?.resources).toHaveLength(REJECTED_RESOURCES_MAX);
  expect(rejection?.resourcesCount).toBe(500);
});

test("says what a node waits for, since when, and that it is overdue, until the gate is passed", () => {
  const waiting = delta.gate(v2, "waiting");
  const events = [...gotV1, waiting];
  expect(statusAfter(...events)?.gate).toMatchObject({ waitingFor: "CDS to be acknowledged", overdue: false });
  const overdue = [...events, delta.gate(v2, "overdue")];
  expect(statusAfter(...overdue)?.gate).toMatchObject({ sinceMs: waiting.atMs, overdue: true });
  expect(statusAfter(...overdue, delta.gate(v2, "passed"))?.gate).toBeUndefined();
});

test("asks the open streams what they wait for, and shows each of them and for the node the first to wait", () => {
  const second = streamOf("a", 2);
  const fleet = [...gotV1, second.opened(), publish(v2), delta.gate(v2, "overdue")].reduce(step, createFleet());
  const facts = { snapshotVersion: v2.version, overdue: false };
  const waits = [
    { ...facts, streamId: 1, waitingFor: "ACK of routes (r)", sinceMs: 12_000, deadlineAtMs: 72_000 },
    { ...facts, streamId: 2, waitingFor: "ACK of clusters (shop)", sinceMs: 11_000, deadlineAtMs: 71_000 },
  ];
  const shown = findNode(fleet, "a", 20_000, (nodeId) => (nodeId === "a" ? waits : []));
  expect(shown?.streams.map(({ gate }) => gate)).toMatchObject(waits);
  expect(shown?.gate).toMatchObject({ waitingFor: "ACK of clusters (shop)", deadlineAtMs: 71_000 });
});

test("names the snapshot that a node moves to beside the one it has", () => {
  expect(statusAfter(...gotV1, publish(v2), delta.sent(v2, "2"))).toMatchObject({
    wanted: v2.version,
    movingTo: v2.version,
    acknowledged: v1.version,
  });
});

test("has a node on two streams only when both of them have acknowledged", () => {
  const second = streamOf("a", 2);
  const both = [...gotV1, second.opened(), second.subscribed(), second.sent(v1)];
  expect(statusAfter(...both)).toMatchObject({
    status: "stale",
    acknowledged: undefined,
    types: [{ status: "stale" }],
  });
  expect(statusAfter(...both, second.acked(), second.synced(v1))).toMatchObject({
    status: "synced",
    acknowledged: v1.version,
  });
});
