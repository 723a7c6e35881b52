/** Who may come to a replica that is behind the others, or may be. */
import { describe, expect, test } from "vitest";
import type { GroupName, TypeTable } from "../../../src/snapshot/snapshot.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { brand } from "../../../src/support/brand.ts";
import type { Standing } from "../../../src/xds/replica-gate.ts";
import { ReplicaGate } from "../../../src/xds/replica-gate.ts";
import { isKnown } from "../../../src/xds/known-versions.ts";
import type { Demand } from "../../../src/xds/stream-state.ts";
import { eventually } from "../../support/eventually.ts";
import { fakeResource, fakeSnapshot } from "../../support/snapshot-of.ts";

const group = brand<GroupName>("edge");

const lagging: Standing = { kind: "lagging", reason: "it is behind" };
const unsureSince = (sinceMs: number): Standing => ({ kind: "unsure", reason: "nobody answers", sinceMs });

/** A gate whose clock, standing and looks the test moves. */
function createGate(standing: Standing) {
  const told: string[] = [];
  const looks: (() => void)[] = [];
  const world = { standing, nowMs: 0 };
  const clock = { nowMs: () => world.nowMs, monotonicMs: () => world.nowMs };
  type Stream = ReturnType<typeof stream>;
  const stream = (name: string) => ({
    name,
    group,
    end: (code: number, reason: string) => void told.push(`${name} ${code} ${reason}`),
  });
  const gate = new ReplicaGate<Stream>({
    clock,
    replicas: {
      standing: () => world.standing,
      look: () => new Promise<void>((resolve) => looks.push(resolve)),
    },
    pass: ({ name }) => void told.push(`${name} passes`),
  });
  return { gate, world, told, looks, stream };
}

describe("a stream that comes", () => {
  test("and holds nothing is let in at once, and one that comes back when the others' newest is known", async () => {
    const { gate, told, looks, stream } = createGate({ kind: "current" });
    expect(gate.enter(stream("new"), { holdsNothing: true })).toBe("now");
    expect(gate.enter(stream("back"), { holdsNothing: false })).toBe("later");
    expect(told).toEqual([]);
    looks[0]?.();
    await eventually("being let in", () => told.length > 0);
    expect(told).toEqual(["back passes"]);
  });

  test("while a look is under way waits for the next, which all share", async () => {
    const { gate, told, looks, stream } = createGate({ kind: "current" });
    gate.enter(stream("a"), { holdsNothing: false });
    gate.enter(stream("b"), { holdsNothing: false });
    gate.enter(stream("c"), { holdsNothing: false });
    looks[0]?.();
    await eventually("a second look", () => looks.length === 2);
    expect(told).toEqual([]);
    looks[1]?.();
    await eventually("being let in", () => told.length === 3);
    expect(looks.length).toBe(2);
  });

  test("to a replica that lags waits until that has caught up", async () => {
    const { gate, world, told, looks, stream } = createGate(lagging);
    expect(gate.enter(stream("new"), { holdsNothing: true })).toBe("later");
    looks[0]?.();
    await new Promise(setImmediate);
    gate.changed();
    expect(told).toEqual([]);
    world.standing = { kind: "current" };
    gate.changed();
    expect(told).toEqual(["new passes"]);
  });

  test("to one that does not catch up is sent elsewhere after some seconds", async () => {
    const { gate, told, looks, stream } = createGate(lagging);
    gate.enter(stream("new"), { holdsNothing: true });
    looks[0]?.();
    await eventually("being ended", () => told.length > 0);
    expect(told).toEqual(["new 14 it is behind"]);
  });

  test("and goes is not called", async () => {
    const { gate, told, looks, stream } = createGate({ kind: "current" });
    const gone = stream("gone");
    gate.enter(gone, { holdsNothing: false });
    gate.leave(gone);
    looks[0]?.();
    await new Promise(setImmediate);
    expect(told).toEqual([]);
  });
});

function tablesOf(...names: readonly string[]): readonly TypeTable[] {
  const { tables: all } = fakeSnapshot(names.map((name) => fakeResource(typeUrls.cluster, name)));
  return [...all.values()].filter(({ typeUrl }) => typeUrl === typeUrls.cluster);
}

const tables = tablesOf("a", "b");

function delta(initialVersions: Readonly<Record<string, string>>): Demand {
  return {
    variant: "delta",
    typeUrl: typeUrls.cluster,
    subscribe: [],
    unsubscribe: [],
    initialVersions: new Map(Object.entries(initialVersions)),
    nonce: "",
    error: undefined,
  };
}

describe("a replica that nobody answers", () => {
  const node = { nodeId: "edge-1", group };
  const unknown = delta({ a: "0123456789abcdef" });

  test("sends away who holds what it has never served, and serves all others", () => {
    const { gate } = createGate(unsureSince(0));
    const known = [...(tables[0]?.resources.values() ?? [])].map(({ name, version }) => [name, version] as const);
    expect(gate.doubt(node, delta(Object.fromEntries(known)), () => tables)).toBeUndefined();
    expect(gate.doubt(node, delta({}), () => tables)).toBeUndefined();
    expect(gate.doubt(node, unknown, () => tables)).toMatchObject({
      code: 14,
      reason: expect.stringContaining("nobody answers"),
    });
  });

  test("does so for half a minute, then each node once more, and then serves everybody", () => {
    const { gate, world } = createGate(unsureSince(0));
    world.nowMs = 30_000;
    expect(gate.doubt(node, unknown, () => tables)).toBeDefined();
    world.nowMs = 40_000;
    expect(
      gate.doubt(node, unknown, () => tables),
      "one try more",
    ).toBeDefined();
    world.nowMs = 40_100;
    expect(
      gate.doubt(node, unknown, () => tables),
      "another stream of the same try",
    ).toBeDefined();
    world.nowMs = 41_000;
    expect(gate.doubt(node, unknown, () => tables)).toBeUndefined();
    expect(
      gate.doubt({ ...node, nodeId: "edge-2" }, unknown, () => tables),
      "another node",
    ).toBeDefined();
  });

  test("that is sure again asks nobody to go", () => {
    const { gate } = createGate({ kind: "current" });
    expect(gate.doubt(node, unknown, () => tables)).toBeUndefined();
  });
});

describe("what a client holds", () => {
  const sotw = (versionInfo: string, names: readonly string[]): Demand => ({
    variant: "sotw",
    typeUrl: typeUrls.cluster,
    names,
    versionInfo,
    nonce: "",
    error: undefined,
  });

  test("in state of the world is known by the version of the whole, or of what was named", () => {
    const [table] = tables;
    expect(isKnown(sotw(table?.version ?? "", []), tables)).toBe(true);
    expect(isKnown(sotw("0123456789abcdef", []), tables)).toBe(false);
    expect(isKnown(sotw("", []), [])).toBe(true);
    const [onlyA] = tablesOf("a");
    expect(isKnown(sotw(onlyA?.version ?? "", ["a"]), tables)).toBe(true);
    expect(isKnown(sotw(onlyA?.version ?? "", ["a", "b"]), tables)).toBe(false);
  });

  test("is known when it is in any of the tables, and a name without a version is no claim", () => {
    expect(isKnown(delta({ gone: "" }), tables)).toBe(true);
    expect(isKnown(delta({ gone: "0123456789abcdef" }), tables)).toBe(false);
  });
});
