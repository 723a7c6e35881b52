/**
 * What a server adds to an explanation: notes about what is served and about the node that was asked about.
 */
import { expect, test } from "vitest";
import { explainServed } from "../../../src/cli/explain-served.ts";
import type { RequestFacts } from "../../../src/explain/explain-request.ts";
import { createFleet, step } from "../../../src/fleet/fleet.ts";
import type { Publication } from "../../../src/snapshot/publication.ts";
import { emptyPublication } from "../../../src/snapshot/publication.ts";
import { ok } from "../../../src/support/result.ts";
import { edge, snapshotOf, streamOf } from "../fleet/example-events.ts";

const served = snapshotOf({ shop: "a2" });
const at = { file: "shop.yaml", line: 4, column: 1 };
const clock = { nowMs: () => 11_000, monotonicMs: () => 11_000, schedule: () => ({ cancel: () => undefined }) };

const facts: RequestFacts = {
  request: { method: "GET", url: "http://x/", host: "x", path: "/" },
  otherListeners: [],
  nearListeners: [],
  outcome: { kind: "forward", clusters: [{ cluster: "shop", percent: 100 }] },
  nearest: [],
  perhaps: [],
  clusters: [{ name: "shop", at, endpointCount: 0, endpoints: [], settings: [] }],
  settings: [],
  notes: ["of the request itself"],
};

const stream = streamOf("edge-1", 1);
const published = { kind: "published", group: edge, snapshot: served, atMs: 9_000 } as const;
const fleet = [published, stream.opened(), stream.sent(served), stream.rejected("shop", "a2")].reduce(
  step,
  createFleet(),
);

async function notesFor(node: string, publication: Partial<Publication> = {}): Promise<readonly string[]> {
  const plane = {
    publication: { ...emptyPublication, served: new Map([[edge, served]]), ...publication },
    fleet,
    explain: async () => ok({ facts, hasLines: true }),
  };
  const asked = { method: "GET", url: "http://x/", headers: [], node, group: "edge" };
  const groups = [{ name: "edge", at, match: {}, consistency: "strict", removalGuard: { mode: "on" }, updates: {} }];
  const withGroups = { ...plane, publication: { ...plane.publication, groups } } as typeof plane;
  const explained = await explainServed(withGroups, asked, clock);
  if (!explained.ok) throw new Error(explained.error.message);
  return explained.value.notes;
}

test("a node that rejected a resource of the explanation is told with its own words", async () => {
  expect(await notesFor("edge-1")).toEqual([
    "edge-1 has not acknowledged any version in full",
    "edge-1 rejected the cluster shop (services.yaml:7) and goes on as before: Error adding/updating cluster(s) shop",
    "of the request itself",
  ]);
});

test("a node that the server has never seen is told to be unknown, unless it is described and not named", async () => {
  expect((await notesFor("edge-9"))[0]).toContain("edge-9 is not known to this server");
  expect(await notesFor("id=edge-9,cluster=shop")).toEqual(["of the request itself"]);
});

test("a config that is refused now is told first, with the line of its error and the version that is served", async () => {
  const diagnostics = [{ code: "yaml-syntax", severity: "error", message: "a brace is open", at }] as const;
  const [first] = await notesFor("edge-1", { refused: { diagnostics, cause: "shop.yaml", atMs: 10_000 } });
  expect(first).toContain("refused (shop.yaml:4: a brace is open)");
  expect(first).toContain(served.version);
});
