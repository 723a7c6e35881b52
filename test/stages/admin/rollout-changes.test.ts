/**
 * What a report tells of the config between a rollout's beginning and its end, from snapshots that are built of files.
 */
import { describe, expect, test } from "vitest";
import type { AdminViews, GroupView } from "../../../src/admin/admin-views.ts";
import { getRolloutReport } from "../../../src/admin/rollout-report.ts";
import type { RolloutRecord } from "../../../src/rollout/rollout-record.ts";
import type { RolloutReport } from "../../../src/rollout/report.ts";
import type { SplitChange } from "../../../src/rollout/split-document.ts";
import { renderResource } from "../../../src/snapshot/render.ts";
import type { GroupName, Snapshot } from "../../../src/snapshot/snapshot.ts";
import { present } from "../../../src/support/assert.ts";
import { brand } from "../../../src/support/brand.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { elementsOf, parseXml } from "../../support/parse-xml.ts";
import { promotedRecord, recordOf, START_MS } from "../../support/report-records.ts";
import { snapshotsOf } from "../../support/snapshot-of.ts";
import { parseText } from "../model/parse-text.ts";
import { viewsOf } from "./example-views.ts";

interface Knobs {
  readonly canary?: number;
  readonly requestsMax?: number;
  readonly extraServices?: number;
  readonly runtime?: boolean;
}

/** Two splits of the same gateway; what is set of one is in the file of neither. */
function built({ canary, requestsMax = 100, extraServices = 0, runtime = false }: Knobs, cause = "start"): Snapshot {
  const more = Array.from(
    { length: extraServices },
    (_, index) => `  s${index}: { endpoints: ["10.0.1.${index}:80"] }`,
  );
  const text = `
nodes: { edge: { ${runtime ? "runtime: {}" : ""} } }
gateways: { public: { listeners: [{ name: http, port: 80 }, { name: db, protocol: TCP, port: 81 }] } }
services:
  shop:
    endpoints: [{ address: "10.0.0.1:80", labels: { v: "1" } }, { address: "10.0.0.2:80", labels: { v: "2" } }]
    subsets: { v1: { labels: { v: "1" } }, v2: { labels: { v: "2" }, fallback: v1 } }
  carts:
    endpoints: ["10.0.0.3:80"]
    circuitBreaker: { maxRequests: ${requestsMax} }
${more.join("\n")}
routes:
  shop: { gateways: [public/http], rules: [{ name: a, matches: [{ path: /a }], split: reviews }, { name: b, matches: [{ path: /c }], backends: [{ service: carts }] }, { name: rest, split: reviews }] }
tcpRoutes: { db: { gateways: [public/db], split: reviews } }
splits:
  reviews:
    backends: { v1: { service: shop, subset: v1 }, v2: { service: shop, subset: v2 } }
    default: { v1: 100, v2: 0 }
`;
  const shares = canary === undefined ? undefined : { v1: 10_000 - canary * 100, v2: canary * 100 };
  const live = new Map(shares === undefined ? [] : [["reviews", { split: "reviews", revision: 1, shares }]]);
  const { intent, diagnostics } = parseText({ "edge.yaml": text }, live);
  const [snapshot] = snapshotsOf(present(intent, JSON.stringify(diagnostics))).values();
  const atMs = cause === "start" ? START_MS - 60_000 : START_MS + 60_000;
  return { ...present(snapshot, "there is one group"), cause: { text: cause, atMs } };
}

const weights = "the weights of reviews";

interface Scene {
  readonly before: Snapshot;
  readonly after: Snapshot;
  /** Newest first; both when absent. */
  readonly kept?: readonly Snapshot[];
  readonly record?: Partial<RolloutRecord>;
  readonly changes?: readonly SplitChange[];
}

function reportsOf({ before, after, kept = [after, before], record = promotedRecord(), changes = [] }: Scene) {
  const edge = brand<GroupName>("edge");
  const group: GroupView = {
    name: edge,
    current: after,
    source: "config",
    history: kept,
    held: undefined,
    convergence: undefined,
  };
  const [{ split } = { split: undefined }] = parseSplit();
  const standing = {
    split,
    groups: ["edge"],
    document: { number: 1, shares: undefined, leaseEndsAtMs: undefined, history: changes },
  };
  const of = { ...recordOf({ versionsBefore: { edge: before.version } }), ...record };
  const isOver = of.outcome !== undefined;
  const kind = {
    versionsBefore: { edge: before.version },
    ...(isOver ? { versionsAfter: { edge: after.version } } : {}),
  };
  const views: AdminViews = viewsOf(
    { groups: [group], events: [] },
    {
      rollout: async () => ({ record: { ...of, ...kind, ...record }, revision: 1 }),
      renderResource: (resource) => renderResource(resource, envoyApi),
      splits: () => [standing as unknown as ReturnType<AdminViews["splits"]>[number]],
      nowMs: () => START_MS + 600_000,
    },
  );
  return async (format: string, all?: "true") => {
    const answer = await getRolloutReport(views, {
      params: { split: "reviews" },
      query: { format, ...(all === undefined ? {} : { all }) },
      body: undefined,
    } as unknown as Parameters<typeof getRolloutReport>[1]);
    return answer.body;
  };
}

/** Of the same config, for its backends. */
function parseSplit() {
  const backends = ["v1", "v2"].map((name) => ({ name, service: "shop", subset: name }));
  return [{ split: { name: "reviews", backends } }];
}

const json = async (scene: Scene, all?: "true") =>
  present(((await reportsOf(scene)("json", all)) as RolloutReport).changes, "its versions are known");

