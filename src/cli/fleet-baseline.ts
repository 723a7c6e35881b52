/**
 * What the replicas together serve, as far as the guard looks at it: names, and how many hosts they have.
 *
 * A replica that starts with an empty directory, or was away for long, compares its first build with this, and so holds
 * what the others hold. It is written behind the pushes with the history of snapshots, of which the large ones and the
 * secrets are not kept; names are kept of all.
 */
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { gunzipSync, gzip } from "node:zlib";
import { z } from "zod";
import type { EtcdPort } from "../etcd/etcd-port.ts";
import type { LivingNames } from "../snapshot/removal-guard.ts";
import { livingNames } from "../snapshot/removal-guard.ts";
import type { ResourceName } from "../snapshot/resource.ts";
import type { GroupName, Snapshot } from "../snapshot/snapshot.ts";
import { readServedVersions } from "../store/served-marks.ts";
import type { StateStore } from "../store/state-store.ts";
import { updateState } from "../store/state-store.ts";
import { brand } from "../support/brand.ts";

const KEY = "baseline/";

/** Ten thousand services have one megabyte; whoever may write to etcd must not fill the memory. */
const UNFOLDED_BYTES_MAX = 64 * 1024 * 1024;

/** etcd was there a moment ago, or nothing could have been built. */
const RETRY_MS = 1_000;

/** A replica that knows what it served itself need not wait for ever. */
const TRIES_WITH_DISK_MAX = 5;

export interface FleetBaselineOptions {
  readonly etcd: EtcdPort;
  readonly store: StateStore;
  readonly random: () => number;
  /** The content of a snapshot that is kept whole; undefined when it is not. */
  whole(group: GroupName, version: string): Promise<Snapshot | undefined>;
  onWarning(text: string): void;
}

interface Baseline {
  readonly version: string;
  readonly living: LivingNames;
}

const deflate = promisify(gzip);

export class FleetBaseline {
  readonly #options: FleetBaselineOptions;
  /** By group, the versions that the others serve and this replica did not. */
  #versions: ReadonlyMap<GroupName, string> | undefined;
  #isClosed = false;

  constructor(options: FleetBaselineOptions) {
    this.#options = options;
  }

  /**
   * What to compare the first build with, where that is not what this replica served last; undefined when it was asked
   * for before. It waits for etcd: a replica that does not know what the others serve could not hold anything.
   */
  async once(own: readonly Snapshot[]): Promise<ReadonlyMap<GroupName, LivingNames> | undefined> {
    if (this.#versions !== undefined) return undefined;
    this.#versions = new Map();
    for (let tries = 1; !this.#isClosed; tries += 1) {
      try {
        const newer = await this.#read(own);
        this.#versions = new Map([...newer].map(([group, { version }]) => [group, version]));
        return new Map([...newer].map(([group, { living }]) => [group, living]));
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        if (tries === 1) this.#options.onWarning(`what the other replicas serve cannot be read: ${why}`);
        if (own.length > 0 && tries >= TRIES_WITH_DISK_MAX) return undefined;
        await pause(RETRY_MS);
      }
    }
    return undefined;
  }

  /** What the others serve to these groups, where all of it is kept: secrets are not. */
  async contents(groups: readonly GroupName[]): Promise<readonly Snapshot[]> {
    const found: Snapshot[] = [];
    for (const group of groups) {
      const version = this.#versions?.get(group);
      const snapshot = version === undefined ? undefined : await this.#options.whole(group, version);
      if (snapshot !== undefined) found.push(snapshot);
    }
    return found;
  }

  /** This is served now, and no replica serves anything newer. */
  async keep(snapshot: Snapshot): Promise<void> {
    const bytes = await deflate(textOf(snapshot));
    await updateState(
      this.#options.store,
      `${KEY}${snapshot.group}`,
      (current) => (current !== undefined && Buffer.compare(current.bytes, bytes) === 0 ? undefined : bytes),
      this.#options.random,
    );
  }

  close(): void {
    this.#isClosed = true;
  }

  async #read(own: readonly Snapshot[]): Promise<ReadonlyMap<GroupName, Baseline>> {
    const { etcd, store } = this.#options;
    const served = await readServedVersions(etcd);
    const newer = new Map<GroupName, Baseline>();
    for (const { key, bytes } of await store.list(KEY)) {
      const group = brand<GroupName>(key.slice(KEY.length));
      const baseline = readBaseline(bytes);
      const ownVersion = own.find((snapshot) => snapshot.group === group)?.version;
      if (baseline === undefined) this.#options.onWarning(`${key} in etcd is none that can be read`);
      else if (ownVersion !== baseline.version && (ownVersion === undefined || ownVersion !== served.get(group))) {
        newer.set(group, baseline);
      }
    }
    return newer;
  }
}

/** The version is in it, so that equal names of another content are written as well. */
function textOf(snapshot: Snapshot): string {
  const names = Object.fromEntries([...livingNames(snapshot)].map(([typeUrl, all]) => [typeUrl, [...all]]));
  return JSON.stringify({ version: snapshot.version, names });
}

const baselineSchema = z.object({
  version: z.string(),
  names: z.record(z.string(), z.array(z.tuple([z.string(), z.int().min(0)]))),
});

function readBaseline(bytes: Uint8Array): Baseline | undefined {
  try {
    const text = gunzipSync(bytes, { maxOutputLength: UNFOLDED_BYTES_MAX }).toString("utf8");
    const { version, names } = baselineSchema.parse(JSON.parse(text));
    const living = Object.entries(names).map(
      ([typeUrl, all]) =>
        [typeUrl, new Map(all.map(([name, hostCount]) => [brand<ResourceName>(name), hostCount]))] as const,
    );
    return { version, living: new Map(living) };
  } catch {
    return undefined;
  }
}
