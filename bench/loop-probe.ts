/**
 * Measures the event loop of a server from within: loaded into `fairway serve` before its own code.
 *
 * The server's own figure covers the last minute, its start included. A benchmark wants exactly the time
 * of its case, so at SIGUSR2 the probe writes what it has seen since the last one, and begins anew.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

/** As the server's own monitor: a timer of this period, whose length is taken off again. */
const RESOLUTION_MS = 10;

if (isMainThread) {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let reading = 0;
  process.on("SIGUSR2", () => {
    reading += 1;
    const lateMs = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
    const delay = { p99Ms: lateMs(histogram.percentile(99)), maxMs: lateMs(histogram.max) };
    process.stderr.write(`loop-probe ${reading} ${JSON.stringify(delay)}\n`);
    histogram.reset();
  });
}
