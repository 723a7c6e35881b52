/**
 * Which programs run on which cores, so that what is measured has one for itself.
 */
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";

/** Cores as `taskset` writes them, such as `0` or `0-2`. */
export interface Cores {
  /** Of the Envoy that is measured. */
  readonly measured: string;
  /** Of everything else: load, backends, control plane. */
  readonly others: string;
  readonly all: string;
}

/** The last core for the Envoy; undefined on a machine with one. */
export function cores(): Cores | undefined {
  const last = availableParallelism() - 1;
  if (last < 1) return undefined;
  return { measured: String(last), others: last === 1 ? "0" : `0-${last - 1}`, all: `0-${last}` };
}

/** Moves all threads of a program; what it starts later is moved too. */
export function pin(pid: number, list: string): void {
  const { status, stderr } = spawnSync("taskset", ["-a", "-p", "-c", list, String(pid)], { encoding: "utf8" });
  if (status !== 0) throw new Error(`taskset could not move ${pid} to core ${list}: ${stderr}`);
}
