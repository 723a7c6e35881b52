/**
 * Passive health checking: ejecting a host that answers badly.
 *
 * The block is written in Envoy's own words, so it passes as it is; a field that nobody wrote keeps the
 * default of the Envoy that reads it.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier
 */
import type { OutlierDetectionJson } from "../gen/envoy/config/cluster/v3/outlier_detection_pb.d.ts";
import type { OutlierDetection } from "../model/intent-service.ts";

/** The fields as written; an empty block turns Envoy's defaults on. */
export function translateOutlierDetection(outliers: OutlierDetection): OutlierDetectionJson {
  return { ...outliers.fields };
}
