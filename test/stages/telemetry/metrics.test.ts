/**
 * What Prometheus sees, and that no fleet can make it grow.
 */
import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { createLedger, openNode, recordLoad } from "../../../src/evidence/load-ledger.ts";
import type { Fleet, FleetEvent } from "../../../src/fleet/fleet.ts";
import { createFleet, step } from "../../../src/fleet/fleet.ts";
import { packSummary, readSummary, summaryText } from "../../../src/fleet/fleet-summary.ts";
import { present } from "../../../src/support/assert.ts";
import { brand } from "../../../src/support/brand.ts";
import type { GroupName, Snapshot, SnapshotVersion } from "../../../src/snapshot/snapshot.ts";
import type { FairwayEvent } from "../../../src/telemetry/event.ts";
import { GROUP_LABELS_MAX } from "../../../src/telemetry/metric-labels.ts";
import type { MetricsOptions } from "../../../src/telemetry/metrics.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { edge, snapshotOf, streamOf } from "../fleet/example-events.ts";

const v1 = snapshotOf({ shop: "a1" });
const v2 = snapshotOf({ shop: "a2" });

function measured(options: Pick<MetricsOptions, "otherFleets" | "validities"> = {}) {
  const registry = new Registry();
  const fleet: Fleet = createFleet();
  const loads = { ledger: createLedger(1_000), streamsCount: 3, reportsCount: 40 };
  const routeReports = { streamsCount: 2, entriesCount: 9, leftOutCount: 1 };
  const traffic = { reportsCount: 7, ledger: { nodesCount: 2, unlistedCount: 1 } };
  const loopDelay = { delay: () => ({ p50Ms: 1, p99Ms: 20, maxMs: 300 }), [Symbol.dispose]: () => undefined };
  const metrics = createMetrics({ ...options, registry, fleet: () => fleet, loopDelay, loads, traffic, routeReports });
  const record = (...events: readonly (FairwayEvent | Extract<FleetEvent, { kind: "published" }>)[]) => {
    for (const event of events) {
      if (event.kind === "published" || "streamId" in event) step(fleet, event);
      if (event.kind !== "published") metrics.record(event);
    }
  };
  const lines = async () => (await registry.metrics()).split("\n").filter((line) => line.startsWith("fairway_"));
  return { record, lines, loads };
}

function accepted(snapshot: Snapshot, atMs: number, group = edge): FairwayEvent {
  return {
    kind: "config-accepted",
    atMs,
    group,
    snapshotVersion: snapshot.version,
    cause: "routes.yaml",
    buildMs: 4,
    noticedAgoMs: 2_000,
    changes: [],
  };
}

function published(snapshot: Snapshot, atMs: number): Extract<FleetEvent, { kind: "published" }> {
  return { kind: "published", snapshot, atMs };
}

test("counts streams, nodes, responses, acknowledgements and rejections", async () => {
  const { record, lines } = measured();
  const [a, b, c, d] = [streamOf("a", 1), streamOf("b", 2, { variant: "sotw" }), streamOf("c", 3), streamOf("d", 4)];
  record(published(v1, 9_000), a.opened(), a.sent(v1), a.acked(), a.synced(v1));
  record(b.opened(), b.sent(v1), b.rejected("shop", "a1"), b.gate(v1, "overdue"));
  record(c.opened(), c.closed(), d.refused("no group matches"));
  expect(await lines()).toEqual(
    expect.arrayContaining([
      'fairway_streams{variant="sotw"} 1',
      'fairway_streams{variant="delta"} 1',
      'fairway_nodes{group="edge",status="synced"} 1',
      'fairway_nodes{group="edge",status="error"} 1',
      'fairway_nodes{group="edge",status="disconnected"} 1',
      'fairway_nodes{group="",status="refused"} 1',
      'fairway_responses_total{type="CDS",variant="delta"} 1',
      'fairway_responses_total{type="CDS",variant="sotw"} 1',
      'fairway_acks_total{type="CDS"} 1',
      'fairway_rejections_total{type="CDS"} 1',
      'fairway_gate_overdue{group="edge"} 1',
      "fairway_ack_seconds_sum 0.005",
      'fairway_event_loop_delay_seconds{quantile="0.99"} 0.02',
      'fairway_event_loop_delay_seconds{quantile="1"} 0.3',
    ]),
  );
});

