/**
 * Says at an even pace that it is time to send; a thread of its own, because Node's timers know milliseconds only.
 *
 * It sleeps in the kernel between two beats, so it costs hardly any processor time, and it never sends
 * more than one beat for what it slept through: who hears it looks at the clock.
 */
import { parentPort } from "node:worker_threads";
import { nowMs } from "./monotonic.ts";

/** So many beats at so many ms each, the first at a moment of the monotonic clock. */
export interface Measure {
  readonly startMs: number;
  readonly everyMs: number;
  readonly beats: number;
}

const nobodyWakesIt = new Int32Array(new SharedArrayBuffer(4));

parentPort?.on("message", ({ startMs, everyMs, beats }: Measure) => {
  // One more at the end, when everything is due, also what a thread that was held up has slept through.
  for (let beat = 0; beat <= beats; beat = nextBeat(beat, { startMs, everyMs, beats })) {
    const leftMs = startMs + beat * everyMs - nowMs();
    if (leftMs > 0) Atomics.wait(nobodyWakesIt, 0, 0, leftMs);
    parentPort?.postMessage(undefined);
  }
});

function nextBeat(beat: number, { startMs, everyMs, beats }: Measure): number {
  if (beat === beats) return beats + 1;
  return Math.min(beats, Math.max(beat + 1, Math.ceil((nowMs() - startMs) / everyMs)));
}
