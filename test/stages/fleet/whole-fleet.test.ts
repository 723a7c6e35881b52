/** The nodes of several replicas as one fleet. */
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { Fleet, FleetEvent } from "../../../src/fleet/fleet.ts";
import { createFleet, step } from "../../../src/fleet/fleet.ts";
import type { FleetSummary } from "../../../src/fleet/fleet-summary.ts";
import { packSummary, readSummary, summaryText } from "../../../src/fleet/fleet-summary.ts";
import type { Known } from "../../../src/fleet/whole-fleet.ts";
import { findInWholeFleet, listWholeFleet, wholeConvergence } from "../../../src/fleet/whole-fleet.ts";
import { present } from "../../../src/support/assert.ts";
import { edge, snapshotOf, streamOf } from "./example-events.ts";

const v1 = snapshotOf({ shop: "a1" });

function after(...events: readonly FleetEvent[]): Fleet {
  return events.reduce(step, createFleet());
}

const published: FleetEvent = { kind: "published", snapshot: v1, atMs: 9_000 };

async function told(replica: string, fleet: Fleet, atMs = 20_000): Promise<FleetSummary> {
  return present(readSummary(replica, await packSummary(fleet, summaryText(fleet)), atMs), "it was packed here");
}

function has(id: string, streamId: number): readonly FleetEvent[] {
  const stream = streamOf(id, streamId);
  return [stream.opened(), stream.sent(v1), stream.acked(), stream.synced(v1)];
}

function refuses(id: string, streamId: number): readonly FleetEvent[] {
  const stream = streamOf(id, streamId);
  return [stream.opened(), stream.sent(v1), stream.rejected("shop", "a1")];
}

function known(fleet: Fleet, ...others: readonly FleetSummary[]): Known {
  return { fleet, others, nowMs: 20_000 };
}

const idsOf = (of: Known, query: object = {}) =>
  listWholeFleet(of, { limit: 9, ...query }).nodes.map(({ id, replica }) =>
    replica === undefined ? id : `${id} on ${replica}`,
  );

describe("a list of nodes", () => {
  test("has those of all replicas, sorted by id, and says which one a node is on", async () => {
    const here = after(published, ...has("b", 1));
    const there = await told("r2", after(published, ...has("a", 1), ...refuses("c", 2)));
    expect(idsOf(known(here, there))).toEqual(["a on r2", "b", "c on r2"]);
    expect(idsOf(known(here, there), { status: "error" })).toEqual(["c on r2"]);
    expect(idsOf(known(here, there), { after: "a" })).toEqual(["b", "c on r2"]);
    const page = listWholeFleet(known(here, there), { limit: 2 });
    expect(page.next).toBe("b");
  });

  test("has a node that moved once, where it is connected, or else where it was seen last", async () => {
    const left = streamOf("a", 1);
    const here = after(published, left.opened(), left.closed());
    expect(idsOf(known(here, await told("r2", after(published, ...has("a", 7)))))).toEqual(["a on r2"]);
    expect(idsOf(known(here), { connected: false })).toEqual(["a"]);
    const there = await told("r2", here);
    expect(idsOf(known(after(published, ...has("a", 1)), there))).toEqual(["a"]);
  });

  test("shows what a node elsewhere has refused, in short", async () => {
    const there = await told("r2", after(published, ...refuses("c", 2)));
    const node = findInWholeFleet(known(after(published), there), "c");
    expect(node).toMatchObject({
      replica: "r2",
      connected: true,
      status: "error",
      wanted: v1.version,
      types: [{ status: "error", lastRejection: { message: expect.stringMatching(/./) } }],
    });
  });
});

