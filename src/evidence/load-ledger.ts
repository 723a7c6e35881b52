/**
 * What Envoys report of the load on their upstream clusters, added up: for each cluster over all nodes, and
 * for each node by itself.
 *
 * The functions change the ledger in place and read no clock. Everything in it is bounded, because names come
 * from whoever reports; what does not fit is left out and counted, and never pushes out what is there.
 *
 * Holds: `inProgress` of a cluster is the sum over the nodes that report now, all other counts only grow
 * while the cluster is known. A cluster without any request is not listed.
 */
import type { ClusterLoad, LocalityLoad, RequestCounts } from "./load-report.ts";
import type { RateWindow } from "./rate-window.ts";
import { countInWindow, createRateWindow } from "./rate-window.ts";

/** Sums of counts; `dropped` only where Envoy tells it, for whole clusters. */
export interface LoadSums {
  successful: number;
  failed: number;
  issued: number;
  inProgress: number;
  dropped: number;
}

/** A part of a cluster's load, under a key that is unique in the cluster. */
export interface LocalityRecord {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  readonly priority: number;
  readonly sums: LoadSums;
}

/** One cluster, over all nodes. */
export interface ClusterRecord {
  readonly name: string;
  readonly sums: LoadSums;
  /** Successful, failed, issued and dropped. */
  window: RateWindow;
  readonly droppedBy: Map<string, number>;
  readonly localities: Map<string, LocalityRecord>;
  /** By address; empty unless the nodes are asked for endpoints. */
  readonly endpoints: Map<string, LoadSums>;
  lastAtMs: number;
}

/** One cluster as one node has it. */
export interface NodeClusterRecord {
  readonly cluster: ClusterRecord;
  readonly sums: LoadSums;
  readonly localities: Map<string, LocalityRecord>;
  /** Of the last report, for rates. */
  last: LoadSums;
  lastIntervalMs: number;
  /** Where what it has in progress is counted. */
  shares: readonly Share[];
}

/** A part of what is in progress somewhere: a state and no count, so it is taken back when the next report comes. */
interface Share {
  readonly sums: LoadSums;
  readonly inProgress: number;
}

/** One node that reports. */
export interface NodeLoadRecord {
  readonly nodeId: string;
  readonly clusters: Map<string, NodeClusterRecord>;
  /** It has one stream, or two for a moment. */
  streamsCount: number;
  lastAtMs: number;
  /** When its first report came, in milliseconds since 1970 on the clock as it was then; absent before it. */
  firstToldAtMs?: number;
  /** Some of its clusters are only in the sums over all nodes. */
  isCut: boolean;
}

/** See the file's comment; make one with `createLedger`. */
export interface LoadLedger {
  spanMs: number;
  readonly clusters: Map<string, ClusterRecord>;
  readonly nodes: Map<string, NodeLoadRecord>;
  /** Records of clusters, localities and endpoints within nodes and clusters. */
  partsCount: number;
  /** Reports of clusters that found no room. */
  unlistedCount: number;
  forgotAtMs: number;
}

/** Twice the services that one instance is built for. */
export const CLUSTERS_MAX = 20_000;
/** About 100 MB of records: 500 nodes with 200 busy clusters each. */
export const PARTS_MAX = 200_000;
/** Of one cluster. */
export const LOCALITIES_MAX = 100;
export const ENDPOINTS_MAX = 1_000;
const CATEGORIES_MAX = 20;
/** Longer names are nobody's; a resource name may be long all the same. */
const NAME_CHARS_MAX = 1_024;

/** A cluster that nobody has reported for so long makes room for another. */
const FORGOTTEN_AFTER_MS = 3_600_000;
const FORGET_EVERY_MS = 60_000;

/** A ledger in which nothing was reported; rates are over spans of `spanMs`. */
export function createLedger(spanMs: number): LoadLedger {
  return {
    spanMs,
    clusters: new Map(),
    nodes: new Map(),
    partsCount: 0,
    unlistedCount: 0,
    forgotAtMs: -Infinity,
  };
}

/** Nodes are asked to report at another interval: rates begin anew. */
export function changeSpan(ledger: LoadLedger, spanMs: number): void {
  if (ledger.spanMs === spanMs) return;
  ledger.spanMs = spanMs;
  for (const cluster of ledger.clusters.values()) cluster.window = newWindow(spanMs);
}

