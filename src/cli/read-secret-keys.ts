/**
 * The keys of etcd that secrets name, read once, for the commands that look and do not serve.
 *
 * Each is asked for alone, so that a role for some of them is enough. Keys that may not be read are left unread: whoever
 * checks or pushes config need not be allowed to see secrets.
 */
import type { Command } from "commander";
import { secretKeyOf } from "../config/etcd-secret-keys.ts";
import type { ReadKeys } from "../config/etcd-secrets.ts";
import { readKeys, unreadKey } from "../config/etcd-secrets.ts";
import { EtcdClient } from "../etcd/etcd-client.ts";
import { EtcdError } from "../etcd/etcd-error.ts";
import type { Entry } from "../etcd/etcd-port.ts";
import type { EtcdFlags } from "./etcd-options.ts";
import { readEtcdOptions } from "./etcd-options.ts";
import { exitCodes } from "./output.ts";

/** More help nobody. */
const PLACES_SHOWN_MAX = 20;

/** Reads keys by the paths of `etcd-secret-keys.ts`; those that it leaves out are unread. */
export type KeyReader = (paths: readonly string[]) => Promise<ReadKeys>;

/** A reader, or undefined without `--etcd`; wrong flags end the command. */
export function keyReader(flags: EtcdFlags, command: Command): KeyReader | undefined {
  const options = readEtcdOptions(flags);
  if (!options.ok) {
    return command.error(options.error.map((problem) => `error: ${problem}`).join("\n"), { exitCode: exitCodes.usage });
  }
  const { value } = options;
  if (value === undefined) return undefined;
  return async (paths) => {
    const etcd = new EtcdClient(value);
    try {
      return await readEach(etcd, paths);
    } finally {
      etcd.close();
    }
  };
}

/** For people: what was not examined. */
export function describeUnread(places: readonly string[]): readonly string[] {
  if (places.length === 0) return [];
  const shown = places.slice(0, PLACES_SHOWN_MAX);
  const more = places.length - shown.length;
  return [
    "what these keys hold was not examined; with --etcd, and the right to read them, it is:",
    ...shown.map((place) => `  ${place}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}

async function readEach(etcd: Pick<EtcdClient, "list">, paths: readonly string[]): Promise<ReadKeys> {
  const entries = new Map<string, Entry>();
  const readable: string[] = [];
  for (const path of paths) {
    const key = secretKeyOf(path) ?? "";
    try {
      const found = (await etcd.list(key)).entries.find((entry) => entry.key === key);
      readable.push(path);
      if (found !== undefined) entries.set(key, found);
    } catch (cause) {
      if (!(cause instanceof EtcdError)) throw cause;
      if (cause.kind === "denied") continue;
      // The others would be waited for as long.
      return { documents: [], problems: paths.map((each) => unreadKey(each, cause.message)) };
    }
  }
  return readKeys(readable, entries);
}
