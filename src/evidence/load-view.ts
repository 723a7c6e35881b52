/**
 * The load on clusters as people see it, in pages sorted by name: over all nodes, or as one node has it.
 */
import type { ClusterRecord, LoadLedger, LoadSums, LocalityRecord, NodeClusterRecord } from "./load-ledger.ts";
import { ratesOf } from "./rate-window.ts";

/** Which clusters, and how many of them. */
export interface LoadQuery {
  readonly limit: number;
  /** Only names that sort after this one: the last of the page before. */
  readonly after?: string | undefined;
  readonly cluster?: string | undefined;
  /** As this node alone has it. */
  readonly node?: string | undefined;
}

/** How many a second. */
export interface LoadRates {
  readonly successful: number;
  readonly failed: number;
  readonly issued: number;
  readonly dropped: number;
}

/** One cluster. The sums are since it was first reported, of a node since its stream began. */
export interface ClusterLoadView {
  readonly name: string;
  readonly sums: LoadSums;
  /** Over the last intervals, of a node over the last one; undefined until there is a whole one. */
  readonly rates: LoadRates | undefined;
  readonly droppedBy: ReadonlyMap<string, number>;
  readonly localities: readonly LocalityRecord[];
  readonly endpoints: ReadonlyMap<string, LoadSums>;
  readonly lastAtMs: number;
}

/** `next` is the `after` of the following page, absent on the last. */
export interface LoadPage {
  readonly clusters: readonly ClusterLoadView[];
  readonly next: string | undefined;
  readonly nodesCount: number;
  /** Not all that was reported is here, because there is too much of it. */
  readonly isCut: boolean;
}

/** One page, copied; undefined when the node that is asked about reports nothing. */
export function loadPage(ledger: LoadLedger, query: LoadQuery, nowMs: number): LoadPage | undefined {
  const node = query.node === undefined ? undefined : ledger.nodes.get(query.node);
  if (query.node !== undefined && node === undefined) return undefined;
  const { after, cluster, limit } = query;
  const names = [...(node ?? ledger).clusters.keys()]
    .filter((name) => (after === undefined || name > after) && (cluster === undefined || name === cluster))
    .sort();
  const shown = names.slice(0, limit);
  return {
    clusters: shown.flatMap((name) => {
      const ofNode = node?.clusters.get(name);
      const ofAll = ledger.clusters.get(name);
      if (node !== undefined) return ofNode === undefined ? [] : [nodeView(ofNode, node.lastAtMs)];
      return ofAll === undefined ? [] : [clusterView(ofAll, nowMs)];
    }),
    next: names.length > shown.length ? shown.at(-1) : undefined,
    nodesCount: ledger.nodes.size,
    isCut: node === undefined ? ledger.unlistedCount > 0 : node.isCut,
  };
}

function clusterView(record: ClusterRecord, nowMs: number): ClusterLoadView {
  const rates = ratesOf(record.window, nowMs);
  const [successful = 0, failed = 0, issued = 0, dropped = 0] = rates ?? [];
  return {
    name: record.name,
    sums: { ...record.sums },
    rates: rates !== undefined ? { successful, failed, issued, dropped } : undefined,
    droppedBy: new Map(record.droppedBy),
    localities: copies(record.localities),
    endpoints: new Map([...record.endpoints].map(([address, sums]) => [address, { ...sums }])),
    lastAtMs: record.lastAtMs,
  };
}

function nodeView(record: NodeClusterRecord, lastAtMs: number): ClusterLoadView {
  const { last, lastIntervalMs } = record;
  const perSecond = (count: number) => (count * 1_000) / lastIntervalMs;
  const rates = {
    successful: perSecond(last.successful),
    failed: perSecond(last.failed),
    issued: perSecond(last.issued),
    dropped: perSecond(last.dropped),
  };
  return {
    name: record.cluster.name,
    sums: { ...record.sums },
    rates: lastIntervalMs > 0 ? rates : undefined,
    droppedBy: new Map(),
    localities: copies(record.localities),
    endpoints: new Map(),
    lastAtMs,
  };
}

function copies(localities: ReadonlyMap<string, LocalityRecord>): readonly LocalityRecord[] {
  return [...localities.values()].map((each) => ({ ...each, sums: { ...each.sums } }));
}
