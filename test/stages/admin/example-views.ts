/**
 * Read models from memory: what the admin server is handed in tests.
 */
import type { AdminViews, GroupView } from "../../../src/admin/admin-views.ts";
import type { LoadLedger } from "../../../src/evidence/load-ledger.ts";
import { createLedger, openNode, recordLoad } from "../../../src/evidence/load-ledger.ts";
import type { LoadSettings } from "../../../src/evidence/load-settings.ts";
import { loadPage } from "../../../src/evidence/load-view.ts";
import { readiness } from "../../../src/admin/readiness.ts";
import { convergence } from "../../../src/fleet/convergence.ts";
import type { FleetEvent } from "../../../src/fleet/fleet.ts";
import { createFleet, step } from "../../../src/fleet/fleet.ts";
import type { Explanation } from "../../../src/explain/explanation.ts";
import { findNode, listNodes } from "../../../src/fleet/list-nodes.ts";
import type { Diagnostic } from "../../../src/model/diagnostic.ts";
import { checkRemoval } from "../../../src/snapshot/removal-guard.ts";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import { err, ok } from "../../../src/support/result.ts";
import { edge, snapshotOf, streamOf } from "../fleet/example-events.ts";
import { noRollouts } from "../../support/no-rollouts.ts";

export const served = snapshotOf({ a: "1", b: "1", c: "1", d: "1", e: "1" });
export const past = snapshotOf({ a: "0", b: "1", c: "1", d: "1", e: "1" });
export const heldSnapshot = snapshotOf({ a: "1" });

export const diagnostic: Diagnostic = {
  code: "unknown-key",
  severity: "error",
  message: "unknown key `clustr`",
  at: { file: "routes.yaml", line: 3, column: 5 },
  hint: "did you mean `cluster`?",
};

const verdict = checkRemoval(served, heldSnapshot, { mode: "on" });

/** A group that serves `served`, once served `past`, and holds `heldSnapshot` back. */
export function edgeGroup(of: Partial<GroupView> = {}): GroupView {
  return {
    name: edge,
    current: served,
    source: "config",
    history: [served, past],
    held: {
      snapshot: heldSnapshot,
      sinceMs: 5_000,
      findings: verdict.kind === "held" ? verdict.findings : [],
    },
    convergence: undefined,
    ...of,
  };
}

/** What is said of any request; the headers that were asked about come back as notes. */
function explanation(headers: readonly string[]): Explanation {
  const at = { file: "edge.yaml", line: 1, column: 1 };
  return {
    request: { method: "GET", url: "http://x/", host: "x", path: "/" },
    group: { name: "edge", at },
    version: served.version,
    listener: { name: "public/http", address: "0.0.0.0:80", tls: false, at },
    otherListeners: [],
    nearListeners: [],
    outcome: { kind: "forward", clusters: [{ cluster: "a", percent: 100 }] },
    nearest: [],
    perhaps: [],
    clusters: [{ name: "a", at, endpointCount: 1, endpoints: [{ address: "10.0.0.1:80", priority: 0 }], settings: [] }],
    settings: [{ name: "timeout", text: "3s", at, origin: "policy fast" }],
    notes: headers,
  };
}

