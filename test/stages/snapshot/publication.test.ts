/**
 * What becomes of a build: served, held, refused, or stood in for by the last known good.
 */
import { describe, expect, test } from "vitest";
import type { NodeGroup } from "../../../src/model/intent.ts";
import { emptyPublication, heldWithoutServed, publish } from "../../../src/snapshot/publication.ts";
import type { Publication, PublicationInput } from "../../../src/snapshot/publication.ts";
import { livingNames } from "../../../src/snapshot/removal-guard.ts";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import { buildSnapshot } from "../../support/build-snapshot.ts";

const group = (guard: NodeGroup["removalGuard"] = { mode: "on" }, name = "default"): NodeGroup => ({
  name,
  at: { file: "nodes.yaml", line: 1, column: 1 },
  match: {},
  consistency: "strict",
  removalGuard: guard,
  updates: {},
});

const clusters = (...names: readonly string[]) =>
  buildSnapshot({ clusters: Object.fromEntries(names.map((name) => [name, ["10.0.0.1"]])) });

const many = clusters("a", "b", "c", "d", "e", "f");
const more = clusters("a", "b", "c", "d", "e", "f", "g");
const few = clusters("a");

const built = (snapshot: Snapshot, guard?: NodeGroup["removalGuard"]): PublicationInput => ({
  kind: "built",
  groups: [group(guard)],
  snapshots: new Map([[snapshot.group, snapshot]]),
  warnings: [],
  atMs: 5,
});

const confirmed = (version: string, groups: readonly string[] = ["default"]): PublicationInput => ({
  kind: "confirmed",
  confirmation: { version, groups, spent: [], actor: "alice", replica: "one", atMs: 5 },
});

const refused: PublicationInput = { kind: "refused", diagnostics: [], cause: "a.yaml changed", atMs: 7 };

/** The state after all inputs, and the kinds of all decisions. */
function after(...inputs: readonly PublicationInput[]): {
  readonly state: Publication;
  readonly kinds: readonly string[];
} {
  let state = emptyPublication;
  const kinds: string[] = [];
  for (const input of inputs) {
    const result = publish(state, input);
    state = result.state;
    kinds.push(...result.decisions.map(({ kind }) => kind));
  }
  return { state, kinds };
}

const servedVersion = (state: Publication) => state.served.get(many.group)?.version;

describe("a build", () => {
  test("is served and remembered, newest first", () => {
    const { state, kinds } = after(built(many), built(more));
    expect(kinds).toEqual(["accepted", "accepted"]);
    expect(servedVersion(state)).toBe(more.version);
    expect(state.history.get(many.group)?.map(({ version }) => version)).toEqual([more.version, many.version]);
  });

  test("with the version that is served decides nothing", () => {
    expect(after(built(many), built(clusters("a", "b", "c", "d", "e", "f"))).kinds).toEqual(["accepted"]);
  });

  test("ends a refusal", () => {
    expect(after(built(many), refused).state.refused?.cause).toBe("a.yaml changed");
    expect(after(built(many), refused, built(many)).state.refused).toBeUndefined();
  });

  test("that cannot be built leaves what is served", () => {
    expect(servedVersion(after(built(many), refused).state)).toBe(many.version);
  });

  test("without a group keeps the group's last snapshot for the nodes in it", () => {
    const nothing: PublicationInput = { kind: "built", groups: [], snapshots: new Map(), warnings: [], atMs: 6 };
    expect(servedVersion(after(built(many), nothing).state)).toBe(many.version);
  });
});

describe("what is served, built anew with other weights", () => {
  const rebuilt = (snapshot: Snapshot): PublicationInput => ({
    kind: "rebuilt",
    snapshots: new Map([[snapshot.group, snapshot]]),
  });

  test("is served, and what is refused stays refused", () => {
    const { state, kinds } = after(built(many), refused, rebuilt(more));
    expect(kinds).toEqual(["accepted", "accepted"]);
    expect(servedVersion(state)).toBe(more.version);
    expect(state.refused?.cause).toBe("a.yaml changed");
  });

  test("leaves what is held to be confirmed, and is still the last known good", () => {
    const start: PublicationInput = { kind: "fallback", groups: [group()], snapshots: [many] };
    const { state, kinds } = after(start, built(few), rebuilt(more));
    expect(kinds).toEqual(["accepted", "held", "accepted"]);
    expect(servedVersion(state)).toBe(more.version);
    expect(state.held.get(many.group)?.snapshot.version).toBe(few.version);
    expect(after(start, refused, rebuilt(more)).state.stale).toEqual(new Set([many.group]));
  });

  test("decides nothing when it is the same, removes much, or is of a group that is not served", () => {
    expect(after(built(many), refused, rebuilt(many)).kinds).toEqual(["accepted"]);
    expect(servedVersion(after(built(many), refused, rebuilt(few)).state)).toBe(many.version);
    expect(after(refused, rebuilt(many)).kinds).toEqual([]);
  });
});

