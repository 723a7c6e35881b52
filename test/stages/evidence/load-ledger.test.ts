/**
 * The ledger of load: sums that equal adding up again, and bounds that no report can pass.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LoadLedger } from "../../../src/evidence/load-ledger.ts";
import {
  CLUSTERS_MAX,
  ENDPOINTS_MAX,
  LOCALITIES_MAX,
  PARTS_MAX,
  changeSpan,
  closeNode,
  createLedger,
  openNode,
  recordLoad,
} from "../../../src/evidence/load-ledger.ts";
import type { ClusterLoad, LocalityLoad } from "../../../src/evidence/load-report.ts";
import { loadPage } from "../../../src/evidence/load-view.ts";

const noCounts = { successful: 0, failed: 0, issued: 0, inProgress: 0 };

function locality(of: Partial<LocalityLoad> = {}): LocalityLoad {
  return { region: "eu", zone: "eu-1", subZone: "", priority: 0, endpoints: [], ...noCounts, ...of };
}

function load(cluster: string, of: Partial<ClusterLoad> & { readonly issued?: number } = {}): ClusterLoad {
  const localities = [locality({ issued: of.issued ?? 1, successful: of.issued ?? 1 })];
  return { cluster, intervalMs: 1_000, dropped: 0, droppedBy: [], localities, ...of };
}

function report(ledger: LoadLedger, nodeId: string, clusters: readonly ClusterLoad[], atMs = 10_000): void {
  recordLoad(ledger, nodeId, { clusters, atMs, wallMs: atMs });
}

const all = { limit: CLUSTERS_MAX };

describe("what is shown", () => {
  test("is the sum over all nodes, and what one node reports when it is asked for", () => {
    const ledger = createLedger(1_000);
    for (const id of ["a", "b"]) openNode(ledger, id, 0);
    const drops = { dropped: 3, droppedBy: [{ category: "overload", count: 2 }] };
    for (let second = 1; second <= 9; second += 1) {
      report(ledger, "a", [load("shop", { issued: 10, ...drops }), load("cart", { issued: 1 })], second * 1_000);
      report(ledger, "b", [load("shop", { issued: 20 })], second * 1_000);
    }
    const [cart, shop] = loadPage(ledger, all, 10_000)?.clusters ?? [];
    expect([cart?.name, shop?.name]).toEqual(["cart", "shop"]);
    expect(shop?.sums).toEqual({ successful: 270, failed: 0, issued: 270, inProgress: 0, dropped: 27 });
    expect(shop?.rates).toEqual({ successful: 30, failed: 0, issued: 30, dropped: 3 });
    expect([...(shop?.droppedBy ?? [])]).toEqual([["overload", 18]]);
    const ofB = loadPage(ledger, { ...all, node: "b" }, 10_000);
    expect(ofB?.clusters).toMatchObject([{ name: "shop", sums: { issued: 180 }, rates: { issued: 20, dropped: 0 } }]);
    expect(loadPage(ledger, { ...all, node: "c" }, 10_000)).toBeUndefined();
  });

  test("comes in pages that follow each other, and can be one cluster", () => {
    const ledger = createLedger(1_000);
    openNode(ledger, "a", 0);
    report(
      ledger,
      "a",
      ["c", "a", "b"].map((name) => load(name)),
    );
    const names = (query: Parameters<typeof loadPage>[1]) => {
      const page = loadPage(ledger, query, 0);
      return [page?.clusters.map(({ name }) => name), page?.next];
    };
    expect(names({ limit: 2 })).toEqual([["a", "b"], "b"]);
    expect(names({ limit: 2, after: "b" })).toEqual([["c"], undefined]);
    expect(names({ limit: 9, cluster: "b" })).toEqual([["b"], undefined]);
  });

  test("leaves out clusters without a request, and keeps what had some", () => {
    const ledger = createLedger(1_000);
    openNode(ledger, "a", 0);
    report(ledger, "a", [load("idle", { issued: 0 }), load("shop", { issued: 4 })]);
    report(ledger, "a", [load("idle", { issued: 0 }), load("shop", { issued: 0 })], 11_000);
    const shown = loadPage(ledger, { ...all, node: "a" }, 12_000)?.clusters;
    expect(shown).toMatchObject([{ name: "shop", sums: { issued: 4 }, rates: { issued: 0 } }]);
  });

  test("begins its rates anew when the interval changes, and keeps its sums", () => {
    const ledger = createLedger(1_000);
    openNode(ledger, "a", 0);
    for (let second = 1; second <= 9; second += 1) report(ledger, "a", [load("shop")], second * 1_000);
    expect(loadPage(ledger, all, 10_000)?.clusters[0]?.rates).toBeDefined();
    changeSpan(ledger, 5_000);
    expect(loadPage(ledger, all, 10_000)?.clusters[0]).toMatchObject({ sums: { issued: 9 }, rates: undefined });
  });

  test("forgets what a node had in progress when its last stream ends, and not its counts", () => {
    const ledger = createLedger(1_000);
    openNode(ledger, "a", 0);
    openNode(ledger, "a", 0);
    report(ledger, "a", [load("shop", { localities: [locality({ issued: 5, inProgress: 2 })] })]);
    closeNode(ledger, "a");
    expect(loadPage(ledger, all, 0)?.clusters[0]?.sums).toMatchObject({ issued: 5, inProgress: 2 });
    closeNode(ledger, "a");
    expect(loadPage(ledger, all, 0)?.clusters[0]?.sums).toMatchObject({ issued: 5, inProgress: 0 });
    expect(ledger.nodes.size).toBe(0);
  });
});

describe("bounds", () => {
  test("clusters that nobody has reported for an hour make room, others do not", () => {
    const ledger = createLedger(1_000);
    openNode(ledger, "a", 0);
    const names = Array.from({ length: CLUSTERS_MAX + 5 }, (_, index) => load(`c${index}`));
    report(ledger, "a", names, 1_000);
    expect([ledger.clusters.size, ledger.unlistedCount]).toEqual([CLUSTERS_MAX, 5]);
    report(ledger, "a", [load("late")], 2_000_000);
    expect(ledger.clusters.has("late")).toBe(false);
    report(ledger, "a", [load("late")], 4_000_000);
    expect([...ledger.clusters.keys()]).toEqual(["late"]);
  });

  test("localities, hosts, categories and the length of names are bounded in one cluster", () => {
    const ledger = createLedger(1_000);
    openNode(ledger, "a", 0);
    const many = (count: number) => Array.from({ length: count }, (_, index) => String(index));
    const hosts = many(ENDPOINTS_MAX * 2).map((address) => ({ ...noCounts, issued: 1, address }));
    const localities = many(LOCALITIES_MAX * 2).map((zone) => locality({ zone, issued: 1 }));
    const droppedBy = many(500).map((category) => ({ category, count: 1 }));
    report(ledger, "a", [
      load("shop", { localities: [locality({ endpoints: hosts }), ...localities], droppedBy }),
      load("x".repeat(5_000)),
    ]);
    const [shop, ...others] = loadPage(ledger, all, 0)?.clusters ?? [];
    expect(others).toEqual([]);
    expect(shop?.sums.issued).toBe(LOCALITIES_MAX * 2);
    expect([shop?.localities.length, shop?.endpoints.size]).toEqual([LOCALITIES_MAX, ENDPOINTS_MAX]);
    expect(shop?.droppedBy.size).toBe(20);
  });

  test("what nodes report by themselves is bounded over all of them, and the sums stay whole", () => {
    const ledger = createLedger(1_000);
    const clusters = Array.from({ length: 1_000 }, (_, index) => load(`c${index}`));
    const nodesCount = PARTS_MAX / 1_000;
    for (let node = 0; node < nodesCount; node += 1) {
      openNode(ledger, `n${node}`, 0);
      report(ledger, `n${node}`, clusters);
    }
    expect(ledger.partsCount).toBe(PARTS_MAX);
    expect(loadPage(ledger, { ...all, node: `n${nodesCount - 1}` }, 0)?.isCut).toBe(true);
    expect(loadPage(ledger, { limit: 1 }, 0)?.clusters[0]?.sums.issued).toBe(nodesCount);
    for (let node = 0; node < nodesCount; node += 1) closeNode(ledger, `n${node}`);
    expect(ledger.partsCount).toBe(clusters.length);
  });
});

test("sums agree with adding up, after any interleaving of streams and reports", () => {
  const counts = fc.record({ issued: fc.nat(9), failed: fc.nat(9), inProgress: fc.nat(9) });
  const acts = fc.array(
    fc.record({
      act: fc.constantFrom("open", "close", "report", "report"),
      node: fc.integer({ min: 0, max: 2 }),
      cluster: fc.constantFrom("shop", "cart"),
      zones: fc.dictionary(fc.constantFrom("1", "2"), counts),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(acts, (all60) => {
      const ledger = createLedger(1_000);
      const streams = new Map<string, number>();
      const progress = new Map<string, number>();
      const issued = new Map<string, number>();
      for (const { act, node, cluster, zones } of all60) {
        const id = `n${node}`;
        const open = streams.get(id) ?? 0;
        if (act === "open") {
          openNode(ledger, id, 0);
          streams.set(id, open + 1);
        } else if (act === "close") {
          closeNode(ledger, id);
          streams.set(id, Math.max(0, open - 1));
          if (open <= 1) for (const key of progress.keys()) if (key.startsWith(`${id} `)) progress.delete(key);
        } else {
          const localities = Object.entries(zones).map(([zone, each]) => locality({ zone, ...each }));
          report(ledger, id, [load(cluster, { localities })]);
          if (open === 0) continue;
          progress.set(
            `${id} ${cluster}`,
            localities.reduce((sum, each) => sum + each.inProgress, 0),
          );
          issued.set(
            cluster,
            localities.reduce((sum, each) => sum + each.issued, issued.get(cluster) ?? 0),
          );
        }
      }
      for (const { name, sums, localities } of ledger.clusters.values()) {
        const ofCluster = [...progress].filter(([key]) => key.endsWith(` ${name}`));
        expect(sums.inProgress).toBe(ofCluster.reduce((sum, [, each]) => sum + each, 0));
        expect(sums.issued).toBe(issued.get(name) ?? 0);
        const ofLocalities = [...localities.values()];
        expect(ofLocalities.reduce((sum, each) => sum + each.sums.inProgress, 0)).toBe(sums.inProgress);
        expect(ofLocalities.reduce((sum, each) => sum + each.sums.issued, 0)).toBe(sums.issued);
      }
      const ofNodes = [...ledger.nodes.values()].flatMap(({ clusters }) => [...clusters.values()]);
      const parts = [...ofNodes, ...ledger.clusters.values()].reduce((sum, each) => sum + each.localities.size, 0);
      expect(ledger.partsCount).toBe(parts + ofNodes.length);
    }),
  );
});
