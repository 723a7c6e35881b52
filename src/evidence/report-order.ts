/**
 * Which of two reports of one node shows the later state of it, and whether the node has started anew between them.
 *
 * Two replicas are told by one Envoy, and one of them may handle late what it was told: only the Envoy's own clock knows
 * what came after what. What it shows less of later is no restart unless it has started since, because counting all that
 * it shows would count requests of long ago once more.
 */
import { BELIEVED_AFTER_MS } from "./report-lateness.ts";

/** When a report was made. */
export interface ReportTimes {
  /** When counters stood so, by the clock of whoever reads it. */
  readonly reportedAtMs: number;
  /** The same by the Envoy's clock; absent where it does not say so. */
  readonly countedAtMs?: number | undefined;
  /** When the Envoy started, by its clock. */
  readonly startedAtMs?: number | undefined;
  /** Since when it counts, where that is not the start of the Envoy. */
  readonly countedSinceMs?: number | undefined;
}

/** Whether `report` is later than `known`. One that is much later only by the reader's clock is of an Envoy whose own was set. */
export function isLater(report: ReportTimes, known: ReportTimes): boolean {
  const aheadMs = report.reportedAtMs - known.reportedAtMs;
  if (report.countedAtMs === undefined || known.countedAtMs === undefined) return aheadMs > 0;
  if (Math.abs(aheadMs) > BELIEVED_AFTER_MS) return aheadMs > 0;
  return report.countedAtMs > known.countedAtMs;
}

/** Whether counters of a later report follow those of `known`, or may have begun anew at nought after them. */
export function isSequel(report: ReportTimes, known: ReportTimes, hasFallen: boolean): boolean {
  if (report.countedAtMs === undefined || known.countedAtMs === undefined) return true;
  if (report.countedAtMs < known.countedAtMs) return false;
  return !hasFallen || report.startedAtMs === undefined || report.startedAtMs >= known.countedAtMs;
}

/**
 * Whether `report` is of another Envoy under the same name, or of a stream of it, that began before the one that was heard
 * just now; a clock that was set back makes it look so, and is believed when nothing else is heard.
 */
export function isOfElder(report: ReportTimes, known: ReportTimes): boolean {
  if (report.reportedAtMs - known.reportedAtMs > BELIEVED_AFTER_MS) return false;
  return (
    (report.startedAtMs ?? Infinity) < (known.startedAtMs ?? -Infinity) ||
    (report.countedSinceMs ?? 0) < (known.countedSinceMs ?? 0)
  );
}
