/**
 * Reads a state directory: every whole file by its key, and a warning for each that is not.
 */
import { constants } from "node:fs";
import { join } from "node:path";

import { err } from "../support/result.ts";
import type { Result } from "../support/result.ts";
import { decodeStateFile, fileBytesMax, fileStem } from "./state-file.ts";
import type { StateFile } from "./state-file.ts";
import { parseStateName } from "./state-name.ts";
import type { StorePort } from "./store-port.ts";

/** What the directory holds for one key. */
export interface StoredKey {
  readonly key: string;
  readonly served?: Uint8Array;
  /** The newest first. */
  readonly generations: readonly Uint8Array[];
}

interface Found {
  served?: Uint8Array;
  readonly generations: Uint8Array[];
}

export async function loadStateFiles(
  port: StorePort,
  directory: string,
  onWarning: (text: string) => void,
): Promise<readonly StoredKey[]> {
  const byKey = new Map<string, Found>();
  const names = (await port.readdir(directory)).flatMap((name) => {
    const parsed = parseStateName(name);
    return parsed === undefined ? [] : [{ name, ...parsed }];
  });
  names.sort((a, b) => (b.sequence ?? 0) - (a.sequence ?? 0));
  for (const { name, stem, sequence } of names) {
    const file = await readStateFile(port, join(directory, name), stem);
    if (!file.ok) {
      onWarning(`${join(directory, name)} is skipped: ${file.error}`);
      continue;
    }
    const found = byKey.get(file.value.key) ?? { generations: [] };
    byKey.set(file.value.key, found);
    if (sequence === undefined) found.served = file.value.payload;
    else found.generations.push(file.value.payload);
  }
  const sorted = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([key, found]) => ({ key, ...found }));
}

async function readStateFile(port: StorePort, path: string, stem: string): Promise<Result<StateFile, string>> {
  let bytes: Uint8Array;
  try {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const handle = await port.open(path, flags);
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) return err("it is no regular file");
      if (stat.size > fileBytesMax) return err(`it has ${stat.size} bytes`);
      bytes = await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    return err(error instanceof Error ? error.message : String(error));
  }
  const decoded = await decodeStateFile(bytes);
  // A file copied under another name would come back under a key it was not written for.
  if (decoded.ok && fileStem(decoded.value.key) !== stem) return err("its name belongs to another key");
  return decoded;
}
