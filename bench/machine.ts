/**
 * What the numbers were measured on; without it they mean nothing.
 */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";

/** Of this machine and this program. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGib: number;
  /** Of the last minute when the benchmark began: more than zero means that other programs ran. */
  readonly load: number;
  readonly linux: string;
  readonly node: string;
  readonly fairway: string;
  readonly grpcJs: string;
}

/** Reads what there is to know. */
export function machine(): Machine {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    linux: release(),
    node: process.version,
    fairway: packageVersion("../package.json"),
    grpcJs: packageVersion("../node_modules/@grpc/grpc-js/package.json"),
  };
}

/** In one line. */
export function describeMachine({ cores, cpu, memoryGib, load, linux, node, fairway, grpcJs }: Machine): string {
  return `${cores} cores, ${cpu}, ${memoryGib} GiB, load before ${load}; Linux ${linux}; Node ${node}; Fairway ${fairway}, grpc-js ${grpcJs}`;
}

function packageVersion(path: string): string {
  const text = readFileSync(new URL(path, import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