describe("what changed of the config", () => {
  test.each([
    ["routes and TCP listeners", false, 100],
    ["routes and TCP listeners with both versions", false, 30],
    ["the runtime layer, and TCP listeners", true, 100],
  ])("is nothing but the weights of the split, in %s", async (_where, runtime, canary) => {
    const scene = { before: built({ runtime }), after: built({ canary, runtime }, weights) };
    const { groups, until, meanwhile } = await json(scene);
    expect({ until, meanwhile }).toEqual({ until: "end", meanwhile: [] });
    expect(groups).toEqual([
      {
        group: "edge",
        from: scene.before.version,
        to: scene.after.version,
        weightsOnlyCount: 2,
        changes: [],
        changesLeftOut: 0,
      },
    ]);
    const markdown = await reportsOf(scene)("md");
    expect(markdown).toContain(
      "Only the weights of reviews (in 2 resources) differ between its beginning and its end.",
    );
    expect(markdown).not.toContain("The config changed meanwhile");
  });

  test("is nothing when it went back", async () => {
    const same = built({});
    expect(await reportsOf({ before: same, after: same })("md")).toContain(
      "Nothing of the config differs between its beginning and its end.",
    );
  });

  test("names what somebody else has pushed, with its line, what Envoys made of it, and a caution", async () => {
    const scene = { before: built({}), after: built({ canary: 100, requestsMax: 4 }, "edge.yaml") };
    const { groups, meanwhile } = await json(scene);
    expect(groups[0]?.changes).toEqual([
      {
        kind: "changed",
        resource: "clusters/carts",
        at: "edge.yaml:8",
        fields: ["circuit_breakers.thresholds[0].max_requests 100 → 4"],
        fieldsLeftOut: 0,
        effects: [expect.stringContaining("made anew")],
      },
    ]);
    expect(groups[0]?.weightsOnlyCount).toBe(2);
    expect(meanwhile).toEqual([{ at: "2026-11-29T06:01:00.000Z", what: "config: edge.yaml" }]);
    const forms = await Promise.all(["md", "html", "junit"].map((format) => reportsOf(scene)(format)));
    const [markdown, html, junit] = forms as [string, string, string];
    expect(markdown).toContain("> The config changed meanwhile by more than the weights: clusters/carts.");
    expect(markdown).toContain(
      "Besides the weights of reviews (in 2 resources), 1 resource differs between its beginning and its end.",
    );
    expect(markdown).toContain("- ~ clusters/carts (edge.yaml:8)".replace("~", "\\~"));
    expect(markdown).toContain("  - 06:01:00 config: edge.yaml");
    expect(html).toContain("<h2>What changed of the config</h2>");
    expect(html).toContain("<li>circuit_breakers.thresholds[0].max_requests 100 → 4</li>");
    const [suite] = elementsOf(parseXml(junit), "testsuite");
    const said = present(suite, "there is one").children.filter(({ name }) => name === "system-out");
    expect(JSON.stringify(said)).toContain("~ clusters/carts (edge.yaml:8)");
  });

  test("is told in part, with how many more and the command that shows all", async () => {
    const scene = { before: built({}), after: built({ extraServices: 30 }, "edge.yaml") };
    const { groups } = await json(scene);
    expect([groups[0]?.changes.length, groups[0]?.changesLeftOut]).toEqual([20, 40]);
    expect(await reportsOf(scene)("md")).toContain(
      "… and 40 resources more; all: fairway rollout report reviews --number 7 --all",
    );
    const all = await json(scene, "true");
    expect([all.groups[0]?.changes.length, all.groups[0]?.changesLeftOut]).toEqual([60, 0]);
  });

  test("is not known of a version that the history no longer has, and says so", async () => {
    const [before, after] = [built({}), built({ canary: 100 }, weights)];
    const scene = { before, after, kept: [after] };
    const { groups } = await json(scene);
    expect(groups[0]).toMatchObject({ changes: [], unknown: expect.stringContaining(before.version) as string });
    const markdown = await reportsOf(scene)("md");
    expect(markdown).toContain("What changed of the config between its beginning and its end is not known.");
    expect(markdown).toContain(`the history of snapshots no longer has ${before.version}`);
  });

  test("of one that is on is compared with now, and of one that an older Fairway has started nothing is said", async () => {
    const scene = { before: built({}), after: built({ requestsMax: 4 }, "edge.yaml"), record: recordOf() };
    const running = { ...scene, record: recordOf({ versionsBefore: { edge: scene.before.version } }) };
    expect(await json(running)).toMatchObject({ until: "now", groups: [{ to: scene.after.version }] });
    expect(await reportsOf(running)("md")).toContain("1 resource differs since it began.");
    const older = { ...scene, record: { ...recordOf(), versionsBefore: undefined } };
    expect(await reportsOf(older)("md")).not.toContain("of the config");
  });

  test("has who else set weights, of this split too, and not the rollout's own", async () => {
    const change = (actor: string, atMs: number, number: number): SplitChange => ({
      number,
      kind: "set",
      before: { v1: 10_000, v2: 0 },
      after: { v1: 9_500, v2: 500 },
      actor,
      atMs,
    });
    const changes = [
      change("ann", START_MS + 90_000, 3),
      change("rollout reviews-7", START_MS + 5_000, 2),
      change("bob", START_MS - 5_000, 1),
    ];
    const scene = { before: built({}), after: built({ canary: 5 }, weights), changes };
    expect((await json(scene)).meanwhile).toEqual([
      { at: "2026-11-29T06:01:30.000Z", what: "split reviews: v1 100 → 95 %, v2 0 → 5 %, by ann" },
    ]);
  });
});