/** Views over these groups and a fleet after these events. */
export function viewsOf(
  of: { readonly groups?: readonly GroupView[]; readonly events?: readonly FleetEvent[] } = {},
  overrides: Partial<AdminViews> = {},
): AdminViews {
  const fleet = (of.events ?? fleetEvents()).reduce(step, createFleet());
  const ledger = loadOfShop();
  let loadSettings: LoadSettings = { intervalMs: 10_000, clusters: "all", endpoints: false };
  let groups = of.groups ?? [edgeGroup({ convergence: convergence(fleet, edge) })];
  const all = (group: GroupView): readonly Snapshot[] => [
    // What is made here has whole snapshots in its history.
    ...(group.history as readonly Snapshot[]),
    ...(group.held ? [group.held.snapshot] : []),
  ];
  return {
    groups: () => groups,
    refused: () => undefined,
    warnings: () => [],
    snapshots: (version) =>
      Promise.resolve(groups.flatMap((group) => all(group).filter((snapshot) => snapshot.version === version))),
    replicas: async () => ok([]),
    refusedInstances: () => ({ count: 0, first: [] }),
    unnamedInstances: () => ({ count: 0, prefixes: [] }),
    events: (after) =>
      [
        { id: 7, atMs: 0, kind: "config-refused" as const, level: "error" as const, text: "routes.yaml", count: 1 },
      ].filter(({ id }) => id > after),
    load: (query) => loadPage(ledger, query, 20_000),
    loadSettings: () => loadSettings,
    configureLoad: (settings) => {
      loadSettings = settings;
    },
    explain: async ({ url, headers }) =>
      url === "http://x/" ? ok(explanation(headers)) : err({ kind: "question", message: `"${url}" is not a URL` }),
    renderResource: ({ name }) => ({ "@type": "Cluster", name }),
    nodes: (query) => listNodes(fleet, query, { nowMs: 20_000 }),
    node: (id) => findNode(fleet, id, 20_000),
    nodeResources: () => undefined,
    ready: () => readiness(groups, undefined),
    confirm: async ({ version }) => {
      const held = groups.filter((group) => group.held?.snapshot.version === version);
      if (held.length === 0) {
        return err({
          kind: "not-held",
          held: groups.flatMap(({ name, held: change }) =>
            change ? [{ group: name, version: change.snapshot.version }] : [],
          ),
        });
      }
      groups = groups.map((group) => (held.includes(group) ? { ...group, held: undefined } : group));
      return ok(held.map((group) => group.name));
    },
    ...noRollouts,
    splits: () => [],
    changeSplit: async () => err({ kind: "unavailable", message: "a test" }),
    nowMs: () => 0,
    metrics: async () => "fairway_streams 1\n",
    loopDelay: () => ({ p50Ms: 1, p99Ms: 2, maxMs: 3 }),
    ...overrides,
  };
}

/** Ten seconds of one node with twenty requests a second. */
function loadOfShop(): LoadLedger {
  const ledger = createLedger(1_000);
  openNode(ledger, "done", 0);
  const counts = { successful: 19, failed: 1, issued: 20, inProgress: 2 };
  const endpoints = [{ ...counts, address: "10.0.0.1:80" }];
  const locality = { region: "eu", zone: "eu-1", subZone: "", priority: 0, ...counts, endpoints };
  const droppedBy = [{ category: "overload", count: 1 }];
  const shop = { cluster: "shop", intervalMs: 1_000, dropped: 1, droppedBy, localities: [locality] };
  for (let second = 11; second <= 20; second += 1) {
    const idle = { ...shop, cluster: "zz", dropped: 0, droppedBy: [], localities: [{ ...locality, endpoints: [] }] };
    recordLoad(ledger, "done", { clusters: [shop, idle], atMs: second * 1_000, wallMs: second * 1_000 });
  }
  return ledger;
}

/** One node of each kind: it has all, it refused, it waits, it is gone, it matches nothing. */
function fleetEvents(): readonly FleetEvent[] {
  const streams = ["done", "bad", "slow", "gone", "lost/1"].map((id, index) => streamOf(id, index));
  const [done, bad, slow, gone, lost] = streams as [Stream, Stream, Stream, Stream, Stream];
  return [
    { kind: "published", snapshot: served, atMs: 9_000 },
    ...[done.opened(), done.subscribed(), done.sent(served), done.acked(), done.synced(served)],
    ...[bad.opened(), bad.subscribed(), bad.sent(served), bad.rejected("a", "1")],
    ...[slow.opened(), slow.subscribed(), slow.gate(served, "waiting")],
    ...[gone.opened(), gone.closed(), lost.refused("no group matches")],
  ];
}

type Stream = ReturnType<typeof streamOf>;
