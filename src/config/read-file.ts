/**
 * Reads one regular file, whole or not at all, without ever waiting for a writer at the other end.
 *
 * Between the walk and the read anything can be put in the file's place: a FIFO, a device, a link out of
 * the tree. So it is opened without following links and without blocking, and what was opened is
 * checked, not what was listed.
 */
import { constants } from "node:fs";
import type { BigIntStats } from "node:fs";
import type { FileHandle } from "node:fs/promises";

import { errorCode, fileIdentity, isGone } from "./file-port.ts";
import type { FilePort } from "./file-port.ts";
import type { SourceProblem } from "./source.ts";
import * as problems from "./source-problems.ts";
import { isInside } from "./walk-tree.ts";

export type ReadOutcome =
  | {
      readonly kind: "read";
      readonly bytes: Uint8Array;
      readonly stat: BigIntStats;
      /** False if it changed while it was read: then the bytes prove nothing. */
      readonly steady: boolean;
    }
  | { readonly kind: "gone" }
  | { readonly kind: "problem"; readonly problem: SourceProblem };

/** The bounds within which a file may be read. */
export interface ReadBounds {
  readonly boundaries: readonly string[];
  readonly fileBytesMax: number;
}

const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

export async function readRegularFile(
  file: { readonly path: string; readonly realPath: string },
  port: FilePort,
  bounds: ReadBounds,
): Promise<ReadOutcome> {
  let handle: FileHandle;
  try {
    handle = await port.open(file.realPath, OPEN_FLAGS);
  } catch (error) {
    // ELOOP: a link took the place of the file since the walk. The next scan follows it.
    if (isGone(error) || errorCode(error) === "ELOOP") return { kind: "gone" };
    return { kind: "problem", problem: problems.unreadable(file.path, error) };
  }
  try {
    return await readOpened(file, handle, port, bounds);
  } catch (error) {
    if (isGone(error)) return { kind: "gone" };
    return { kind: "problem", problem: problems.unreadable(file.path, error) };
  } finally {
    await handle.close();
  }
}

async function readOpened(
  file: { readonly path: string; readonly realPath: string },
  handle: FileHandle,
  port: FilePort,
  bounds: ReadBounds,
): Promise<ReadOutcome> {
  const before = await handle.stat({ bigint: true });
  if (!before.isFile()) return { kind: "problem", problem: problems.notRegular(file.path, before) };
  if (before.size > BigInt(bounds.fileBytesMax)) {
    const problem = problems.tooLarge(file.path, before.size, bounds.fileBytesMax);
    return { kind: "problem", problem };
  }
  // A directory above may have become a link since the walk: ask where the path leads now.
  const realPath = await port.realpath(file.realPath);
  if (!isInside(bounds.boundaries, realPath)) {
    return { kind: "problem", problem: problems.outsideRoot(file.path, realPath) };
  }
  const named = await port.stat(realPath, { bigint: true });
  if (named.dev !== before.dev || named.ino !== before.ino) return { kind: "gone" };

  const size = Number(before.size);
  const bytes = await readUpTo(handle, size + 1);
  const after = await handle.stat({ bigint: true });
  const steady = bytes.byteLength === size && fileIdentity(before) === fileIdentity(after);
  return { kind: "read", bytes, stat: after, steady };
}

async function readUpTo(handle: FileHandle, bytesMax: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(bytesMax);
  let filled = 0;
  while (filled < bytesMax) {
    const { bytesRead } = await handle.read(buffer, filled, bytesMax - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return new Uint8Array(buffer.buffer, 0, filled);
}
