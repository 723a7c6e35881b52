/**
 * What a request is worth: names, nonces and verdicts, in whatever order and combination they come.
 */
import { describe, expect, test } from "vitest";
import type { Resource, ResourceName, VersionInfo } from "../../../src/snapshot/resource.ts";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import { createTable } from "../../../src/snapshot/snapshot.ts";
import { resourceTypes } from "../../../src/snapshot/type-url.ts";
import { brand } from "../../../src/support/brand.ts";
import { contentHash } from "../../../src/support/hash.ts";
import { createSharedResponses } from "../../../src/xds/shared-responses.ts";
import type { ResourceCache, SnapshotNotation } from "../../support/build-snapshot.ts";
import { buildSnapshot } from "../../support/build-snapshot.ts";
import { DrivenStream, settledStream, shown } from "./driven-stream.ts";

const cache: ResourceCache = new Map();
const build = (notation: SnapshotNotation): Snapshot => buildSnapshot(notation, cache);

const base: SnapshotNotation = {
  clusters: { a: ["10.0.0.1"], b: ["10.0.0.2"] },
  listeners: { l: "r" },
  routes: { r: ["a"] },
};
const first = build(base);

describe.each(["delta", "sotw"] as const)("%s", (variant) => {
  const names = (list: readonly string[]) => (variant === "sotw" ? { names: list } : {});

  test("a part of the names is answered at once, whatever else there is", () => {
    const stream = new DrivenStream(variant);
    stream.publish(first);
    expect(shown(stream.ask("endpoints", { names: ["b"] }))).toEqual(["endpoints +b"]);
    stream.ack("endpoints", names(["b"]));
    expect(shown(stream.ask("route", { names: ["r"] }))).toEqual(["routes +r"]);
  });

  test.each([undefined, "no"])("a nonce of another stream is neither an ACK nor a NACK (its error: %s)", (error) => {
    const shared = createSharedResponses();
    const before = new DrivenStream(variant, new Map(), shared);
    before.publish(first);
    before.ask("cluster");
    const stream = new DrivenStream(variant, new Map(), shared);
    stream.publish(first);
    const { nonce } = before.last("cluster");
    expect(shown(stream.ask("cluster", error === undefined ? { nonce } : { nonce, error }))).toEqual([
      "clusters +a +b",
    ]);
    expect(stream.kinds().filter((kind) => kind === "acked" || kind === "rejected")).toEqual([]);
  });

  test("endpoints do not overtake the cluster that changes with them and waits for an ACK", () => {
    const tuned = (tune: number, host: string) => build({ ...base, clusters: { a: { hosts: [host], tune } } });
    const stream = settledStream(variant, build({ ...base, clusters: { a: ["10.0.0.1"] } }), ["a"]);
    stream.publish(tuned(2, "10.0.0.1"));
    stream.ack("endpoints", names(["a"]));
    expect(stream.publish(tuned(3, "10.0.0.3"))).toEqual([]);
    expect(shown([...stream.ack("cluster"), ...stream.wait(2_000)])).toEqual(["clusters +a", "endpoints +a"]);
  });
});

describe("delta", () => {
  test("a change of names counts whatever the nonce, and beside an ACK or a NACK", () => {
    const stream = new DrivenStream("delta");
    stream.publish(build({ ...base, clusters: { ...base.clusters, c: ["10.0.0.3"], d: ["10.0.0.4"] } }));
    stream.ask("endpoints", { names: ["a"] });
    const { nonce } = stream.last("endpoints");
    expect(shown(stream.ack("endpoints", { names: ["b"] }))).toEqual(["endpoints +b"]);
    expect(stream.ask("endpoints", { names: ["c"], nonce })).toEqual([]);
    expect(shown(stream.ack("endpoints"))).toEqual(["endpoints +c"]);
    const after = stream.reject("endpoints", "c: no", { names: ["d"], drop: ["a"] });
    expect(shown(after).join()).toContain("+d");
    expect(stream.kinds().filter((kind) => kind === "acked" || kind === "rejected")).toEqual([
      "acked",
      "acked",
      "rejected",
    ]);
    stream.ack("endpoints");
    const moved = { a: ["10.0.0.7"], b: ["10.0.0.8"], c: ["10.0.0.3"], d: ["10.0.0.4"] };
    expect(shown(stream.publish(build({ ...base, clusters: moved })))).toEqual(["endpoints +b"]);
  });

  test("names that are dropped are not answered, whether they were subscribed to or not", () => {
    const stream = settledStream("delta", first, ["a", "b"]);
    expect(stream.ask("endpoints", { drop: ["b"] })).toEqual([]);
    expect(stream.ask("endpoints", { drop: ["phantom"] })).toEqual([]);
    expect(shown(stream.publish(build({ ...base, clusters: { a: ["10.0.0.5"], b: ["10.0.0.6"] } })))).toEqual([
      "endpoints +a",
    ]);
  });
});

