/**
 * The monitor of the event loop sees a loop that is held up.
 */
import { performance } from "node:perf_hooks";
import { expect, test } from "vitest";
import { monitorLoopDelay } from "../../../src/telemetry/loop-delay.ts";
import { eventually } from "../../support/eventually.ts";

test("reports how long the loop was held up", async () => {
  using monitor = monitorLoopDelay();
  expect(monitor.delay()).toEqual({ p50Ms: 0, p99Ms: 0, maxMs: 0 });
  await eventually("the monitor to see a loop that is held up for 120 ms", () => {
    const untilMs = performance.now() + 120;
    while (performance.now() < untilMs);
    return monitor.delay().maxMs > 80;
  });
});
