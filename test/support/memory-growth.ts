/**
 * Whether something leaves memory behind: measured over repetitions, after the garbage was collected.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Buffers and sockets are given up in several rounds, with turns of the event loop between them. */
async function usedBytes(): Promise<number> {
  for (let round = 0; round < 4; round += 1) {
    collect();
    await new Promise(setImmediate);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Bytes that are held after `times` repetitions and were not held after the first few, which fill caches. */
export async function memoryGrowth(work: () => Promise<void>, times: number): Promise<number> {
  for (let count = 0; count < 2; count += 1) await work();
  const before = await usedBytes();
  for (let count = 0; count < times; count += 1) await work();
  return (await usedBytes()) - before;
}