describe("the convergence of a group", () => {
  test("counts the nodes of all replicas", async () => {
    const left = streamOf("c", 9);
    const here = after(published, ...has("a", 1), left.opened(), left.closed());
    const there = await told("r2", after(published, ...has("b", 1), ...refuses("c", 2)));
    expect(wholeConvergence(known(here, there), edge)).toMatchObject({
      acknowledgedCount: 2,
      pendingCount: 0,
      rejectedCount: 1,
      disconnectedCount: 0,
      laggards: [{ nodeId: "c", state: "rejected" }],
      convergedAtMs: undefined,
    });
    expect(wholeConvergence(known(here), edge)).toMatchObject({ acknowledgedCount: 1, disconnectedCount: 1 });
  });

  test("ends when the last node of the last replica has it", async () => {
    const late = await told("r2", after(published, ...has("b", 1).map((event) => ({ ...event, atMs: 15_000 }))));
    const here = after(published, ...has("a", 1));
    expect(wholeConvergence(known(here, late), edge)?.convergedAtMs).toBe(15_000);
    expect(wholeConvergence(known(after(published), late), edge)?.convergedAtMs).toBe(15_000);
  });

  test("does not take a node for done that has another version", async () => {
    const there = await told("r2", after(published, ...has("b", 1)));
    const here = after({ kind: "published", snapshot: snapshotOf({ shop: "a2" }), atMs: 16_000 });
    expect(wholeConvergence(known(here, there), edge)).toMatchObject({ acknowledgedCount: 0, pendingCount: 1 });
  });
});

describe("a summary", () => {
  test("of ten thousand nodes fits, and its text is the same as long as nothing happens", async () => {
    const fleet = after(published, ...Array.from({ length: 10_000 }, (_, index) => has(`node-${index}`, index)).flat());
    const text = summaryText(fleet);
    expect(summaryText(step(fleet, streamOf("node-1", 1, { atMs: 30_000 }).acked()))).toBe(text);
    const bytes = await packSummary(fleet, text);
    expect(bytes.byteLength).toBeLessThan(1024 * 1024);
    expect(readSummary("r", bytes, 0)).toMatchObject({ leftOutCount: 0 });
  });

  test("that does not fit leaves out those that are gone first, and says how many", async () => {
    const noise = (index: number) =>
      Buffer.from(new Uint8Array(900).map((_, at) => (index * 7 + at * at * (index + 1)) % 251)).toString("base64");
    const fleet = createFleet();
    for (let index = 0; index < 3_000; index += 1) {
      const stream = streamOf(`${index} ${noise(index)}`, index);
      step(fleet, stream.opened());
      if (index >= 100) step(fleet, stream.closed());
    }
    const bytes = await packSummary(fleet, summaryText(fleet));
    expect(bytes.byteLength).toBeLessThanOrEqual(1024 * 1024);
    const read = present(readSummary("r", bytes, 0), "it was packed here");
    expect(read.leftOutCount).toBeGreaterThan(0);
    expect(read.nodes.length + read.leftOutCount).toBe(3_000);
    expect(read.nodes.filter(({ connected }) => connected).length).toBe(100);
  });

  test("of a machine whose clock is ahead has nothing that is yet to come", async () => {
    const left = streamOf("a", 1);
    const read = await told("r2", after(published, ...has("b", 2), left.opened(), left.closed()), 5_000);
    expect(read.nodes.map(({ lastSeenMs }) => lastSeenMs)).toEqual([5_000, 5_000]);
    expect([...read.converged.values()].map(({ atMs }) => atMs)).toEqual([5_000]);
  });

  test("has no node that was refused: it may come under any name", () => {
    const stream = streamOf("a", 1);
    const fleet = after({
      ...stream.opened(),
      kind: "stream-refused",
      isTooEarly: false,
      reason: "it matches no group",
    });
    expect(summaryText(fleet)).not.toContain('"a"');
  });

  test.each([
    ["no gzip", Buffer.from("{}")],
    ["no summary", gzipSync('{"nodes":[{}]}')],
    ["far too large when unpacked", gzipSync(Buffer.alloc(64 * 1024 * 1024))],
  ])("that is %s says nothing", (_what, bytes) => {
    expect(readSummary("r", bytes, 0)).toBeUndefined();
  });
});
