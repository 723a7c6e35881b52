/**
 * Load reports as evidence: what each node has counted of its requests since its stream of reports began.
 *
 * A load report has only what came since the one before, so the ledger adds them up, and what shows here grows like a
 * counter of Envoy's own. With another stream, to this replica or another one, it begins anew at nought, and
 * `countedSinceMs` says so; a report that was lost on the way is lost.
 *
 * What load reports count is less than OpenTelemetry has: tries and not requests as users saw them, nothing of how long
 * they took, and nothing of requests for which there was no host. What Envoy dropped itself, such as over a circuit
 * breaker, was answered with an error, so it counts as one.
 */
import type { Clock } from "../support/clock.ts";
import { WallTimes } from "../support/wall-times.ts";
import type { LoadLedger, NodeLoadRecord } from "./load-ledger.ts";
import type { LoadSettings } from "./load-settings.ts";
import type { ClusterTraffic, TrafficReader } from "./traffic-view.ts";

/** The reports of one replica, and what it asks nodes for. */
export interface LoadSource {
  readonly ledger: LoadLedger;
  readonly settings: LoadSettings;
}

/** A node that has not reported yet is not there; neither is a cluster that nobody is asked about, or had no room. */
export function loadTraffic(source: LoadSource, clock: Clock): TrafficReader {
  const wall = new WallTimes(clock);
  return {
    read(clusters) {
      const { ledger, settings } = source;
      const asked = clusters.filter((name) => settings.clusters === "all" || settings.clusters.includes(name));
      return [...ledger.nodes.values()].flatMap((node) => {
        const { nodeId, firstToldAtMs: countedSinceMs } = node;
        if (countedSinceMs === undefined) return [];
        const counted = asked.flatMap((name) => {
          const traffic = trafficOf(ledger, node, name);
          return traffic === undefined ? [] : [[name, traffic] as const];
        });
        return [{ nodeId, reportedAtMs: wall.at(node.lastAtMs), countedSinceMs, clusters: new Map(counted) }];
      });
    },
  };
}

/** The ledger leaves out clusters without requests, which is not the same as those that found no room. */
function trafficOf(ledger: LoadLedger, node: NodeLoadRecord, cluster: string): ClusterTraffic | undefined {
  const sums = node.clusters.get(cluster)?.sums;
  const hosts = { healthyHosts: undefined, totalHosts: undefined };
  if (sums === undefined) {
    return node.isCut || ledger.unlistedCount > 0 ? undefined : { completed: 0, errors: 0, ...hosts };
  }
  const errors = sums.failed + sums.dropped;
  return { completed: sums.successful + errors, errors, ...hosts };
}