/** A node opened a stream of reports. */
export function openNode(ledger: LoadLedger, nodeId: string, atMs: number): void {
  const known = ledger.nodes.get(nodeId);
  if (known !== undefined) known.streamsCount += 1;
  else ledger.nodes.set(nodeId, { nodeId, clusters: new Map(), streamsCount: 1, lastAtMs: atMs, isCut: false });
}

/** A stream of a node ended; with its last one the node goes, and what it had in progress. */
export function closeNode(ledger: LoadLedger, nodeId: string): void {
  const node = ledger.nodes.get(nodeId);
  if (node === undefined) return;
  node.streamsCount -= 1;
  if (node.streamsCount > 0) return;
  ledger.nodes.delete(nodeId);
  for (const { localities, shares } of node.clusters.values()) {
    ledger.partsCount -= 1 + localities.size;
    takeBack(shares);
  }
}

/** Adds one report of a node that has a stream; `wallMs` is the same moment by the clock on the wall. */
export function recordLoad(
  ledger: LoadLedger,
  nodeId: string,
  report: { readonly clusters: readonly ClusterLoad[]; readonly atMs: number; readonly wallMs: number },
): void {
  const node = ledger.nodes.get(nodeId);
  if (node === undefined) return;
  node.lastAtMs = report.atMs;
  node.firstToldAtMs ??= report.wallMs;
  for (const load of report.clusters) {
    const sums = sumsOf(load);
    const isIdle = sums.issued + sums.successful + sums.failed + sums.inProgress + sums.dropped === 0;
    // Envoy names all its clusters each time, and most of a large config are idle.
    if (isIdle && !node.clusters.has(load.cluster)) continue;
    const cluster = clusterOf(ledger, load.cluster, report.atMs);
    if (cluster === undefined) {
      ledger.unlistedCount += 1;
      continue;
    }
    const shares = addToCluster(ledger, cluster, { load, sums, atMs: report.atMs });
    addToNode(ledger, { node, cluster, shares }, { load, sums });
  }
}

function addToCluster(
  ledger: LoadLedger,
  cluster: ClusterRecord,
  { load, sums, atMs }: { readonly load: ClusterLoad; readonly sums: LoadSums; readonly atMs: number },
): readonly Share[] {
  const shares: Share[] = [];
  const share = (of: LoadSums, inProgress: number) => {
    if (inProgress > 0) shares.push({ sums: of, inProgress });
  };
  share(cluster.sums, sums.inProgress);
  cluster.lastAtMs = atMs;
  addCounts(cluster.sums, sums);
  const { successful, failed, issued, dropped } = sums;
  countInWindow(cluster.window, { atMs, intervalMs: load.intervalMs }, [successful, failed, issued, dropped]);
  for (const { category, count } of load.droppedBy) {
    const known = cluster.droppedBy.get(category);
    if (known !== undefined || (cluster.droppedBy.size < CATEGORIES_MAX && isName(category))) {
      cluster.droppedBy.set(category, (known ?? 0) + count);
    }
  }
  for (const locality of load.localities) {
    const known = localityOf(ledger, cluster.localities, locality);
    if (known !== undefined) {
      addCounts(known.sums, locality);
      share(known.sums, locality.inProgress);
    }
    for (const endpoint of locality.endpoints) {
      const counted = endpointOf(ledger, cluster, endpoint.address);
      if (counted === undefined) continue;
      addCounts(counted, endpoint);
      share(counted, endpoint.inProgress);
    }
  }
  return shares;
}

