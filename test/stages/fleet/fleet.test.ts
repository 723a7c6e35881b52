/**
 * The fleet's reducer: counts that always add up, and memory that stays bounded whatever connects.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { convergence, isAccepted } from "../../../src/fleet/convergence.ts";
import type { Fleet, FleetEvent } from "../../../src/fleet/fleet.ts";
import { DEPARTED_KEPT_MS, NODES_MAX, REFUSED_MAX, createFleet, step } from "../../../src/fleet/fleet.ts";
import { findNode, listNodes } from "../../../src/fleet/list-nodes.ts";
import { hasAcknowledged } from "../../../src/fleet/node-record.ts";
import { brand } from "../../../src/support/brand.ts";
import type { GroupName } from "../../../src/snapshot/snapshot.ts";
import { edge, snapshotOf, streamOf } from "./example-events.ts";

const v1 = snapshotOf({ shop: "a1" });
const v2 = snapshotOf({ shop: "a2" });

function after(...events: readonly FleetEvent[]): Fleet {
  return events.reduce(step, createFleet());
}

function published(snapshot = v1, atMs = 9_000): FleetEvent {
  return { kind: "published", snapshot, atMs };
}

describe("whether a snapshot has proven itself", () => {
  const taken = (stream: ReturnType<typeof streamOf>) => [
    stream.opened(),
    stream.sent(v1),
    stream.acked(),
    stream.synced(v1),
  ];
  const refused = (stream: ReturnType<typeof streamOf>) => [
    stream.opened(),
    stream.sent(v1),
    stream.rejected("shop", "a1"),
  ];
  const [a, b] = [streamOf("a", 1), streamOf("b", 2)];
  const rows: readonly (readonly [string, readonly FleetEvent[], boolean])[] = [
    ["it has when nobody could object", [published()], true],
    ["it has when every connected node took it", [published(), ...taken(a), ...taken(b)], true],
    ["it has not while a node is under way", [published(), ...taken(a), b.opened(), b.sent(v1)], false],
    ["it has not when a node refused it", [published(), ...taken(a), ...refused(b)], false],
    ["it has not when a node refused it and went", [published(), ...taken(a), ...refused(b), b.closed()], false],
    ["it has when a node that took it went", [published(), ...taken(a), ...taken(b), b.closed()], true],
  ];
  test.each(rows)("%s", (_title, happened, expected) => {
    expect(isAccepted(after(...happened), edge)).toBe(expected);
  });
});

describe("a snapshot that comes back while another one is under way to a node", () => {
  const node = streamOf("a", 1);
  const had = [published(), node.opened(), node.sent(v1), node.acked(), node.synced(v1)];
  const counts = (fleet: Fleet) => convergence(fleet, edge);

  test("is not acknowledged before the node says so", () => {
    const overtaken = after(...had, published(v2), node.sent(v2), published(v1));
    expect(counts(overtaken)).toMatchObject({ acknowledgedCount: 0, pendingCount: 1, convergedAtMs: undefined });
    expect(isAccepted(overtaken, edge)).toBe(false);
    expect(findNode(overtaken, "a", 20_000)).toMatchObject({ status: "stale", acknowledged: undefined });
    const underWay = [node.acked(), node.sent(v1)].reduce(step, overtaken);
    expect(counts(underWay)).toMatchObject({ acknowledgedCount: 0, pendingCount: 1 });
    const back = [node.acked(), node.synced(v1)].reduce(step, underWay);
    expect(counts(back)).toMatchObject({ acknowledgedCount: 1, pendingCount: 0 });
    expect(findNode(back, "a", 20_000)).toMatchObject({ status: "synced", acknowledged: v1.version });
  });

  test("is acknowledged at once when nothing of the other one was sent", () => {
    expect(counts(after(...had, published(v2), published(v1)))).toMatchObject({ acknowledgedCount: 1 });
  });

  test("is acknowledged without being sent when the node had refused the other one", () => {
    const refused = [published(v2), node.sent(v2), node.rejected("shop", "a2"), published(v1), node.synced(v1)];
    expect(counts(after(...had, ...refused))).toMatchObject({ acknowledgedCount: 1, rejectedCount: 0 });
  });
});

describe("nodes that come and go", () => {
  test("keeps a node that disconnected, with what it last held", () => {
    const stream = streamOf("a", 1);
    const fleet = after(
      published(),
      stream.opened(),
      stream.sent(v1),
      stream.acked(),
      stream.synced(v1),
      stream.closed(),
    );
    expect(findNode(fleet, "a", 20_000)).toMatchObject({
      connected: false,
      acknowledged: v1.version,
      lastSeenMs: 10_004,
      streams: [],
      types: [{ status: "synced", acknowledgedVersionInfo: "v-1" }],
    });
    expect(fleet.connectedCount).toBe(0);
  });

  test("stays connected when the old stream closes after the new one opened", () => {
    const [old, fresh] = [streamOf("a", 1), streamOf("a", 2)];
    const fleet = after(old.opened(), fresh.opened(), old.closed());
    expect(findNode(fleet, "a", 20_000)).toMatchObject({ connected: true, streams: [{ streamId: 2 }] });
    expect(fleet.connectedCount).toBe(1);
  });

  test("does not count on what a node held before it reconnected", () => {
    const [old, fresh] = [streamOf("a", 1), streamOf("a", 2)];
    const fleet = after(published(), old.opened(), old.synced(v1), old.closed(), fresh.opened(), fresh.subscribed());
    expect(findNode(fleet, "a", 20_000)).toMatchObject({ status: "not_sent", types: [{ status: "not_sent" }] });
    expect(fleet.groups.get(edge)?.acknowledgedCount).toBe(0);
  });

  test("lists a node that matches no group with the reason and its address, until it is served", () => {
    const stream = streamOf("a", 1);
    const fleet = after(stream.refused("no group matches"), stream.refused("no group matches"));
    expect(findNode(fleet, "a", 20_000)).toMatchObject({
      connected: false,
      refusal: { reason: "no group matches", peer: "10.0.0.1:4000", count: 2 },
    });
    step(fleet, stream.opened());
    expect(findNode(fleet, "a", 20_000)?.refusal).toBeUndefined();
  });

  test("does not know a node that was turned away only because nothing can be served yet", () => {
    const [early, known] = [streamOf("a", 1), streamOf("b", 2)];
    const fleet = after(early.refused("no snapshot yet", { isTooEarly: true }), known.opened(), known.closed());
    step(fleet, known.refused("no snapshot yet", { isTooEarly: true }));
    expect(findNode(fleet, "a", 20_000)).toBeUndefined();
    expect(findNode(fleet, "b", 20_000)?.refusal).toBeUndefined();
  });

  test("forgets a node an hour after it left, even when nothing happened since", () => {
    const stream = streamOf("a", 1);
    const fleet = after(stream.opened(), stream.closed());
    expect(findNode(fleet, "a", 10_001 + DEPARTED_KEPT_MS)).toBeUndefined();
    step(fleet, published(v1, 10_001 + DEPARTED_KEPT_MS));
    expect(fleet.nodes.size).toBe(0);
    expect(fleet.groups.get(edge)?.members.size).toBe(0);
  });

  test("forgets it also when all that happens is what happens on streams", () => {
    const [gone, here] = [streamOf("a", 1), streamOf("b", 2, { atMs: 10_001 + DEPARTED_KEPT_MS })];
    const fleet = after(here.opened(), gone.opened(), gone.closed());
    expect(fleet.nodes.has("a")).toBe(true);
    step(fleet, here.subscribed());
    expect([...fleet.nodes.keys()]).toEqual(["b"]);
  });

  test("gives readers a copy, which stays as it is when the node moves on", () => {
    const stream = streamOf("a", 1);
    const fleet = after(published(), stream.opened(), stream.subscribed());
    const [shown, listed] = [findNode(fleet, "a", 20_000), convergence(fleet, edge)];
    const [shownBefore, listedBefore] = [structuredClone(shown), structuredClone(listed)];
    [stream.sent(v1), stream.gate(v1, "overdue"), stream.rejected("shop", "a1")].forEach((each) => step(fleet, each));
    [stream.acked(), stream.synced(v1), stream.closed()].forEach((each) => step(fleet, each));
    expect(shown).toEqual(shownBefore);
    expect(listed).toEqual(listedBefore);
  });

  test("ignores events of streams and nodes that it does not know", () => {
    const fleet = after(streamOf("a", 1).opened(), streamOf("a", 7).synced(v1), streamOf("b", 8).acked());
    expect([...fleet.nodes.keys()]).toEqual(["a"]);
    expect(findNode(fleet, "a", 20_000)?.acknowledged).toBeUndefined();
  });
});

describe("a node that is moved to another group", () => {
  const rim = brand<GroupName>("rim");
  const ofRim = snapshotOf({ cart: "b1" }, rim);

  test("is listed there and counts there, and no longer where it was", () => {
    const stream = streamOf("a", 1);
    const fleet = after(published(), published(ofRim), stream.opened(), stream.synced(v1));
    step(fleet, stream.moved(rim));
    expect(findNode(fleet, "a", 20_000)).toMatchObject({ group: rim, wanted: ofRim.version, connected: true });
    expect(convergence(fleet, edge)).toMatchObject({ acknowledgedCount: 0, pendingCount: 0, laggards: [] });
    expect(convergence(fleet, rim)).toMatchObject({ acknowledgedCount: 0, pendingCount: 1 });
    step(fleet, stream.synced(ofRim));
    expect(findNode(fleet, "a", 20_000)?.status).toBe("synced");
    expect(convergence(fleet, rim)).toMatchObject({ acknowledgedCount: 1, pendingCount: 0, convergedAtMs: 10_003 });
  });

  test("has what the other group is to have when their content is equal, as after a new name", () => {
    const stream = streamOf("a", 1);
    const fleet = after(published(), stream.opened(), stream.synced(v1), published(snapshotOf({ shop: "a1" }, rim)));
    step(fleet, stream.moved(rim));
    expect(findNode(fleet, "a", 20_000)).toMatchObject({ group: rim, status: "synced" });
    expect(convergence(fleet, rim)).toMatchObject({ acknowledgedCount: 1, convergedAtMs: 10_002 });
  });

  test("is the last of a group that was removed, and takes it along", () => {
    const stream = streamOf("a", 1);
    const fleet = after(published(), stream.opened(), { kind: "group-removed", group: edge, atMs: 11_000 });
    step(fleet, stream.moved(rim));
    expect([...fleet.groups.keys()]).toEqual([rim]);
    expect(fleet.groups.get(rim)).toMatchObject({ connectedCount: 1, members: new Set(["a"]) });
  });

  test("is moved once when all its streams are", () => {
    const [first, second] = [streamOf("a", 1), streamOf("a", 2)];
    const fleet = after(first.opened(), second.opened(), first.moved(rim), second.moved(rim));
    expect(fleet.groups.get(edge)?.connectedCount ?? 0).toBe(0);
    expect(fleet.groups.get(rim)?.connectedCount).toBe(1);
  });

  test("stays where it is when the stream is not known", () => {
    const fleet = after(streamOf("a", 1).opened(), streamOf("a", 7).moved(rim), streamOf("b", 8).moved(rim));
    expect(findNode(fleet, "a", 20_000)?.group).toBe(edge);
    expect([...fleet.groups.keys()]).toEqual([edge]);
  });
});

describe("bounds", () => {
  test("does not grow with 20,000 nodes that come once", () => {
    const fleet = createFleet();
    for (let id = 0; id < 20_000; id += 1) {
      const stream = streamOf(`node-${id}`, id, { group: brand<GroupName>(`group-${id}`) });
      step(fleet, stream.opened());
      step(fleet, stream.closed());
    }
    expect(fleet.nodes.size).toBe(NODES_MAX);
    expect(fleet.departed.size).toBe(NODES_MAX);
    expect(fleet.groups.size).toBe(NODES_MAX);
    expect(fleet.nodes.has("node-19999")).toBe(true);
    expect(fleet.nodes.has("node-0")).toBe(false);
  });

  test("keeps refused nodes from pushing out those that were served", () => {
    const served = streamOf("served", 1);
    const fleet = after(served.opened(), served.closed());
    for (let id = 0; id < 20_000; id += 1) step(fleet, streamOf(`refused-${id}`, id).refused("no group matches"));
    expect(fleet.nodes.has("served")).toBe(true);
    expect(fleet.refused.size).toBe(REFUSED_MAX);
    expect(fleet.nodes.size).toBe(REFUSED_MAX + 1);
  });

  test("never evicts a connected node", () => {
    const fleet = createFleet();
    for (let id = 0; id < NODES_MAX + 10; id += 1) step(fleet, streamOf(`node-${id}`, id).opened());
    const late = streamOf("late", 99_999);
    step(fleet, late.opened());
    step(fleet, late.closed());
    expect(fleet.connectedCount).toBe(NODES_MAX + 10);
    expect(fleet.nodes.has("node-0")).toBe(true);
    expect(fleet.nodes.has("late")).toBe(false);
  });

  test("drops a removed group with its last member", () => {
    const stream = streamOf("a", 1);
    const fleet = after(published(), stream.opened(), { kind: "group-removed", group: edge, atMs: 11_000 });
    expect(fleet.groups.get(edge)?.snapshot).toBe(v1);
    step(fleet, stream.closed());
    step(fleet, published(snapshotOf({}, brand<GroupName>("other")), 20_000 + DEPARTED_KEPT_MS));
    expect(fleet.groups.has(edge)).toBe(false);
  });
});

describe("convergence of a group", () => {
  test("is reached when the last connected node acknowledged, and not again", () => {
    const [a, b] = [streamOf("a", 1), streamOf("b", 2, { atMs: 20_000 })];
    const fleet = after(published(), a.opened(), b.opened(), a.synced(v1));
    expect(fleet.groups.get(edge)?.convergedAtMs).toBeUndefined();
    step(fleet, b.synced(v1));
    expect(fleet.groups.get(edge)?.convergedAtMs).toBe(20_001);
    const c = streamOf("c", 3, { atMs: 30_000 });
    step(fleet, c.opened());
    step(fleet, c.synced(v1));
    expect(fleet.groups.get(edge)?.convergedAtMs).toBe(20_001);
  });

  test("starts anew with another version, and not with the same one", () => {
    const a = streamOf("a", 1);
    const fleet = after(published(), a.opened(), a.synced(v1), published(v1, 30_000));
    expect(fleet.groups.get(edge)).toMatchObject({ publishedAtMs: 9_000, convergedAtMs: 10_001 });
    step(fleet, published(v2, 31_000));
    expect(fleet.groups.get(edge)).toMatchObject({
      publishedAtMs: 31_000,
      convergedAtMs: undefined,
      acknowledgedCount: 0,
    });
  });

  test("names who refused, who is waited for and who is gone", () => {
    const [done, slow, bad, gone] = ["done", "slow", "bad", "gone"].map((id, index) => streamOf(id, index));
    const fleet = after(published());
    for (const stream of [done, slow, bad, gone]) if (stream) step(fleet, stream.opened());
    if (done) step(fleet, done.synced(v1));
    if (slow) step(fleet, slow.gate(v1, "overdue"));
    if (bad) [bad.sent(v1), bad.rejected("shop", "a1")].forEach((event) => step(fleet, event));
    if (gone) step(fleet, gone.closed());
    expect(convergence(fleet, edge)).toMatchObject({
      acknowledgedCount: 1,
      pendingCount: 1,
      rejectedCount: 1,
      disconnectedCount: 1,
      laggards: [
        { nodeId: "bad", state: "rejected", reason: "services.yaml:7: Error adding/updating cluster(s) shop" },
        { nodeId: "slow", state: "pending", reason: "CDS to be acknowledged", overdue: true },
      ],
    });
    const waiting = { streamId: 1, snapshotVersion: v1.version, sinceMs: 0, deadlineAtMs: 1, overdue: false };
    const asked: string[] = [];
    const waitsOf = (nodeId: string) => {
      asked.push(nodeId);
      return [{ ...waiting, waitingFor: `ACK of ${nodeId}` }];
    };
    expect(convergence(fleet, edge, { waitsOf })?.laggards).toMatchObject([
      { nodeId: "bad", reason: "services.yaml:7: Error adding/updating cluster(s) shop" },
      { nodeId: "slow", reason: "ACK of slow", overdue: false },
    ]);
    expect(asked).not.toContain("done");
    expect(convergence(fleet, brand<GroupName>("unknown"))).toBeUndefined();
    expect(convergence(fleet, edge, { version: v2.version })).toMatchObject({
      acknowledgedCount: 0,
      publishedAtMs: undefined,
    });
  });
});

describe("pages of nodes", () => {
  test("are sorted by id and follow each other without gap or repetition", () => {
    const fleet = after(...["d", "a", "c", "b", "e"].map((id, index) => streamOf(id, index).opened()));
    const first = listNodes(fleet, { limit: 2 }, { nowMs: 20_000 });
    const second = listNodes(fleet, { limit: 2, after: first.next }, { nowMs: 20_000 });
    const third = listNodes(fleet, { limit: 2, after: second.next }, { nowMs: 20_000 });
    expect([first, second, third].map((page) => page.nodes.map((node) => node.id))).toEqual([
      ["a", "b"],
      ["c", "d"],
      ["e"],
    ]);
    expect(third.next).toBeUndefined();
  });

  test("show only what was asked for", () => {
    const [a, b] = [streamOf("a", 1), streamOf("b", 2)];
    const fleet = after(published(), a.opened(), a.synced(v1), b.opened(), b.closed());
    const ids = (query: object) =>
      listNodes(fleet, { limit: 9, ...query }, { nowMs: 20_000 }).nodes.map((node) => node.id);
    expect(ids({ status: "synced" })).toEqual(["a"]);
    expect(ids({ connected: false })).toEqual(["b"]);
    expect(ids({ group: "edge" })).toEqual(["a", "b"]);
    expect(ids({ group: "none" })).toEqual([]);
  });
});

test("counts agree with counting, after any interleaving of events", () => {
  const moves = fc.array(
    fc.record({
      node: fc.integer({ min: 0, max: 4 }),
      stream: fc.integer({ min: 0, max: 2 }),
      act: fc.constantFrom(
        ...["open", "close", "move", "refuse", "sync1", "sync2", "send", "ack", "reject", "publish1", "publish2"],
      ),
      inEdge: fc.boolean(),
    }),
    { maxLength: 80 },
  );
  fc.assert(
    fc.property(moves, (all) => {
      const fleet = createFleet();
      const open = new Set<string>();
      for (const { node, stream, act, inEdge } of all) {
        const streamId = node * 10 + stream;
        const events = streamOf(`node-${node}`, streamId, inEdge ? {} : { group: brand<GroupName>("other") });
        if (act === "open") open.add(`${node} ${streamId}`);
        if (act === "close") open.delete(`${node} ${streamId}`);
        step(fleet, eventOf(act, events, inEdge ? edge : brand<GroupName>("other")));
      }
      expect(fleet.connectedCount).toBe(new Set([...open].map((key) => key.split(" ")[0])).size);
      expect(fleet.streamsCount.sotw + fleet.streamsCount.delta).toBe(open.size);
      for (const group of fleet.groups.values()) {
        const members = [...fleet.nodes.values()].filter((node) => node.group === group.name);
        const version = group.snapshot?.version;
        expect([...group.members].sort()).toEqual(members.map((node) => node.id).sort());
        expect(group.connectedCount).toBe(members.filter((node) => node.streams.length > 0).length);
        expect(group.acknowledgedCount).toBe(
          members.filter((node) => version !== undefined && hasAcknowledged(node, version)).length,
        );
      }
    }),
  );
});

function eventOf(act: string, events: ReturnType<typeof streamOf>, group: GroupName): FleetEvent {
  switch (act) {
    case "open":
      return events.opened();
    case "close":
      return events.closed();
    case "move":
      return events.moved(group);
    case "refuse":
      return events.refused("two groups match");
    case "sync1":
      return events.synced(v1);
    case "sync2":
      return events.synced(v2);
    case "send":
      return events.sent(v2);
    case "ack":
      return events.acked();
    case "reject":
      return events.rejected("shop", "a2");
    case "publish1":
      return published(v1);
    default:
      return published(v2);
  }
}
