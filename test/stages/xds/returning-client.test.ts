/**
 * Clients that come back: what they hold, what they do not say, and what a rejection has left with them.
 */
import { describe, expect, test } from "vitest";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { describeWait } from "../../../src/xds/progress.ts";
import type { Rejections } from "../../../src/xds/stream-state.ts";
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
const withoutB = build({ ...base, clusters: { a: ["10.0.0.1"] } });
const tunedA = build({ ...base, clusters: { a: { hosts: ["10.0.0.1"], tune: 2 }, b: ["10.0.0.2"] } });
const withC = { ...base, clusters: { a: ["10.0.0.1"], b: ["10.0.0.2"], c: ["10.0.0.3"] } };
const withBadC = build(withC);

/** What a delta client that has all of a snapshot says of a type. */
function versionsOf(snapshot: Snapshot, type: keyof typeof typeUrls): Readonly<Record<string, string>> {
  const resources = snapshot.tables.get(typeUrls[type])?.resources.values() ?? [];
  return Object.fromEntries([...resources].map(({ name, version }) => [name, version]));
}

/** A SotW stream whose server remembers these snapshots. */
function remembering(snapshots: readonly Snapshot[], rejections: Rejections = new Map()): DrivenStream {
  const stream = new DrivenStream("sotw", rejections);
  for (const typeUrl of Object.values(typeUrls)) {
    stream.earlier.set(
      typeUrl,
      snapshots.flatMap((snapshot) => snapshot.tables.get(typeUrl) ?? []),
    );
  }
  return stream;
}

describe("a delta client that comes back", () => {
  test("gets the unchanged endpoints of a cluster that changed, although it asks for them later", () => {
    const stream = new DrivenStream("delta");
    stream.publish(tunedA);
    expect(shown(stream.ask("cluster", { versions: versionsOf(first, "cluster") }))).toEqual(["clusters +a"]);
    const asked = stream.ask("endpoints", { names: ["a", "b"], versions: versionsOf(first, "endpoints") });
    expect(shown(asked)).toEqual(["endpoints +a"]);
  });

  test("gets its endpoints when it asks for them before its clusters, because it is warming", () => {
    const stream = new DrivenStream("delta");
    stream.publish(first);
    const asked = stream.ask("endpoints", { names: ["a", "b"], versions: versionsOf(first, "endpoints") });
    expect(shown(asked)).toEqual(["endpoints +a +b"]);
  });

  test("keeps its listeners until it has asked for its clusters", () => {
    const moved = build({ ...base, clusters: { c: ["10.0.0.3"] }, routes: { r: ["c"] } });
    const stream = new DrivenStream("delta");
    stream.publish(moved);
    stream.ask("endpoints", { names: ["a", "b"], versions: versionsOf(first, "endpoints") });
    stream.ask("listener", { versions: versionsOf(first, "listener") });
    expect(shown(stream.ask("route", { names: ["r"], versions: versionsOf(first, "route") }))).toEqual([]);
    expect(shown(stream.ask("cluster", { versions: versionsOf(first, "cluster") }))).toEqual(["clusters +c"]);
  });

  test("is sent all that it names again after a rejection, because it has parts of what it rejected", () => {
    const rejections: Rejections = new Map();
    const before = new DrivenStream("delta", rejections);
    before.publish(tunedA);
    before.ask("cluster");
    before.reject("cluster", "something is wrong");
    const stream = new DrivenStream("delta", rejections);
    stream.publish(first);
    expect(shown(stream.ask("cluster", { versions: versionsOf(first, "cluster") }))).toEqual(["clusters +a +b"]);
  });

  test("is sent the endpoints that it named when a cluster waits for them and the new ones were rejected", () => {
    const bothDiffer = build({ ...base, clusters: { a: { hosts: ["10.0.0.9"], tune: 2 }, b: ["10.0.0.2"] } });
    const stream = new DrivenStream("delta");
    stream.publish(bothDiffer);
    stream.ask("cluster", { versions: versionsOf(first, "cluster") });
    const asked = stream.ask("endpoints", { names: ["a", "b"], versions: versionsOf(first, "endpoints") });
    expect(shown(asked)).toEqual(["endpoints +a"]);
    expect(stream.reject("endpoints", "a: no"), "nobody here knows what it has").toEqual([]);
    expect(shown(stream.publish(tunedA))).toEqual(["endpoints +a"]);
  });
});

