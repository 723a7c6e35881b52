/**
 * All instances that have registered, by the prefix of their service.
 *
 * A change of one key touches one service: what is known of the others stays the same object, so that later stages
 * recognise it.
 */
import type { RegistryChange } from "../config/registry-change.ts";
import { compareAges, folderOf } from "../config/registry-change.ts";
import type { Result } from "../support/result.ts";
import type { Endpoint } from "./intent-service.ts";
import type { InstanceProblem } from "./read-instance.ts";
import { readInstance } from "./read-instance.ts";

/** The instances of one service. */
export interface InstanceSet {
  /** Sorted by address. */
  readonly endpoints: readonly Endpoint[];
  /** Keys that were left out. */
  readonly problems: readonly InstanceProblem[];
}

/** More hosts in one cluster than Envoy is run with anywhere. */
const INSTANCES_MAX = 10_000;

/** One key, read once: its value is not kept. */
interface ReadEntry {
  readonly key: string;
  readonly revision: number;
  readonly createdRevision: number;
  readonly read: Result<Endpoint, InstanceProblem>;
}

const noInstances: InstanceSet = { endpoints: [], problems: [] };

export class InstanceIndex {
  /** By everything up to the last slash of the key. */
  readonly #folders = new Map<string, Map<string, ReadEntry>>();
  readonly #sets = new Map<string, InstanceSet>();

  /** Forgets everything. */
  clear(): void {
    this.#folders.clear();
    this.#sets.clear();
  }

  take({ upserted, removed }: RegistryChange): void {
    let like: Endpoint | undefined;
    for (const entry of upserted) {
      const folder = folderOf(entry.key);
      const read = readInstance(entry, folder, like);
      if (read.ok) like = read.value;
      let entries = this.#folders.get(folder);
      if (entries === undefined) this.#folders.set(folder, (entries = new Map()));
      const { key, revision, createdRevision } = entry;
      entries.set(key, { key, revision, createdRevision, read });
      this.#sets.delete(folder);
    }
    for (const key of removed) {
      const folder = folderOf(key);
      const entries = this.#folders.get(folder);
      if (entries?.delete(key) !== true) continue;
      if (entries.size === 0) this.#folders.delete(folder);
      this.#sets.delete(folder);
    }
  }

  /** The instances below a prefix, which ends with a slash; the same object as before if none of them changed. */
  below(prefix: string): InstanceSet {
    const known = this.#sets.get(prefix);
    if (known !== undefined) return known;
    const entries = this.#folders.get(prefix);
    if (entries === undefined) return noInstances;
    const set = collect(entries);
    this.#sets.set(prefix, set);
    return set;
  }
}

/**
 * Of two instances at one address the one that came first stays: Envoy takes an address once, and a newcomer that has it
 * by mistake must not take the requests of the one that has them.
 */
function collect(entries: ReadonlyMap<string, ReadEntry>): InstanceSet {
  const problems: InstanceProblem[] = [];
  const byAddress = new Map<string, { readonly key: string; readonly endpoint: Endpoint }>();
  const sorted = [...entries.values()].toSorted(compareAges);
  for (const { key, revision, read } of sorted) {
    if (!read.ok) {
      problems.push(read.error);
      continue;
    }
    const address = `${read.value.host}:${read.value.port}`;
    const first = byAddress.get(address);
    if (first !== undefined) {
      problems.push({ key, revision, message: `${address} is the address of ${first.key} already` });
    } else if (byAddress.size >= INSTANCES_MAX) {
      problems.push({ key, revision, message: `the service has ${INSTANCES_MAX} instances already` });
    } else byAddress.set(address, { key, endpoint: read.value });
  }
  const endpoints = [...byAddress.values()].map(({ endpoint }) => endpoint).toSorted(compareAddresses);
  return { endpoints, problems };
}

function compareAddresses(left: Endpoint, right: Endpoint): number {
  if (left.host !== right.host) return left.host < right.host ? -1 : 1;
  return left.port - right.port;
}