test.each([
  ["delta", { names: ["*"] }, { drop: ["*"] }],
  ["sotw", { names: ["*"] }, { names: [] }],
] as const)(
  "%s: who ends the wildcard is told of nothing more, until it asks for everything again",
  (variant, all, none) => {
    const stream = new DrivenStream(variant);
    stream.publish(first);
    stream.ask("cluster", all);
    stream.ack("cluster", variant === "sotw" ? all : {});
    expect(stream.ask("cluster", { ...none, nonce: stream.last("cluster").nonce })).toEqual([]);
    const more = build({ ...base, clusters: { ...base.clusters, c: ["10.0.0.3"] } });
    expect([...stream.publish(more), ...stream.wait(2_000)]).toEqual([]);
    expect(shown(stream.ask("cluster", { ...all, nonce: stream.last("cluster").nonce }))).toEqual([
      "clusters +a +b +c",
    ]);
  },
);

/** A snapshot that has these of one type and nothing else. */
function only(typeUrl: string, contents: Readonly<Record<string, string>>): Snapshot {
  const resources = Object.entries(contents).map(([name, content]): Resource => ({
    typeUrl,
    name: brand<ResourceName>(name),
    version: brand<VersionInfo>(contentHash([content])),
    body: Buffer.from(content),
    references: [],
    at: { file: "main.yaml", line: 1, column: 1 },
    hostCount: 1,
  }));
  const empty = build({ updates: { graceMs: 0 } });
  return {
    ...empty,
    version: brand(contentHash(Object.entries(contents).flat())),
    tables: new Map([...empty.tables, [typeUrl, createTable(typeUrl, resources)]]),
  };
}

describe.each(resourceTypes.filter(({ onDemand }) => !onDemand))("of $plural", (type) => {
  const { typeUrl, shortName } = type;
  // Written down here, and not read from the table of types, which is what is tested.
  const isFullState = ["LDS", "CDS", "SRDS"].includes(shortName);
  const goesWithParent = ["EDS", "SDS", "RDS", "ECDS"].includes(shortName);
  const key = { names: isFullState ? [] : ["x", "y"] };

  /** A stream that has x and y, and is then to have what `contents` says; what it is told. */
  function told(variant: "delta" | "sotw", contents: Readonly<Record<string, string>>): readonly string[] {
    const stream = new DrivenStream(variant);
    stream.publish(only(typeUrl, { x: "1", y: "1" }));
    stream.askFor(typeUrl, key);
    const { nonce, versionInfo } = stream.responses.at(-1) ?? { nonce: "", versionInfo: "" };
    stream.askFor(typeUrl, { ...(variant === "sotw" ? key : {}), nonce, versionInfo });
    const before = stream.responses.length;
    stream.publish(only(typeUrl, contents));
    stream.wait(2_000);
    return shown(stream.responses.slice(before)).map((text) => text.replace(`${type.plural} `, ""));
  }

  test("a change is told alone in delta, and in SotW with all the others where absence would mean deletion", () => {
    expect(told("delta", { x: "1", y: "2" })).toEqual(["+y"]);
    expect(told("sotw", { x: "1", y: "2" })).toEqual([isFullState ? "+x +y" : "+y"]);
  });

  test("a removal is named in delta, left out in SotW, and told to nobody where what goes with its parent or absence means nothing", () => {
    expect(told("delta", { y: "1" })).toEqual(goesWithParent ? [] : ["-x"]);
    expect(told("sotw", { y: "1" })).toEqual(isFullState ? ["+y"] : []);
  });
});
