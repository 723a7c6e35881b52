/**
 * The order of a change on one node, seen from outside the stream machine.
 */
import { describe, expect, test } from "vitest";
import type { SnapshotNotation } from "../../support/build-snapshot.ts";
import { buildSnapshot } from "../../support/build-snapshot.ts";
import { settledStream, shown } from "./driven-stream.ts";

const updates = { graceMs: 10_000, deadlineMs: 5_000 };

const leadingTo = (cluster: string, more: SnapshotNotation = {}) =>
  buildSnapshot({
    clusters: { [cluster]: ["10.0.0.1"] },
    listeners: { l: "r" },
    routes: { r: [cluster] },
    updates,
    ...more,
  });

/** A delta Envoy that uses cluster `a`, and a snapshot in which the route leads to `b` instead. */
function swapping() {
  const stream = settledStream("delta", leadingTo("a"), ["a"]);
  const before = stream.responses.length;
  return { stream, sent: () => shown(stream.responses.slice(before)) };
}

describe("a cluster that is replaced", () => {
  test("is joined by the new one, left by the routes, and removed after the grace", () => {
    const { stream, sent } = swapping();
    stream.publish(leadingTo("b"));
    expect(sent()).toEqual(["clusters +b"]);
    stream.ask("endpoints", { names: ["b"] });
    stream.ack("endpoints");
    expect(sent()).toEqual(["clusters +b", "endpoints +b"]);
    stream.ack("cluster");
    expect(sent()).toEqual(["clusters +b", "endpoints +b", "routes +r"]);
    stream.wait(60_000);
    expect(sent()).toHaveLength(3);
    stream.ack("route");
    stream.wait(9_000);
    expect(sent()).toHaveLength(3);
    stream.wait(2_000);
    expect(sent()[3]).toBe("clusters -a");
  });

  test("stays while the node does not acknowledge, and the wait is named when it is overdue", () => {
    const { stream, sent } = swapping();
    stream.publish(leadingTo("b"));
    stream.wait(6_000);
    expect(sent()).toEqual(["clusters +b"]);
    expect(stream.kinds()).toContain("gate overdue");
    const gate = stream.events.findLast((event) => event.kind === "gate");
    expect(gate?.kind === "gate" ? gate.waitingFor : "").toContain("clusters (b)");
  });

  test("is left after the deadline all the same where the group says so", () => {
    const { stream, sent } = swapping();
    stream.publish(leadingTo("b", { updates: { ...updates, onDeadline: "proceed" } }));
    stream.wait(6_000);
    expect(sent()).toContain("routes +r");
  });

  test("stays when the node rejects the new one, and so do its routes", () => {
    const { stream, sent } = swapping();
    stream.publish(leadingTo("b"));
    stream.reject("cluster", "b is bad");
    stream.wait(60_000);
    expect(sent()).toEqual(["clusters +b"]);
  });
});

test("a rejected cluster that nothing leads to does not hold the routes", () => {
  const { stream, sent } = swapping();
  stream.publish(leadingTo("b", { clusters: { b: ["10.0.0.1"], unused: ["10.0.0.2"] } }));
  stream.ask("endpoints", { names: ["b"] });
  stream.ack("endpoints");
  stream.reject("cluster", "unused is bad");
  stream.ask("endpoints", { nonce: stream.last("endpoints").nonce });
  stream.ack("cluster");
  expect(sent().at(-1)).toBe("routes +r");
});

describe("a newer snapshot", () => {
  test("waits until the change before it has moved the routes", () => {
    const { stream, sent } = swapping();
    stream.publish(leadingTo("b"));
    stream.publish(leadingTo("c"));
    expect(sent()).toEqual(["clusters +b"]);
    stream.ask("endpoints", { names: ["b"] });
    stream.ack("endpoints");
    stream.ack("cluster");
    expect(sent().at(-1)).toBe("routes +r");
    stream.ack("route");
    expect(sent().at(-1)).toBe("clusters +c");
  });

  test("takes over from one that is stuck for a second", () => {
    const { stream, sent } = swapping();
    stream.publish(leadingTo("b"));
    stream.publish(leadingTo("c"));
    stream.wait(1_100);
    stream.ack("cluster");
    expect(sent()).toContain("clusters +c");
  });

  test("takes over at once from one that the node rejected", () => {
    const { stream, sent } = swapping();
    stream.publish(leadingTo("b"));
    stream.reject("cluster", "b is bad");
    stream.publish(leadingTo("c"));
    expect(sent().at(-1)).toBe("clusters +c");
  });

  test("that is the old one again takes the change back", () => {
    const { stream, sent } = swapping();
    stream.publish(leadingTo("b"));
    stream.ask("endpoints", { names: ["b"] });
    stream.ack("endpoints");
    stream.ack("cluster");
    stream.ack("route");
    stream.publish(leadingTo("a"));
    expect(sent().at(-1)).toBe("routes +r");
    stream.ack("route");
    stream.wait(60_000);
    expect(sent().at(-1)).toBe("clusters -b");
  });
});

test("endpoints that are emptied while the routes move stay until the routes have left", () => {
  const two = (hosts: readonly string[], route: string) =>
    buildSnapshot({
      clusters: { a: hosts, b: ["10.0.0.2"] },
      listeners: { l: "r" },
      routes: { r: [route] },
      updates,
    });
  const stream = settledStream("delta", two(["10.0.0.1"], "a"), ["a", "b"]);
  const before = stream.responses.length;
  stream.publish(two([], "b"));
  expect(shown(stream.responses.slice(before))).toEqual(["routes +r"]);
  stream.ack("route");
  stream.wait(60_000);
  expect(shown(stream.responses.slice(before))).toEqual(["routes +r", "endpoints +a"]);
});

test("clusters that leave together with a listener stay as long as Envoy drains it", () => {
  const drained = { ...updates, drainMs: 600_000 };
  const stream = settledStream("delta", leadingTo("a", { updates: drained }), ["a"]);
  const before = stream.responses.length;
  stream.publish(
    leadingTo("a", {
      clusters: { b: ["10.0.0.2"] },
      routes: { r: ["b"] },
      listeners: { l: { route: "r", tune: 1 } },
      updates: drained,
    }),
  );
  stream.ask("endpoints", { names: ["b"] });
  stream.ack("endpoints");
  stream.ack("cluster");
  stream.ack("listener");
  stream.ack("route");
  stream.wait(300_000);
  const sent = () => shown(stream.responses.slice(before));
  expect(sent().join()).not.toContain("-a");
  stream.wait(301_000);
  expect(sent().join()).toContain("clusters -a");
});

test("what a listener leaves behind stays as long as the gateway said that went with it", () => {
  const long = { ...updates, drainMs: 600_000 };
  const stream = settledStream("delta", leadingTo("a", { updates: long }), ["a"]);
  const before = stream.responses.length;
  const gone = { clusters: { b: ["10.0.0.2"] }, routes: { r: ["b"] }, listeners: { l: { route: "r", tune: 1 } } };
  stream.publish(leadingTo("a", { ...gone, updates: { ...updates, drainMs: 20_000 } }));
  stream.ask("endpoints", { names: ["b"] });
  for (const type of ["endpoints", "cluster", "listener", "route"] as const) stream.ack(type);
  const sent = () => shown(stream.responses.slice(before)).join();
  stream.wait(300_000);
  expect(sent()).not.toContain("-a");
  stream.wait(301_000);
  expect(sent()).toContain("clusters -a");
});
