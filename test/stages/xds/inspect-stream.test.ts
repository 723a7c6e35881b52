/**
 * What is told of each resource of a stream: what the client has, is to have, and what keeps it from that.
 */
import { describe, expect, test } from "vitest";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import type { InspectQuery } from "../../../src/xds/inspect-stream.ts";
import { inspectStream, mergePages } from "../../../src/xds/inspect-stream.ts";
import type { ResourceCache, SnapshotNotation } from "../../support/build-snapshot.ts";
import { buildSnapshot } from "../../support/build-snapshot.ts";
import { DrivenStream, settledStream } from "./driven-stream.ts";

const cache: ResourceCache = new Map();
const build = (notation: SnapshotNotation) => buildSnapshot(notation, cache);
const base: SnapshotNotation = {
  clusters: { a: ["10.0.0.1"], b: ["10.0.0.2"] },
  listeners: { l: "r" },
  routes: { r: ["a"] },
};
const first = build(base);
const tuned = (tune: number): SnapshotNotation => ({
  ...base,
  clusters: { a: { hosts: ["10.0.0.1"], tune }, b: ["10.0.0.2"] },
});

/** `name status`, and whether it has what it is to have. */
function statuses(stream: DrivenStream, query: Partial<InspectQuery> = { typeUrl: typeUrls.cluster }) {
  const { resources } = stream.inspect((state) => inspectStream(state, { limit: 100, ...query }));
  return resources.map(({ name, status, heldVersion, wanted }) => {
    const has = heldVersion === wanted?.version ? "=" : heldVersion === undefined ? "-" : "≠";
    return `${name} ${status} ${has}`;
  });
}

const names = (variant: "delta" | "sotw", list: readonly string[]) => (variant === "sotw" ? { names: list } : {});

describe.each(["delta", "sotw"] as const)("on %s, a resource", (variant) => {
  test("is not_sent before anything was, stale until it is acknowledged, and synced then", () => {
    const stream = new DrivenStream(variant);
    stream.ask("cluster");
    expect(statuses(stream)).toEqual([]);
    stream.publish(first);
    expect(statuses(stream)).toEqual(["a stale -", "b stale -"]);
    stream.ack("cluster");
    expect(statuses(stream)).toEqual(["a synced =", "b synced ="]);
  });

  test("is stale by itself when it is all that a response changes", () => {
    const stream = settledStream(variant, first, ["a", "b"]);
    stream.publish(build(tuned(2)));
    expect(statuses(stream)).toEqual(["a stale ≠", "b synced ="]);
  });

  test("is not_sent while something newer waits behind what is under way", () => {
    const stream = settledStream(variant, first, ["a", "b"]);
    stream.publish(build(tuned(2)));
    stream.publish(build({ ...tuned(2), clusters: { ...tuned(2).clusters, c: ["10.0.0.3"] } }));
    expect(statuses(stream)).toEqual(["a stale ≠", "b synced =", "c not_sent -"]);
    expect(statuses(stream, { typeUrl: typeUrls.route })).toEqual(["r synced ="]);
  });

  test("is error when the client rejected it, and no longer when something else is wanted", () => {
    const stream = settledStream(variant, first, ["a", "b"]);
    stream.publish(build(tuned(2)));
    stream.reject("cluster", "Error adding/updating cluster(s) a: it does not please");
    expect(statuses(stream)).toEqual(["a error ≠", "b synced ="]);
    stream.publish(first);
    expect(statuses(stream)).toEqual(["a synced =", "b synced ="]);
  });

  test("is not_sent after it left the config until its removal is sent, and gone after that", () => {
    const stream = settledStream(variant, first, ["a", "b"]);
    const less = build({ ...base, clusters: { a: ["10.0.0.1"] } });
    stream.publish(less);
    expect(statuses(stream)).toEqual(["a synced =", "b not_sent ≠"]);
    stream.wait(less.updates.graceMs + 1_000);
    if (variant === "delta") expect(statuses(stream)).toEqual(["a synced =", "b stale ≠"]);
    stream.ack("cluster");
    expect(statuses(stream)).toEqual(["a synced ="]);
  });

  test("that does not exist is synced once the client was told so", () => {
    const stream = settledStream(variant, first, ["a", "b"]);
    stream.ask("cluster", { names: ["*", "none"] });
    const told = variant === "sotw" ? "synced" : "not_sent";
    expect(statuses(stream)).toContain(`none ${told} =`);
    stream.ack("cluster", names(variant, ["*", "none"]));
    expect(statuses(stream)).toContain("none synced =");
  });
});

test("of all types comes in pages that follow each other without gap or repetition, in the order of types", () => {
  const stream = settledStream("delta", first, ["a", "b"]);
  const all = stream.inspect((state) => inspectStream(state, { limit: 100 }));
  const place = ({ typeUrl, name }: { readonly typeUrl: string; readonly name: string }) => `${typeUrl} ${name}`;
  expect(all.next).toBeUndefined();
  expect(all.resources.map(place)).toEqual(
    [
      [typeUrls.cluster, "a", "b"],
      [typeUrls.endpoints, "a", "b"],
      [typeUrls.listener, "l"],
      [typeUrls.route, "r"],
    ].flatMap(([typeUrl = "", ...each]) => each.map((name) => place({ typeUrl, name }))),
  );
  const paged: string[] = [];
  let after: InspectQuery["after"];
  do {
    const page = stream.inspect((state) => inspectStream(state, { limit: 1, after }));
    expect(page.resources).toHaveLength(1);
    paged.push(...page.resources.map(place));
    after = page.next;
  } while (after !== undefined);
  expect(paged).toEqual(all.resources.map(place));
  expect(all.resources[0]).toMatchObject({
    heldVersion: first.tables.get(typeUrls.cluster)?.resources.get("a" as never)?.version,
  });
});

test("of a node with two streams is shown once, as the newest stream has it", () => {
  const [old, fresh] = [settledStream("delta", first, ["a", "b"]), new DrivenStream("delta")];
  fresh.publish(first);
  fresh.ask("cluster");
  const pages = [old, fresh].map((stream) => stream.inspect((state) => inspectStream(state, { limit: 3 })));
  const { resources, next } = mergePages(pages, 3);
  expect(resources.map(({ name, status }) => `${name} ${status}`)).toEqual(["a stale", "b stale", "a synced"]);
  expect(next).toEqual({ typeUrl: typeUrls.endpoints, name: "a" });
});
