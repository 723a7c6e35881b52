/**
 * What becomes of a connection whose bytes nobody reads: the clusters of a TCP proxy, chosen when it opens.
 */
import type { ClusterJson } from "../gen/envoy/config/cluster/v3/cluster_pb.d.ts";
import type { TcpProxyJson } from "../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.d.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import { describeCluster, innerClusters } from "./describe-cluster.ts";
import type { ClusterFacts, ClusterShare, Explanation, Setting } from "./explanation.ts";
import type { Origins } from "./origins.ts";
import type { ResourceLookup } from "./resource-lookup.ts";

type ConnectionFacts = Pick<Explanation, "outcome" | "clusters" | "settings" | "notes" | "route" | "listener">;

/** The parts of an explanation that are about the connection; `listener` is the one that takes it. */
export function explainConnection(
  tcp: TcpProxyJson,
  { listener, notes }: Pick<Explanation, "listener" | "notes">,
  { lookup, origins }: { readonly lookup: ResourceLookup; readonly origins: Origins },
): ConnectionFacts {
  const shares = sharesOf(tcp);
  const origin = origins.connectionRoute(tcp.statPrefix ?? "");
  const at = origin?.listenerAt ?? listener?.at;
  const describe = (cluster: string): ClusterFacts =>
    describeCluster(cluster, { lookup, origin: origins.cluster(cluster), priority: "DEFAULT" });
  return {
    ...(listener === undefined || at === undefined ? {} : { listener: { ...listener, at } }),
    ...(origin === undefined
      ? {}
      : {
          route: {
            name: origin.name,
            at: origin.at,
            conditions: ["every byte of the connection"],
            ...(origin.split === undefined ? {} : { split: origin.split }),
          },
        }),
    outcome:
      shares.length === 0
        ? { kind: "unknown", because: "the listener passes bytes on, and something else chooses the cluster" }
        : { kind: "forward", clusters: shares },
    clusters: shares.flatMap(({ cluster }) => {
      const json = lookup.get<ClusterJson>(typeUrls.cluster, cluster)?.json ?? {};
      return [describe(cluster), ...innerClusters(json).map(describe)];
    }),
    settings: settingsOf(tcp),
    notes: [...notes, "the bytes of the connection are passed on unread: method, path and headers count for nothing"],
  };
}

function sharesOf({ cluster, weightedClusters }: TcpProxyJson): readonly ClusterShare[] {
  if (cluster !== undefined) return [{ cluster, percent: 100 }];
  const clusters = weightedClusters?.clusters ?? [];
  const total = clusters.reduce((sum, { weight = 0 }) => sum + weight, 0);
  return clusters.map(({ name = "", weight = 0 }) => ({ cluster: name, percent: (weight * 100) / Math.max(1, total) }));
}

function settingsOf({
  idleTimeout,
  maxDownstreamConnectionDuration,
  maxConnectAttempts,
}: TcpProxyJson): readonly Setting[] {
  const lines: readonly (readonly [name: string, text: string | undefined])[] = [
    ["idle timeout", idleTimeout ?? "3600s"],
    ["max duration", maxDownstreamConnectionDuration],
    ["connect tries", maxConnectAttempts === undefined ? undefined : String(maxConnectAttempts)],
  ];
  return lines.flatMap(([name, text]) => (text === undefined ? [] : [{ name, text }]));
}