function addToNode(
  ledger: LoadLedger,
  of: { readonly node: NodeLoadRecord; readonly cluster: ClusterRecord; readonly shares: readonly Share[] },
  { load, sums }: { readonly load: ClusterLoad; readonly sums: LoadSums },
): void {
  const { node, cluster, shares } = of;
  let record = node.clusters.get(cluster.name);
  if (record === undefined) {
    if (!takePart(ledger)) {
      node.isCut = true;
      return;
    }
    record = { cluster, sums: emptySums(), localities: new Map(), last: sums, lastIntervalMs: 0, shares: [] };
    node.clusters.set(cluster.name, record);
  }
  takeBack(record.shares);
  for (const share of shares) share.sums.inProgress += share.inProgress;
  record.shares = shares;
  record.last = sums;
  record.lastIntervalMs = load.intervalMs;
  addCounts(record.sums, sums);
  record.sums.inProgress = sums.inProgress;
  for (const locality of load.localities) {
    const known = localityOf(ledger, record.localities, locality);
    if (known === undefined) continue;
    addCounts(known.sums, locality);
    known.sums.inProgress = locality.inProgress;
  }
}

function takeBack(shares: readonly Share[]): void {
  for (const { sums, inProgress } of shares) sums.inProgress -= inProgress;
}

function endpointOf(ledger: LoadLedger, { endpoints }: ClusterRecord, address: string): LoadSums | undefined {
  const known = endpoints.get(address);
  if (known !== undefined) return known;
  if (endpoints.size >= ENDPOINTS_MAX || !isName(address) || !takePart(ledger)) return undefined;
  const sums = emptySums();
  endpoints.set(address, sums);
  return sums;
}

function clusterOf(ledger: LoadLedger, name: string, atMs: number): ClusterRecord | undefined {
  const known = ledger.clusters.get(name);
  if (known !== undefined) return known;
  if (!isName(name)) return undefined;
  if (ledger.clusters.size >= CLUSTERS_MAX) forgetClusters(ledger, atMs);
  if (ledger.clusters.size >= CLUSTERS_MAX) return undefined;
  const record: ClusterRecord = {
    name,
    sums: emptySums(),
    window: newWindow(ledger.spanMs),
    droppedBy: new Map(),
    localities: new Map(),
    endpoints: new Map(),
    lastAtMs: atMs,
  };
  ledger.clusters.set(name, record);
  return record;
}

function forgetClusters(ledger: LoadLedger, atMs: number): void {
  if (atMs - ledger.forgotAtMs < FORGET_EVERY_MS) return;
  ledger.forgotAtMs = atMs;
  for (const [name, { lastAtMs, localities, endpoints }] of ledger.clusters) {
    if (atMs - lastAtMs < FORGOTTEN_AFTER_MS) continue;
    ledger.clusters.delete(name);
    ledger.partsCount -= localities.size + endpoints.size;
  }
}

function localityOf(
  ledger: LoadLedger,
  localities: Map<string, LocalityRecord>,
  locality: LocalityLoad,
): LocalityRecord | undefined {
  const key = localityKey(locality);
  const known = localities.get(key);
  if (known !== undefined) return known;
  if (localities.size >= LOCALITIES_MAX || !isName(key) || !takePart(ledger)) return undefined;
  const { region, zone, subZone, priority } = locality;
  const record = { region, zone, subZone, priority, sums: emptySums() };
  localities.set(key, record);
  return record;
}

/** Made for each locality of each report, so it must be cheap; no name of a zone has a line end in it. */
function localityKey({ region, zone, subZone, priority }: LocalityLoad): string {
  return `${region}\n${zone}\n${subZone}\n${priority}`;
}

function takePart(ledger: LoadLedger): boolean {
  if (ledger.partsCount >= PARTS_MAX) return false;
  ledger.partsCount += 1;
  return true;
}

function isName(text: string): boolean {
  return text !== "" && text.length <= NAME_CHARS_MAX;
}

function newWindow(spanMs: number): RateWindow {
  return createRateWindow(spanMs, 4);
}

function emptySums(): LoadSums {
  return { successful: 0, failed: 0, issued: 0, inProgress: 0, dropped: 0 };
}

function sumsOf(load: ClusterLoad): LoadSums {
  const sums = emptySums();
  sums.dropped = load.dropped;
  for (const locality of load.localities) {
    addCounts(sums, locality);
    sums.inProgress += locality.inProgress;
  }
  return sums;
}

/** All but what is in progress. */
function addCounts(sums: LoadSums, counts: RequestCounts & { readonly dropped?: number }): void {
  sums.successful += counts.successful;
  sums.failed += counts.failed;
  sums.issued += counts.issued;
  sums.dropped += counts.dropped ?? 0;
}