test("counts no node as refused that another replica has taken since", async () => {
  const there = createFleet();
  const [taken, gone] = [streamOf("a", 1), streamOf("b", 2)];
  for (const event of [taken.opened(), gone.opened(), gone.closed()]) step(there, event);
  const other = present(readSummary("r2", await packSummary(there, summaryText(there)), 20_000), "it was packed here");
  const { record, lines } = measured({ otherFleets: () => [other] });
  record(...["a", "b", "c"].map((id, index) => streamOf(id, index).refused("no group matches")));
  expect(await lines()).toContain('fairway_nodes{group="",status="refused"} 2');
});

test("counts on after it was asked, and every type that xDS does not deliver as one", async () => {
  const { record, lines } = measured();
  const a = streamOf("a", 1);
  record(a.opened(), a.sent(v1), a.acked());
  const unknown = { ...a.sent(v1), typeUrl: "type.googleapis.com/made.Up" };
  await lines();
  record(a.sent(v2, "2"), a.acked("2"), unknown, { ...unknown, typeUrl: "type.googleapis.com/made.UpToo" });
  const shown = (await lines()).filter((line) => /^fairway_(acks|response_bytes|responses)_total/.test(line));
  expect(shown.sort()).toEqual([
    'fairway_acks_total{type="CDS"} 2',
    'fairway_response_bytes_total{type="CDS"} 200',
    'fairway_response_bytes_total{type="other"} 200',
    'fairway_responses_total{type="CDS",variant="delta"} 2',
    'fairway_responses_total{type="other",variant="delta"} 2',
  ]);
});

describe("convergence", () => {
  test("is measured once, from noticing the change to the last acknowledgement", async () => {
    const { record, lines } = measured();
    const [a, b] = [streamOf("a", 1, { atMs: 10_000 }), streamOf("b", 2, { atMs: 10_998 })];
    record(a.opened(), b.opened(), published(v1, 10_000), accepted(v1, 10_000), a.synced(v1));
    expect(await lines()).not.toContain('fairway_convergence_seconds_count{group="edge"} 1');
    record(b.synced(v1), b.synced(v1));
    expect(await lines()).toContain('fairway_convergence_seconds_count{group="edge"} 1');
    expect(await lines()).toContain('fairway_convergence_seconds_sum{group="edge"} 2.999');
  });

  test("is not measured for a version that was there before", async () => {
    const { record, lines } = measured();
    const a = streamOf("a", 1);
    record(a.opened(), published(v1, 10_000), a.synced(v1), published(v1, 90_000), accepted(v1, 90_000), a.synced(v1));
    expect((await lines()).some((line) => line.startsWith("fairway_convergence_seconds_count"))).toBe(false);
  });
});

test("shows the load that nodes report, and the clusters beyond a bound as one", async () => {
  const { loads, lines } = measured();
  openNode(loads.ledger, "a", 0);
  const counts = { successful: 7, failed: 1, issued: 9, inProgress: 1 };
  const locality = { region: "", zone: "", subZone: "", priority: 0, endpoints: [], ...counts };
  const load = { intervalMs: 1_000, dropped: 2, droppedBy: [], localities: [locality] };
  const clusters = Array.from({ length: 1_002 }, (_, index) => ({ ...load, cluster: `c${index}` }));
  recordLoad(loads.ledger, "a", { clusters, atMs: 1_000, wallMs: 1_000 });
  const shown = await lines();
  expect(shown).toEqual(
    expect.arrayContaining([
      "fairway_load_streams 3",
      "fairway_load_reports_total 40",
      'fairway_upstream_requests_total{cluster="c0",outcome="issued"} 9',
      'fairway_upstream_requests_total{cluster="c0",outcome="dropped"} 2',
      'fairway_upstream_requests_total{cluster="other",outcome="failed"} 2',
      'fairway_upstream_requests_in_progress{cluster="other"} 2',
    ]),
  );
  expect(shown.filter((line) => line.startsWith("fairway_upstream_requests_in_progress"))).toHaveLength(1_001);
});

test("shows only the current version of a group", async () => {
  const { record, lines } = measured();
  record(accepted(v1, 1_000), accepted(v2, 2_000));
  expect((await lines()).filter((line) => line.startsWith("fairway_snapshot_info"))).toEqual([
    `fairway_snapshot_info{group="edge",version="${v2.version}"} 1`,
  ]);
  expect(await lines()).toContain("fairway_config_last_accepted_timestamp_seconds 2");
});

