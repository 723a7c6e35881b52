/**
 * Up to which revision of etcd everything that registered is acknowledged, event by event.
 */
import { describe, expect, test } from "vitest";
import type { FleetEvent } from "../../../src/fleet/fleet.ts";
import { createFleet, step } from "../../../src/fleet/fleet.ts";
import { RegistryProgress } from "../../../src/fleet/registry-progress.ts";
import type { GroupName, Snapshot } from "../../../src/snapshot/snapshot.ts";
import { brand } from "../../../src/support/brand.ts";
import { edge, snapshotOf, streamOf } from "./example-events.ts";

const v1 = snapshotOf({ shop: "a1" });
const v2 = snapshotOf({ shop: "a2" });
const v3 = snapshotOf({ shop: "a3" });
const a = streamOf("a", 1);
const b = streamOf("b", 2);

interface Told {
  /** At revisions 10, 20, 30 …. */
  readonly builds: readonly Snapshot[];
  /** Absent for the last build. */
  readonly served?: Snapshot | "nothing";
  readonly events?: readonly FleetEvent[];
}

function acknowledged({ builds, events = [], ...rest }: Told): number | undefined {
  const progress = new RegistryProgress();
  for (const [index, snapshot] of builds.entries()) {
    progress.built(new Map([[edge, snapshot]]), { registry: new Map([["/services/", (index + 1) * 10]]) });
  }
  const served = rest.served ?? builds.at(-1) ?? "nothing";
  if (served === "nothing") return progress.acknowledged(createFleet(), new Map()).get("/services/");
  const published = { kind: "published", snapshot: served, atMs: 9_000 } as const;
  const fleet = [published, ...events].reduce(step, createFleet());
  return progress.acknowledged(fleet, new Map([[edge, served]])).get("/services/");
}

const got = (stream: ReturnType<typeof streamOf>, snapshot: Snapshot) => [
  stream.opened(),
  stream.subscribed(),
  stream.sent(snapshot),
  stream.acked(),
  stream.synced(snapshot),
];

describe("what registered is acknowledged", () => {
  const rows: readonly (readonly [string, number | undefined, Told])[] = [
    ["up to the newest build when there is no node", 20, { builds: [v1, v2] }],
    ["up to what the hindmost has", 10, { builds: [v1, v2], events: [...got(a, v2), ...got(b, v1)] }],
    ["up to the newest build when all have it", 20, { builds: [v1, v2], events: [...got(a, v2), ...got(b, v2)] }],
    ["nowhere while a node has acknowledged nothing", undefined, { builds: [v1], events: [a.opened()] }],
    ["nowhere while a node has what none of the builds was", undefined, { builds: [v1], events: got(a, v3) }],
    ["also when a later build has the same content", 30, { builds: [v1, v2, v2], events: got(a, v2) }],
    ["also when the content comes back", 30, { builds: [v1, v2, v1], events: got(a, v1) }],
    [
      "but not while the node has yet to get what was between",
      20,
      { builds: [v1, v2, v1], events: [...got(a, v1), a.sent(v2, "2")] },
    ],
    ["not up to what the guard holds", 10, { builds: [v1, v2], events: got(a, v1), served: v1 }],
    ["nowhere before anything is served", undefined, { builds: [v1], served: "nothing" }],
    ["without a node that is gone", 20, { builds: [v1, v2], events: [...got(a, v2), ...got(b, v1), b.closed()] }],
    [
      "without a node that refused it",
      20,
      {
        builds: [v1, v2],
        events: [...got(a, v2), ...got(b, v1), b.sent(v2, "2"), b.rejected("shop", "a2", "2")],
      },
    ],
    [
      "without a node that is overdue",
      20,
      { builds: [v1, v2], events: [...got(a, v2), ...got(b, v1), b.sent(v2, "2"), b.gate(v2, "overdue")] },
    ],
  ];

  test.each(rows)("%s", (_title, revision, told) => {
    expect(acknowledged(told)).toBe(revision);
  });

  test("up to later revisions that changed nothing, as the map of the build goes on", () => {
    const progress = new RegistryProgress();
    const reached = new Map([["/services/", 10]]);
    progress.built(new Map([[edge, v1]]), { registry: reached });
    reached.set("/services/", 11);
    expect(progress.acknowledged(createFleet(), new Map([[edge, v1]])).get("/services/")).toBe(11);
  });

  test("by the group that is furthest behind, while the config has it", () => {
    const core = brand<GroupName>("core");
    const both = (edgeHas: Snapshot, coreHas: Snapshot) =>
      new Map([
        [edge, edgeHas],
        [core, coreHas],
      ]);
    const w1 = snapshotOf({ shop: "a1" }, core);
    const w2 = snapshotOf({ shop: "a2" }, core);
    const progress = new RegistryProgress();
    progress.built(both(v1, w1), { registry: new Map([["/services/", 10]]) });
    progress.built(both(v2, w2), { registry: new Map([["/services/", 20]]) });
    expect(progress.acknowledged(createFleet(), both(v2, w1)).get("/services/")).toBe(10);
    progress.built(new Map([[edge, v2]]), { registry: new Map([["/services/", 30]]) });
    expect(progress.acknowledged(createFleet(), both(v2, w1)).get("/services/")).toBe(30);
  });
});

test("what counts are nodes that are connected and have not refused what they were sent", () => {
  const published = { kind: "published", snapshot: v1, atMs: 9_000 } as const;
  const count = (...events: readonly FleetEvent[]) =>
    new RegistryProgress().countedNodes([published, ...events].reduce(step, createFleet()), new Map([[edge, v1]]));
  expect(count()).toBe(0);
  expect(count(...got(a, v1), b.opened())).toBe(2);
  expect(count(...got(a, v1), ...got(b, v1), b.closed())).toBe(1);
  expect(count(...got(a, v1), b.opened(), b.subscribed(), b.sent(v1), b.rejected("shop", "a1"))).toBe(1);
});
