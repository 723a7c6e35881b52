/**
 * The load on clusters in the shape of the admin API.
 */
import type { LoadSums, LocalityRecord } from "../evidence/load-ledger.ts";
import type { LoadSettings } from "../evidence/load-settings.ts";
import type { ClusterLoadView, LoadPage } from "../evidence/load-view.ts";
import { durationMs, protoDuration } from "../model/duration.ts";
import { isoTime } from "./iso-time.ts";
import type { LoadJson, LoadSettingsJson } from "./load-schema.ts";

/** One page. */
export function loadJson({ clusters, next, nodesCount, isCut }: LoadPage): LoadJson {
  return {
    nodes: nodesCount,
    complete: !isCut,
    clusters: clusters.map(clusterJson),
    ...(next === undefined ? {} : { next }),
  };
}

/** What nodes are asked for; `readLoadSettings` is the way back. */
export function loadSettingsJson({ intervalMs, clusters, endpoints }: LoadSettings): LoadSettingsJson {
  return { interval: protoDuration(intervalMs), clusters: clusters === "all" ? clusters : [...clusters], endpoints };
}

export function readLoadSettings({ interval, clusters, endpoints }: LoadSettingsJson): LoadSettings {
  return { intervalMs: durationMs(interval), clusters, endpoints };
}

function clusterJson(load: ClusterLoadView): LoadJson["clusters"][number] {
  const { rates, droppedBy, endpoints } = load;
  return {
    cluster: load.name,
    ...countsJson(load.sums),
    dropped: load.sums.dropped,
    ...(droppedBy.size === 0 ? {} : { droppedBy: Object.fromEntries(droppedBy) }),
    ...(rates === undefined ? {} : { perSecond: rates }),
    localities: load.localities.map(localityJson),
    ...(endpoints.size === 0
      ? {}
      : { endpoints: Object.fromEntries([...endpoints].map(([address, sums]) => [address, countsJson(sums)])) }),
    lastReport: isoTime(load.lastAtMs),
  };
}

function localityJson({ region, zone, subZone, priority, sums }: LocalityRecord) {
  return { region, zone, subZone, priority, ...countsJson(sums) };
}

function countsJson({ successful, failed, issued, inProgress }: LoadSums) {
  return { successful, failed, issued, inProgress };
}
