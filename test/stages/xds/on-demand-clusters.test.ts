/**
 * Clusters on demand beside a wildcard: what a delta client gets without asking, and what becomes of the rest.
 */
import { expect, test } from "vitest";
import type { Resource } from "../../../src/snapshot/resource.ts";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { fakeResource, fakeSnapshot } from "../../support/snapshot-of.ts";
import { DrivenStream, shown } from "./driven-stream.ts";

/** Clusters by name and content; a star is one on demand. */
function build(...clusters: readonly string[]): Snapshot {
  return fakeSnapshot(
    clusters.map((text): Resource => {
      const [name = "", content = "1"] = text.replace("*", "").split(" ");
      const resource = fakeResource(typeUrls.cluster, name, { content: `${content}${text.includes("*") ? "*" : ""}` });
      return text.includes("*") ? { ...resource, onDemand: true } : resource;
    }),
  );
}

function started(snapshot: Snapshot): DrivenStream {
  const stream = new DrivenStream("delta");
  stream.publish(snapshot);
  stream.ask("cluster");
  stream.ack("cluster");
  return stream;
}

test("a wildcard has what is not on demand, and a name adds the one that it names", () => {
  const stream = new DrivenStream("delta");
  stream.publish(build("always", "a*", "b*"));
  expect(shown(stream.ask("cluster"))).toEqual(["clusters +always"]);
  stream.ack("cluster");
  expect(shown(stream.ask("cluster", { names: ["b"] }))).toEqual(["clusters +b"]);
  expect(stream.ack("cluster")).toEqual([]);
});

test("a change of one that was not asked for is no response, and of one that was is", () => {
  const stream = started(build("always", "a*", "b*"));
  stream.ask("cluster", { names: ["b"] });
  stream.ack("cluster");
  expect(stream.publish(build("always", "a* 2", "b*"))).toEqual([]);
  expect(shown(stream.publish(build("always", "a* 2", "b* 2")))).toEqual(["clusters +b"]);
});

test("one that does not exist is said to be missing, and sent when it is created", () => {
  const stream = started(build("always", "a*"));
  expect(shown(stream.ask("cluster", { names: ["later"] }))).toEqual(["clusters -later"]);
  stream.ack("cluster");
  expect(shown(stream.publish(build("always", "a*", "later*")))).toEqual(["clusters +later"]);
});

test("a client that has everything keeps and updates it when that becomes on demand, and is told of what is removed", () => {
  const stream = started(build("always", "a", "b"));
  stream.publish(build("always", "a*", "b*"));
  expect(stream.last("cluster").removed).toEqual([]);
  stream.ack("cluster");
  expect(shown(stream.publish(build("always", "a* 2", "b*")))).toEqual(["clusters +a"]);
  stream.ack("cluster");
  stream.publish(build("always", "a* 2"));
  expect(shown(stream.wait(60_000))).toEqual(["clusters -b"]);
});

test("what becomes on demand while it is under way is kept as well", () => {
  const stream = new DrivenStream("delta");
  stream.publish(build("always", "a"));
  expect(shown(stream.ask("cluster"))).toEqual(["clusters +a +always"]);
  stream.publish(build("always", "a*"));
  stream.ack("cluster");
  stream.ack("cluster");
  expect(stream.responses.flatMap(({ removed }) => removed)).toEqual([]);
});

test("who comes back with those that it asked for is sent nothing, nor when it does not name them", () => {
  const snapshot = build("always", "a*", "b*");
  for (const names of [["*", "b"], ["*"]]) {
    const stream = new DrivenStream("delta");
    stream.publish(snapshot);
    expect(stream.ask("cluster", { names, versions: { always: "1", b: "1*" } })).toEqual([]);
    expect(shown(stream.publish(build("always", "a*", "b* 2")))).toEqual(["clusters +b"]);
  }
});

test("a SotW client has them all", () => {
  const stream = new DrivenStream("sotw");
  stream.publish(build("always", "a*"));
  expect(shown(stream.ask("cluster"))).toEqual(["clusters +a +always"]);
});