describe("a SotW client that comes back", () => {
  test("keeps what its version had and the snapshot has not, and nothing that is older", () => {
    const older = build({ ...base, clusters: { old: ["10.0.0.5"] }, routes: { r: ["old"] } });
    const stream = remembering([withoutB, first, older]);
    stream.publish(withoutB);
    const version = first.tables.get(typeUrls.cluster)?.version ?? "";
    expect(shown(stream.ask("cluster", { versionInfo: version }))).toEqual(["clusters +a +b"]);
  });

  test("is not told that endpoints are empty which nobody here knows", () => {
    const stream = new DrivenStream("sotw");
    stream.publish(first);
    const asked = stream.ask("endpoints", { names: ["a", "gone"], versionInfo: "1234" });
    expect(shown(asked)).toEqual(["endpoints +a"]);
  });

  test("does not lose a cluster because the new one was rejected before", () => {
    const rejections: Rejections = new Map();
    const before = settledStream("sotw", first, ["a", "b"], rejections);
    before.publish(tunedA);
    before.reject("cluster", "a: no");
    const accepted = before.last("cluster").versionInfo;
    before.ack("cluster");
    const stream = remembering([tunedA, first], rejections);
    stream.publish(tunedA);
    expect(stream.ask("cluster", { versionInfo: accepted })).toEqual([]);
  });

  test("keeps what left while it had not said yet that it comes back", () => {
    const stream = remembering([withoutB]);
    stream.publish(first);
    stream.ask("endpoints", { names: ["a", "b"], versionInfo: "0011223344556677" });
    stream.publish(build({ ...base, group: "another", clusters: { a: ["10.0.0.1"] } }));
    stream.wait(1_000);
    expect(shown(stream.ask("cluster", { versionInfo: "0011223344556677" }))).toEqual(["clusters +a +b"]);
  });

  test("keeps a cluster with what it may have accepted of it, and not with what it rejected", () => {
    const rejections: Rejections = new Map();
    const tunedB = build({ ...base, clusters: { a: ["10.0.0.1"], b: { hosts: ["10.0.0.2"], tune: 2 } } });
    const before = new DrivenStream("sotw", rejections);
    before.publish(tunedB);
    before.ask("cluster");
    before.reject("cluster", "b: no");
    const stream = remembering([withoutB, tunedB, first], rejections);
    stream.publish(withoutB);
    const [kept] = stream.ask("cluster", { versionInfo: "0011223344556677" });
    const good = first.tables.get(typeUrls.cluster)?.resources;
    expect(new Set(kept?.resources)).toEqual(new Set(good?.values()));
  });

  test("is offered what it may have of a cluster that it rejected, and what is new beside it", () => {
    const rejections: Rejections = new Map();
    const before = new DrivenStream("sotw", rejections);
    before.publish(tunedA);
    before.ask("cluster");
    before.reject("cluster", "a: no");
    before.ack("cluster");
    const { clusters, ...rest } = withC;
    const next = build({ ...rest, clusters: { ...clusters, a: { hosts: ["10.0.0.1"], tune: 2 } } });
    const stream = remembering([next, tunedA, first], rejections);
    stream.publish(next);
    const [sent] = stream.ask("cluster", { versionInfo: "0011223344556677" });
    const good = build(withC).tables.get(typeUrls.cluster)?.resources;
    expect(new Set(sent?.resources)).toEqual(new Set(good?.values()));
  });

  test("gets past a response that it rejected without a name when what may have been bad has left", () => {
    const rejections: Rejections = new Map();
    const before = remembering([withBadC], rejections);
    before.publish(withBadC);
    before.ask("cluster", { versionInfo: "0011223344556677" });
    expect(before.reject("cluster", "something is wrong")).toEqual([]);
    const stream = remembering([first, withBadC], rejections);
    stream.publish(first);
    expect(shown(stream.ask("cluster", { versionInfo: "0011223344556677" }))).toEqual(["clusters +a +b"]);
  });

  test("is given what it rejected beside others when the snapshot that has it takes over", () => {
    const { clusters, ...rest } = withC;
    const next = build({ ...rest, clusters: { ...clusters, a: { hosts: ["10.0.0.1"], tune: 2 } } });
    const stream = remembering([next, first]);
    stream.publish(first);
    stream.ask("endpoints", { names: ["a", "b"], versionInfo: "0011223344556677" });
    stream.publish(next);
    expect(shown(stream.ask("cluster", { versionInfo: "0011223344556677" }))).toContain("clusters +a +b +c");
    const sent = [...stream.reject("cluster", "something is wrong"), ...stream.wait(1_000)];
    if (sent.length > 0) sent.push(...stream.ack("cluster"));
    expect(shown([...sent, ...stream.wait(1_000)])).toContain("clusters +a +b +c");
  });

  test("is given what was only kept, and given up after a rejection without a name, when it is wanted again", () => {
    const withCForB = build({ ...base, clusters: { a: ["10.0.0.1"], c: ["10.0.0.3"] } });
    const stream = remembering([withCForB, first]);
    stream.publish(withCForB);
    expect(shown(stream.ask("cluster", { versionInfo: "0011223344556677" }))).toEqual(["clusters +a +b +c"]);
    expect(shown(stream.reject("cluster", "something is wrong"))).toEqual(["clusters +a +c"]);
    expect(shown(stream.reject("cluster", "something is wrong"))).toEqual([]);
    expect(shown(stream.publish(first))).toEqual(["clusters +a +b"]);
  });

  test("goes on with what was tried when it comes back without a name for what it rejected", () => {
    const rejections: Rejections = new Map();
    const bad = { ...base, clusters: { ...withC.clusters, d: ["10.0.0.4"] } };
    const before = new DrivenStream("sotw", rejections);
    before.publish(build(bad));
    before.ask("cluster");
    expect(shown(before.reject("cluster", "something is wrong"))).toEqual(["clusters +a +b"]);
    const stream = remembering([build(bad)], rejections);
    stream.publish(build(bad));
    const accepted = before.last("cluster").versionInfo;
    expect(shown(stream.ask("cluster", { versionInfo: accepted }))).toEqual(["clusters +a +b"]);
    expect(shown(stream.ack("cluster"))).toEqual(["clusters +a +b +c"]);
    expect(shown(stream.reject("cluster", "something is wrong"))).toEqual(["clusters +a +b +d"]);
  });

  test("is recognised when the first content of a cluster was rejected before", () => {
    const rejections: Rejections = new Map();
    const before = settledStream("sotw", first, ["a", "b"], rejections);
    before.publish(withBadC);
    before.reject("cluster", "c: no");
    before.ack("cluster");
    const stream = remembering([withBadC], rejections);
    stream.publish(withBadC);
    stream.ask("cluster", { versionInfo: before.last("cluster").versionInfo });
    const { clusters, ...rest } = withC;
    const moved = { ...rest, clusters: { ...clusters, d: ["10.0.0.4"] }, routes: { r: ["d"] } };
    const sent = [...stream.publish(build(moved)), ...stream.wait(1_000)];
    expect(shown(sent), "nothing of unknown content is in the way").toEqual(["clusters +a +b +d"]);
  });

  test("keeps its routes when the cluster that they move to is held back with a rejected one of unknown content", () => {
    const stream = remembering([withBadC]);
    stream.publish(withBadC);
    stream.ask("cluster", { versionInfo: "0011223344556677" });
    expect(shown(stream.reject("cluster", "c: no")), "what it has as c would be deleted").toEqual([]);
    stream.ask("endpoints", { names: ["a", "b"], versionInfo: "0011223344556677" });
    stream.ack("endpoints", { names: ["a", "b"] });
    stream.ask("listener", { versionInfo: "0011223344556677" });
    stream.ack("listener");
    stream.ask("route", { names: ["r"] });
    stream.ack("route", { names: ["r"] });
    const { clusters, ...rest } = withC;
    const moved = { ...rest, clusters: { ...clusters, d: ["10.0.0.4"] }, routes: { r: ["d"] } };
    expect(shown([...stream.publish(build(moved)), ...stream.wait(16_000)])).toEqual([]);
    expect(stream.inspect(describeWait)).toBe("a cure for what the node rejected: c");
    const cured = { ...moved, clusters: { ...moved.clusters, c: { hosts: ["10.0.0.3"], tune: 2 } } };
    expect(shown([...stream.publish(build(cured)), ...stream.wait(1_000)])).toContain("clusters +a +b +c +d");
  });
});

