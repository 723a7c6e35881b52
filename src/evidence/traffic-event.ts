/**
 * What happens around reports of traffic, as facts for the log. The reports themselves are no events: the ledger has
 * what they say.
 */

/** Somebody may not report for this node, or does not say for which; once for each reason. */
export interface TrafficEvent {
  readonly kind: "traffic-report-refused";
  readonly atMs: number;
  /** Empty when it was not said. */
  readonly nodeId: string;
  readonly peer: string;
  readonly reason: string;
}
