/**
 * One load report of an Envoy, as it comes from the wire.
 *
 * Envoy names every cluster in every report, and repeats its 61 kB node in each; the node is decoded in the
 * first one only and skipped in the others. Counts are of the time since the report before.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/load_stats/v3/lrs.proto
 */
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { Node } from "../gen/envoy/config/core/v3/base.ts";
import type { Address } from "../gen/envoy/config/core/v3/address.ts";
import type { UpstreamEndpointStats, UpstreamLocalityStats } from "../gen/envoy/config/endpoint/v3/load_report.ts";
import { ClusterStats } from "../gen/envoy/config/endpoint/v3/load_report.ts";

/** Requests to somewhere. */
export interface RequestCounts {
  /** Ended without a failure. */
  readonly successful: number;
  /** Ended with one: a status of 500 or above, or a reset. A connection that cannot be opened is no request. */
  readonly failed: number;
  /** Begun. */
  readonly issued: number;
  /** Under way at the moment of the report. */
  readonly inProgress: number;
}

/** Requests to the hosts of one locality and priority. */
export interface LocalityLoad extends RequestCounts {
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  readonly priority: number;
  /** Only where the server asked for them. */
  readonly endpoints: readonly EndpointLoad[];
}

/** Requests to one host; the address as `host:port`, or the path of a socket. */
export interface EndpointLoad extends RequestCounts {
  readonly address: string;
}

/** One cluster of a report. */
export interface ClusterLoad {
  readonly cluster: string;
  /** How long it counted. */
  readonly intervalMs: number;
  /** Requests that Envoy sent nowhere, such as over a circuit breaker or a drop overload; those with a category also by it. */
  readonly dropped: number;
  readonly droppedBy: readonly { readonly category: string; readonly count: number }[];
  readonly localities: readonly LocalityLoad[];
}

/** A decoded report. */
export interface LoadReport {
  readonly node: Node | undefined;
  readonly clusters: readonly ClusterLoad[];
}

/** More clusters are not an Envoy's but an attack; what follows them is not read. */
const REPORTED_CLUSTERS_MAX = 20_000;

const NODE = 1;
const CLUSTER_STATS = 2;

/** Decodes one message; throws when the bytes are no such message. */
export function decodeLoadReport(bytes: Uint8Array, options: { readonly withNode: boolean }): LoadReport {
  const reader = new BinaryReader(bytes);
  const clusters: ClusterLoad[] = [];
  let node: Node | undefined;
  while (reader.pos < reader.len && clusters.length < REPORTED_CLUSTERS_MAX) {
    const [field, wireType] = reader.tag();
    if (field === CLUSTER_STATS) clusters.push(clusterLoad(ClusterStats.decode(reader, reader.uint32())));
    else if (field === NODE && options.withNode) node = Node.decode(reader, reader.uint32());
    else reader.skip(wireType, field);
  }
  return { node, clusters };
}

function clusterLoad(stats: ClusterStats): ClusterLoad {
  const { seconds, nanos } = stats.loadReportInterval ?? { seconds: 0n, nanos: 0 };
  return {
    cluster: stats.clusterName,
    intervalMs: Number(seconds) * 1_000 + nanos / 1_000_000,
    dropped: Number(stats.totalDroppedRequests),
    droppedBy: stats.droppedRequests.map(({ category, droppedCount }) => ({ category, count: Number(droppedCount) })),
    localities: stats.upstreamLocalityStats.map(localityLoad),
  };
}

function localityLoad(stats: UpstreamLocalityStats): LocalityLoad {
  const { region = "", zone = "", subZone = "" } = stats.locality ?? {};
  return {
    ...requestCounts(stats),
    region,
    zone,
    subZone,
    priority: stats.priority,
    endpoints: stats.upstreamEndpointStats.map((each) => ({
      ...requestCounts(each),
      address: addressText(each.address),
    })),
  };
}

function requestCounts(stats: UpstreamLocalityStats | UpstreamEndpointStats): RequestCounts {
  return {
    successful: Number(stats.totalSuccessfulRequests),
    failed: Number(stats.totalErrorRequests),
    issued: Number(stats.totalIssuedRequests),
    inProgress: Number(stats.totalRequestsInProgress),
  };
}

function addressText(address: Address | undefined): string {
  const at = address?.address;
  if (at?.$case === "socketAddress") {
    const { address: host, portSpecifier } = at.value;
    const port = portSpecifier?.$case === "portValue" ? portSpecifier.value : "";
    return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  }
  return at?.$case === "pipe" ? at.value.path : "";
}