describe("a rejection", () => {
  test("without a name is forgotten for the others once one of them has changed", () => {
    const stream = settledStream("delta", first, ["a", "b"]);
    const clusters = { a: { hosts: ["10.0.0.1"], tune: 3 }, b: { hosts: ["10.0.0.2"], tune: 3 } };
    stream.publish(build({ ...base, clusters }));
    stream.reject("cluster", "something is wrong");
    const cured = build({ ...base, clusters: { ...clusters, a: { hosts: ["10.0.0.1"], tune: 4 } } });
    stream.publish(cured);
    const answers = [...stream.reject("cluster", "something is wrong"), ...stream.ack("cluster")];
    expect(shown(answers).join()).toContain("clusters +a +b");
  });

  test("of a full state makes going back a change, because parts of it have been applied", () => {
    const stream = settledStream("sotw", first, ["a", "b"]);
    stream.publish(tunedA);
    stream.publish(first);
    expect(shown(stream.reject("cluster", "something is wrong"))).toContain("clusters +a +b");
  });

  test("of endpoints does not make them empty while a route leads to what the client took beside them", () => {
    const names = ["a", "b"];
    const stream = new DrivenStream("sotw");
    const inUse = { ...base, routes: { r: ["b"] } };
    stream.publish(build(inUse));
    stream.ask("cluster");
    expect(shown(stream.ask("endpoints", { names }))).toEqual(["endpoints +a +b"]);
    stream.ack("cluster");
    stream.publish(build({ ...inUse, clusters: { a: ["10.0.0.1"], b: ["10.0.0.9"] } }));
    expect(shown(stream.reject("endpoints", "a: no", { names }))).toEqual(["endpoints +b"]);
    expect(stream.reject("endpoints", "b: no", { names })).toEqual([]);
    stream.ask("listener");
    stream.ack("listener");
    expect(shown(stream.ask("route", { names: ["r"] }))).toEqual(["routes +r"]);
    stream.ack("route", { names: ["r"] });
    const left = { ...base, clusters: { a: ["10.0.0.1"], b: [], c: ["10.0.0.3"] }, routes: { r: ["c"] } };
    expect(shown(stream.publish(build(left)))).toEqual(["clusters +a +b +c"]);
  });

  test("of all there is does not become “delete everything”", () => {
    const stream = new DrivenStream("sotw");
    stream.publish(withoutB);
    stream.ask("cluster");
    expect(stream.reject("cluster", "a: no")).toEqual([]);
  });
});