test("shows that a change is held until it is confirmed, replaced or withdrawn", async () => {
  const { record, lines } = measured();
  const by = { version: v1.version, groups: [edge], spent: [], actor: "alice", replica: "one", atMs: 0 };
  const held: FairwayEvent = { kind: "config-held", atMs: 0, group: edge, snapshotVersion: v1.version, findings: [] };
  const ends: readonly FairwayEvent[] = [
    { kind: "config-confirmed", atMs: 0, group: edge, snapshotVersion: v1.version, by },
    { kind: "config-hold-withdrawn", atMs: 0, group: edge, snapshotVersion: v1.version },
    accepted(v1, 0),
  ];
  for (const end of ends) {
    record(held);
    expect(await lines()).toContain('fairway_config_held{group="edge"} 1');
    record(end);
    expect(await lines()).toContain('fairway_config_held{group="edge"} 0');
  }
});

test("counts no config as refused that could not be read whole, because nobody has written anything wrong", async () => {
  const { record, lines } = measured();
  record({ kind: "config-waiting", atMs: 0, cause: "start", diagnostics: [] });
  expect(await lines()).toContain("fairway_config_refused_total 0");
  record({ kind: "config-refused", atMs: 0, cause: "a.yaml", diagnostics: [] });
  expect(await lines()).toContain("fairway_config_refused_total 1");
});

test("counts refused configs, refused streams, failed handshakes and failed writes", async () => {
  const { record, lines } = measured();
  record({ kind: "config-refused", atMs: 0, cause: "x", diagnostics: [] });
  record({ kind: "state-write-failed", atMs: 0, message: "disk full" }, streamOf("a", 1).refused("no group"));
  record({
    kind: "streams-turned-away",
    atMs: 0,
    reason: "there are too many streams",
    count: 41,
    peer: "10.0.0.1:4000",
  });
  for (const count of [1, 8]) record({ kind: "handshakes-failed", atMs: 0, reason: "x", count, peer: undefined });
  expect(await lines()).toEqual(
    expect.arrayContaining([
      "fairway_tls_handshakes_failed_total 9",
      "fairway_config_refused_total 1",
      "fairway_state_write_failures_total 1",
      "fairway_streams_refused_total 42",
    ]),
  );
});

describe("the number of series", () => {
  test("does not depend on nodes", async () => {
    const { record, lines } = measured();
    const visit = (id: number) => {
      const stream = streamOf(`node-${id}`, id);
      record(stream.opened(), stream.sent(v1), stream.acked(), stream.rejected("shop", "a1"), stream.closed());
      record(streamOf(`refused-${id}`, id).refused(`reason ${id}`));
    };
    visit(0);
    const before = (await lines()).length;
    for (let id = 1; id < 1_000; id += 1) visit(id);
    expect((await lines()).length).toBe(before);
  });

  test("is bounded in groups and in types that nodes made up", async () => {
    const { record, lines } = measured();
    for (let id = 0; id < GROUP_LABELS_MAX + 100; id += 1) {
      const group = brand<GroupName>(`g${id}`);
      record(accepted({ ...v1, version: brand<SnapshotVersion>(`v${id}`) }, 0, group));
      record({ ...streamOf("a", 1).acked(), typeUrl: `type.googleapis.com/made.Up${id}` });
    }
    const all = await lines();
    expect(all.filter((line) => line.startsWith("fairway_snapshot_info"))).toHaveLength(GROUP_LABELS_MAX);
    expect(all.filter((line) => line.startsWith("fairway_config_held"))).toHaveLength(GROUP_LABELS_MAX + 1);
    expect(all.filter((line) => line.startsWith("fairway_acks_total"))).toEqual([
      `fairway_acks_total{type="other"} ${GROUP_LABELS_MAX + 100}`,
    ]);
  });
});

test("says when the certificates of secrets end, and of very many those that end first", async () => {
  const validities = [...Array(1_002).keys()].map((index) => ({ secret: `s${index}`, fromMs: 0, toMs: 2_000 + index }));
  const { lines } = measured({ validities: () => [...validities, { secret: "soon", fromMs: 0, toMs: 1_500 }] });
  const told = (await lines()).filter((line) => line.includes("not_after"));
  expect(told[0]).toBe('fairway_certificate_not_after_timestamp_seconds{secret="soon"} 1.5');
  expect(told.length).toBe(1_000);
});
