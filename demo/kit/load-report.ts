/**
 * What a load generator counted, in bounded memory however long it ran.
 */
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";

/** Counts from the start up to one moment. */
export interface LoadReport {
  readonly seconds: number;
  readonly sent: number;
  readonly failed: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** By what backends say of themselves in `x-backend`. */
  readonly byLabel: Readonly<Record<string, number>>;
  /** Answers in which Envoy says that it refused for overload (`x-envoy-overloaded`). */
  readonly overloaded: number;
  /** The first few failures: an error code, or `status 503`. */
  readonly failures: readonly string[];
  readonly latencyMs: {
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
    readonly max: number;
  };
}

/** One whole answer. */
export interface LoadAnswer {
  readonly status: number;
  readonly accepted: boolean;
  readonly label: string | undefined;
  readonly overloaded: boolean;
  readonly latencyMs: number;
}

/** Enough to see what kind of failure it is. */
const FAILURES_KEPT = 20;

/** The running counts of one load. */
export class LoadCounts {
  readonly #byStatus = new Map<string, number>();
  readonly #byLabel = new Map<string, number>();
  readonly #failures: string[] = [];
  /** In microseconds; requests end by their timeout, far below a minute. */
  readonly #latencyUs: RecordableHistogram = createHistogram({
    lowest: 1,
    highest: 60_000_000,
    figures: 3,
  });
  readonly #startedAt = performance.now();
  #sent = 0;
  #failed = 0;
  #overloaded = 0;

  addAnswer(answer: LoadAnswer): void {
    this.#sent += 1;
    increment(this.#byStatus, String(answer.status));
    if (answer.label !== undefined) increment(this.#byLabel, answer.label);
    if (answer.overloaded) this.#overloaded += 1;
    if (!answer.accepted) this.#fail(`status ${answer.status}`);
    this.#latencyUs.record(Math.max(1, Math.round(answer.latencyMs * 1_000)));
  }

  /** A request that got no whole answer. */
  addError(text: string): void {
    this.#sent += 1;
    this.#fail(text);
  }

  report(seconds: number): LoadReport {
    const at = (percentile: number): number => this.#latencyUs.percentile(percentile) / 1_000;
    const some = this.#latencyUs.count > 0;
    return {
      seconds,
      sent: this.#sent,
      failed: this.#failed,
      byStatus: Object.fromEntries(this.#byStatus),
      byLabel: Object.fromEntries(this.#byLabel),
      overloaded: this.#overloaded,
      failures: [...this.#failures],
      latencyMs: some
        ? { p50: at(50), p90: at(90), p99: at(99), max: this.#latencyUs.max / 1_000 }
        : { p50: 0, p90: 0, p99: 0, max: 0 },
    };
  }

  #fail(text: string): void {
    this.#failed += 1;
    if (this.#failures.length >= FAILURES_KEPT) return;
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    this.#failures.push(`${text} at ${seconds.toFixed(3)} s`);
  }
}

/** How many requests each label answered between two reports of one load. */
export function labelsBetween(before: LoadReport, after: LoadReport): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const [label, count] of Object.entries(after.byLabel)) {
    const more = count - (before.byLabel[label] ?? 0);
    if (more > 0) counts[label] = more;
  }
  return counts;
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