describe("a change that removes much", () => {
  test("is held, and what was served stays", () => {
    const { state, kinds } = after(built(many), built(few));
    expect(kinds).toEqual(["accepted", "held"]);
    expect(servedVersion(state)).toBe(many.version);
    expect(state.held.get(many.group)?.snapshot.version).toBe(few.version);
  });

  test("is served once it is confirmed by its version", () => {
    const wrong = after(built(many), built(few), confirmed("0000000000000000"));
    expect(servedVersion(wrong.state)).toBe(many.version);
    const right = after(built(many), built(few), confirmed(few.version));
    expect(right.kinds).toEqual(["accepted", "held", "confirmed"]);
    expect(servedVersion(right.state)).toBe(few.version);
    expect(right.state.held.size).toBe(0);
  });

  test("is let through in the groups alone that the confirmation names", () => {
    const { state, kinds } = after(built(many), built(few), confirmed(few.version, ["other"]));
    expect(kinds).toEqual(["accepted", "held"]);
    expect(servedVersion(state)).toBe(many.version);
  });

  test("is withdrawn when the files no longer ask for it", () => {
    const { state, kinds } = after(built(many), built(few), built(more));
    expect(kinds).toEqual(["accepted", "held", "hold-withdrawn", "accepted"]);
    expect(state.held.size).toBe(0);
  });

  test("is said once while it stays the same, and keeps its time", () => {
    const again = { ...built(few), atMs: 99 } as PublicationInput;
    const { state, kinds } = after(built(many), built(few), again);
    expect(kinds).toEqual(["accepted", "held"]);
    expect(state.held.get(many.group)?.sinceMs).toBe(5);
  });

  test("passes where the group switched the guard off", () => {
    expect(servedVersion(after(built(many), built(few, { mode: "off" })).state)).toBe(few.version);
  });
});

describe("beside other replicas, the first build", () => {
  const living: PublicationInput = { kind: "fleet", living: new Map([[many.group, livingNames(many)]]) };

  test("is compared with what they serve, by a replica that has served nothing", () => {
    const { state, kinds } = after(living, built(few));
    expect(kinds).toEqual(["held"]);
    expect(state.served.size).toBe(0);
    expect(heldWithoutServed(state)).toEqual([many.group]);
    expect(after(living, built(more)).kinds).toEqual(["accepted"]);
  });

  test("is compared with what they serve and not with what this replica served long ago", () => {
    const old: PublicationInput = {
      kind: "remembered",
      snapshots: [clusters("a", "b", "c", "d", "e", "f", "g", "h", "i")],
    };
    const now: PublicationInput = { kind: "fleet", living: new Map([[many.group, livingNames(few)]]) };
    expect(after(old, built(few)).kinds).toEqual(["held", "accepted"]);
    expect(after(old, now, built(few)).kinds).toEqual(["accepted"]);
  });

  test("that is held again and again is compared with the same, until one is let through", () => {
    const { kinds } = after(living, built(few), built(clusters("b")), built(more), built(many));
    expect(kinds).toEqual(["held", "held", "hold-withdrawn", "accepted", "accepted"]);
    const small: PublicationInput = { kind: "fleet", living: new Map([[many.group, livingNames(few)]]) };
    expect(after(small, built(few), built(many), built(few)).kinds).toEqual(["accepted", "accepted", "held"]);
    expect(after(living, built(few), confirmed(few.version), built(clusters("a", "b")), built(few)).kinds).toEqual([
      "held",
      "confirmed",
      "accepted",
      "accepted",
    ]);
  });

  test("has what they serve in its place while it is held, or what this replica served last", () => {
    const theirs = after(living, built(few), { kind: "stood-in", snapshots: [many] });
    expect(theirs.kinds).toEqual(["held", "accepted"]);
    expect(servedVersion(theirs.state)).toBe(many.version);
    const own = after({ kind: "remembered", snapshots: [more] }, living, built(few), {
      kind: "stood-in",
      snapshots: [],
    });
    expect(servedVersion(own.state)).toBe(more.version);
    expect(own.state.held.size).toBe(1);
    expect(after(living, built(few), { kind: "stood-in", snapshots: [] }).state.served.size).toBe(0);
  });
});

describe("after a restart", () => {
  test("the first build is compared with what was served before, which is served while it is held", () => {
    const { state, kinds } = after({ kind: "remembered", snapshots: [many] }, built(few));
    expect(kinds).toEqual(["held", "accepted"]);
    expect(servedVersion(state)).toBe(many.version);
  });

  test("nothing is served before the first build", () => {
    expect(after({ kind: "remembered", snapshots: [many] }).state.served.size).toBe(0);
  });

  test("the last known good stands in for a config that cannot be built, until one can", () => {
    const fallback: PublicationInput = { kind: "fallback", groups: [group()], snapshots: [many] };
    const stale = after(refused, fallback).state;
    expect(servedVersion(stale)).toBe(many.version);
    expect([...stale.stale]).toEqual(["default"]);
    const cured = after(refused, fallback, built(more)).state;
    expect(servedVersion(cured)).toBe(more.version);
    expect(cured.stale.size).toBe(0);
  });
});
