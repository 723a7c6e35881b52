/**
 * The part of the file system that the store touches, as a port: a test fills the disk or loses it
 * between two calls.
 */
import * as promises from "node:fs/promises";

export type StorePort = Pick<
  typeof promises,
  "link" | "mkdir" | "open" | "readdir" | "readFile" | "rename" | "stat" | "unlink"
>;

export const systemPort: StorePort = promises;

/** Removes a file that may be gone already. */
export async function removeIfThere(port: StorePort, path: string): Promise<void> {
  try {
    await port.unlink(path);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

/** Makes a rename or a removal in the directory survive a loss of power. */
export async function syncDirectory(port: StorePort, directory: string): Promise<void> {
  const handle = await port.open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
