/**
 * What a program costs, as the kernel tells in `/proc`.
 */
import { readFile, readdir, writeFile } from "node:fs/promises";

/** Since the start of the program. */
export interface CpuTime {
  readonly allMs: number;
  /** The thread of the event loop alone. */
  readonly loopMs: number;
  /** How long that thread could have run and had to wait for a core, because other programs or threads had them. */
  readonly loopWaitedMs: number;
}

/** In MiB. */
export interface Memory {
  readonly nowMib: number;
  /** The most that it was since the start, or since `forgetPeak`. */
  readonly peakMib: number;
}

/** Processor time of a program, from the kernel's scheduler, which counts in nanoseconds. */
export async function cpuTime(pid: number): Promise<CpuTime> {
  let allMs = 0;
  let loopMs = 0;
  let loopWaitedMs = 0;
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    const schedstat = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8");
    const [ranMs = 0, waitedMs = 0] = schedstat.split(" ").map((nanoseconds) => Number(nanoseconds) / 1e6);
    allMs += ranMs;
    // The first thread of a Node program runs its event loop and has the program's own id.
    if (thread === String(pid)) [loopMs, loopWaitedMs] = [ranMs, waitedMs];
  }
  return { allMs, loopMs, loopWaitedMs };
}

/** Resident memory of a program. */
export async function memoryOf(pid: number): Promise<Memory> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const mib = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) / 1_024;
  return { nowMib: mib("VmRSS"), peakMib: mib("VmHWM") };
}

/** The peak begins anew at what is used now. */
export async function forgetPeak(pid: number): Promise<void> {
  // 5 is the kernel's number for "the peak of the resident set".
  await writeFile(`/proc/${pid}/clear_refs`, "5");
}
