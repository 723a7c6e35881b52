/**
 * The bounds of what a directory source reads.
 *
 * They are far above what people write by hand and far below what would hurt the process; beyond one of
 * them the source reports a problem and keeps what it last read well.
 */
export interface SourceLimits {
  readonly fileBytesMax: number;
  readonly totalBytesMax: number;
  readonly filesMax: number;
  /** Names listed, documents or not: a directory of a million log files must not fill the memory. */
  readonly entriesMax: number;
  readonly depthMax: number;
}

const MEBIBYTE = 1024 * 1024;

export const defaultLimits: SourceLimits = {
  // A document of 16 MiB takes seconds to parse; generated endpoints belong in the registry by then.
  fileBytesMax: 16 * MEBIBYTE,
  // Documents are held twice while a new state is compared with the one before.
  totalBytesMax: 64 * MEBIBYTE,
  // One file per service of the largest fleets we know of, doubled.
  filesMax: 20_000,
  entriesMax: 200_000,
  // Deeper trees are loops through links or mistakes.
  depthMax: 32,
};

/** File system calls in flight: more than libuv's four threads, few enough to leave file descriptors alone. */
const callsInFlightMax = 16;

/** Runs `visit` for each item, at most `callsInFlightMax` at a time, in order of their start. */
export async function forEachBounded<T>(items: readonly T[], visit: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const item = items[next] as T;
      next += 1;
      await visit(item);
    }
  };
  const lanes = Math.min(callsInFlightMax, items.length);
  await Promise.all(Array.from({ length: lanes }, lane));
}
