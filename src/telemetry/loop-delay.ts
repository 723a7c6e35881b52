/**
 * How late the event loop runs, over about the last minute.
 *
 * One loop serves every stream: while it is held up, no Envoy is answered. The histogram of Node is read and
 * cleared every few seconds and the worst of the last samples is reported, so that several readers, such as
 * two Prometheus servers, see the same and nobody clears what another has not seen.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";

/** In milliseconds; how much later than asked timers ran. */
export interface LoopDelay {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Reports until it is disposed. */
export interface LoopDelayMonitor extends Disposable {
  delay(): LoopDelay;
}

/** Node samples with a timer of this period and reports its whole length, so it is taken off again. */
const RESOLUTION_MS = 10;
const SAMPLE_MS = 5_000;
const SAMPLES_MAX = 12;

/** Starts to measure; it does not keep Node from ending. */
export function monitorLoopDelay(): LoopDelayMonitor {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const samples: LoopDelay[] = [];
  const read = (): LoopDelay => ({
    p50Ms: lateMs(histogram.percentile(50)),
    p99Ms: lateMs(histogram.percentile(99)),
    maxMs: lateMs(histogram.max),
  });
  const timer = setInterval(() => {
    samples.push(read());
    if (samples.length > SAMPLES_MAX) samples.shift();
    histogram.reset();
  }, SAMPLE_MS);
  timer.unref();
  return {
    delay() {
      const all = histogram.count > 0 ? [...samples, read()] : samples;
      return {
        p50Ms: Math.max(0, ...all.map((sample) => sample.p50Ms)),
        p99Ms: Math.max(0, ...all.map((sample) => sample.p99Ms)),
        maxMs: Math.max(0, ...all.map((sample) => sample.maxMs)),
      };
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      histogram.disable();
    },
  };
}

function lateMs(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
}