test("a client that asks again for endpoints of which nobody knows anything is told so", () => {
  const stream = new DrivenStream("delta");
  stream.publish(first);
  const versions = { c: "0011223344556677" };
  expect(stream.ask("endpoints", { names: ["c"], versions }), "a cluster that warms may have it").toEqual([]);
  expect(shown(stream.ask("endpoints", { names: ["c"] }))).toEqual(["endpoints -c"]);
});

test("a name that does not exist is said again when the response that said so was rejected", () => {
  const stream = new DrivenStream("delta");
  stream.publish(first);
  expect(shown(stream.ask("cluster", { names: ["a", "nothing"] }))).toEqual(["clusters +a -nothing"]);
  expect(shown(stream.reject("cluster", "something is wrong"))).toEqual(["clusters -nothing"]);
  expect(stream.reject("cluster", "something is wrong"), "alone it is said once").toEqual([]);
});

test("a SotW client that drops all names of a type is not told to delete everything", () => {
  const stream = new DrivenStream("sotw");
  stream.publish(first);
  stream.ask("cluster", { names: ["a"] });
  stream.ack("cluster", { names: ["a"] });
  expect(stream.ack("cluster", { names: [] })).toEqual([]);
  expect(shown(stream.ack("cluster", { names: ["a"] }))).toEqual(["clusters +a"]);
});

test("a SotW client waits for its answer before it is sent names that it added meanwhile", () => {
  const stream = new DrivenStream("sotw");
  stream.publish(first);
  stream.ask("endpoints", { names: ["a"] });
  expect(stream.ask("endpoints", { names: ["a", "b"] })).toEqual([]);
  expect(shown(stream.ack("endpoints", { names: ["a", "b"] }))).toEqual(["endpoints +b"]);
});

test("a SotW client that dropped every name of a response is not waited for", () => {
  const stream = new DrivenStream("sotw");
  stream.publish(first);
  stream.ask("endpoints", { names: ["a"] });
  stream.ask("endpoints", { names: [], nonce: "stale" });
  expect(shown(stream.ask("endpoints", { names: ["b"], nonce: "stale" }))).toEqual(["endpoints +b"]);
});
