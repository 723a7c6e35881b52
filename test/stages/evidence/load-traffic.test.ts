/**
 * Load reports as counters: differences added up, an answer of Envoy's own counted as an error, and no nought where nothing
 * is known.
 */
import { expect, test } from "vitest";
import {
  CLUSTERS_MAX,
  PARTS_MAX,
  closeNode,
  createLedger,
  openNode,
  recordLoad,
} from "../../../src/evidence/load-ledger.ts";
import type { ClusterLoad } from "../../../src/evidence/load-report.ts";
import type { LoadSettings } from "../../../src/evidence/load-settings.ts";
import { loadTraffic } from "../../../src/evidence/load-traffic.ts";

const canary = "shop|canary";
const stable = "shop|stable";
const all: LoadSettings = { intervalMs: 1_000, clusters: "all", endpoints: false };

const clock = { nowMs: () => 10_000, monotonicMs: () => 10_000 };

function load(cluster: string, successful: number, failed = 0, dropped = 0): ClusterLoad {
  const place = { region: "", zone: "", subZone: "", priority: 0, endpoints: [] };
  const counts = { successful, failed, issued: successful + failed, inProgress: 0 };
  return { cluster, intervalMs: 1_000, dropped, droppedBy: [], localities: [{ ...place, ...counts }] };
}

function countsOf(reader: ReturnType<typeof loadTraffic>) {
  return reader.read([canary, stable]).map(({ nodeId, countedSinceMs, reportedAtMs, clusters }) => ({
    nodeId,
    countedSinceMs,
    reportedAtMs,
    counts: Object.fromEntries([...clusters].map(([name, { completed, errors }]) => [name, [completed, errors]])),
  }));
}

test("reports are added up since the stream began; a stream that begins anew counts anew", () => {
  const ledger = createLedger(1_000);
  const reader = loadTraffic({ ledger, settings: all }, clock);
  const tell = (wallMs: number, ...clusters: readonly ClusterLoad[]) =>
    recordLoad(ledger, "edge-1", { clusters, atMs: wallMs, wallMs });
  openNode(ledger, "edge-1", 0);
  expect(countsOf(reader)).toEqual([]);
  tell(1_000, load(canary, 0), load(stable, 90, 1));
  tell(2_000, load(canary, 8, 2), load(stable, 80));
  tell(3_000, load(canary, 5, 0, 4), load(stable, 70));
  const counts = { [canary]: [19, 6], [stable]: [241, 1] };
  expect(countsOf(reader)).toEqual([{ nodeId: "edge-1", countedSinceMs: 1_000, reportedAtMs: 3_000, counts }]);
  closeNode(ledger, "edge-1");
  expect(countsOf(reader)).toEqual([]);
  openNode(ledger, "edge-1", 4_000);
  tell(5_000, load(canary, 3));
  expect(countsOf(reader)).toEqual([
    { nodeId: "edge-1", countedSinceMs: 5_000, reportedAtMs: 5_000, counts: { [canary]: [3, 0], [stable]: [0, 0] } },
  ]);
});

test("a cluster that nobody is asked about, or that found no room, is not one without requests", () => {
  const ledger = createLedger(1_000);
  openNode(ledger, "edge-1", 0);
  recordLoad(ledger, "edge-1", { clusters: [load(canary, 5)], atMs: 1, wallMs: 1 });
  const asked = loadTraffic({ ledger, settings: { ...all, clusters: [canary] } }, clock);
  expect(countsOf(asked)[0]?.counts).toEqual({ [canary]: [5, 0] });
  ledger.partsCount = PARTS_MAX;
  recordLoad(ledger, "edge-1", { clusters: [load(stable, 5)], atMs: 2, wallMs: 2 });
  expect(countsOf(loadTraffic({ ledger, settings: all }, clock))[0]?.counts).toEqual({ [canary]: [5, 0] });

  const full = createLedger(1_000);
  openNode(full, "edge-1", 0);
  const others = Array.from({ length: CLUSTERS_MAX }, (_, index) => load(`other-${index}`, 1));
  recordLoad(full, "edge-1", { clusters: [...others, load(canary, 5)], atMs: 1, wallMs: 1 });
  expect(countsOf(loadTraffic({ ledger: full, settings: all }, clock))[0]?.counts).toEqual({});
});
