/**
 * The config that groups are served by, kept beside their snapshots: with it what is served can be built anew with other
 * weights after a start that finds the config refused.
 *
 * It is kept as it was read, and only while it has splits. A group goes by the config that the very snapshot is from, which
 * it is served then; one whose snapshot is from no config that is kept, stays as it is.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { SourceState } from "../config/source.ts";
import type { GroupName, Snapshot } from "../snapshot/snapshot.ts";

/** No groups can have these names. */
export const CONFIGS_KEY = "@configs";
export const SERVED_BY_KEY = "@served-by";

type KeptConfig = Pick<SourceState, "documents" | "etcd">;

/** What a snapshot was built from. */
interface ServedBy {
  readonly group: string;
  readonly version: string;
  /** Undefined of one without splits. */
  readonly config?: string | undefined;
}

/** Of one group. */
interface Served {
  readonly newest: ServedBy;
  /** What has proven itself last. */
  readonly good?: ServedBy | undefined;
}

export interface KeptConfigsOptions {
  /** Written in the order of the calls. */
  write(key: string, bytes: Uint8Array): Promise<unknown>;
}

/** What the disk has of it. */
export type KeptFiles = Readonly<Partial<Record<typeof CONFIGS_KEY | typeof SERVED_BY_KEY, Uint8Array>>>;

export class KeptConfigs {
  readonly #options: KeptConfigsOptions;
  readonly #configs = new Map<string, KeptConfig>();
  readonly #builtFrom = new Map<string, Served>();
  #written = { configs: "", servedBy: "" };

  constructor(options: KeptConfigsOptions) {
    this.#options = options;
  }

  /** What an earlier run left; damaged files count as absent. */
  restore(files: KeptFiles): void {
    const configs = parsed(configsSchema, files[CONFIGS_KEY]) ?? [];
    for (const { id, etcd, documents } of configs) {
      const read = documents.map(({ path, hash, bytes }) => ({ path, hash, bytes: Buffer.from(bytes, "base64") }));
      this.#configs.set(id, { documents: read, ...(etcd === undefined ? {} : { etcd: new Map(etcd) }) });
    }
    for (const served of parsed(servedSchema, files[SERVED_BY_KEY]) ?? [])
      this.#builtFrom.set(served.newest.group, served);
  }

  /** These snapshots are served, and are of this config; there are no others when they are all. */
  served(
    state: SourceState,
    snapshots: readonly Snapshot[],
    { hasSplits, areAll }: { readonly hasSplits: boolean; readonly areAll: boolean },
  ): void {
    if (areAll) {
      const groups = new Set<string>(snapshots.map(({ group }) => group));
      for (const group of this.#builtFrom.keys()) if (!groups.has(group)) this.#builtFrom.delete(group);
    }
    const config = hasSplits ? idOf(state) : undefined;
    if (config !== undefined) this.#configs.set(config, { documents: state.documents, ...etcdOf(state) });
    for (const { group, version } of snapshots) {
      const known = this.#builtFrom.get(group);
      const newest = { group, version, ...(config === undefined ? {} : { config }) };
      // The same snapshot may be of a newer config, such as one with other limits.
      const good = known?.good?.version === version ? newest : known?.good;
      this.#builtFrom.set(group, { newest, ...(good === undefined ? {} : { good }) });
    }
    this.#write();
  }

  /** It has proven itself. */
  promoted(group: string, version: string): void {
    const known = this.#builtFrom.get(group);
    if (known === undefined || known.newest.version !== version) return;
    this.#builtFrom.set(group, { newest: known.newest, good: known.newest });
    this.#write();
  }

  /** The config of most of these, which are served, and the groups that are of it; undefined when it is not known of any. */
  of(
    served: ReadonlyMap<GroupName, Snapshot>,
  ): { readonly config: KeptConfig; readonly groups: readonly string[] } | undefined {
    const groups = Map.groupBy(served.values(), (snapshot) => this.#configOf(snapshot));
    const [most] = [...groups]
      .flatMap(([id, snapshots]) => (id === undefined ? [] : [{ id, snapshots }]))
      .sort((a, b) => b.snapshots.length - a.snapshots.length);
    const config = most === undefined ? undefined : this.#configs.get(most.id);
    if (most === undefined || config === undefined) return undefined;
    return { config, groups: most.snapshots.map(({ group }) => group) };
  }

  #configOf({ group, version }: Snapshot): string | undefined {
    const { newest, good } = this.#builtFrom.get(group) ?? {};
    return [newest, good].find((each) => each?.version === version)?.config;
  }

  /** Documents only when there are others: instances come and go, and make new snapshots of the same ones. */
  #write(): void {
    const served = [...this.#builtFrom.values()];
    const used = new Set(served.flatMap(({ newest, good }) => [newest.config, good?.config]));
    for (const id of this.#configs.keys()) if (!used.has(id)) this.#configs.delete(id);
    const ids = [...this.#configs.keys()].sort().join(" ");
    if (ids !== this.#written.configs) {
      this.#written = { ...this.#written, configs: ids };
      void this.#options.write(
        CONFIGS_KEY,
        encoded([...this.#configs].map(([id, config]) => writtenConfig(id, config))),
      );
    }
    const servedBy = JSON.stringify(served);
    // Where there never were splits there is nothing to say.
    if (servedBy === this.#written.servedBy || (ids === "" && this.#written.servedBy === "")) return;
    this.#written = { ...this.#written, servedBy };
    void this.#options.write(SERVED_BY_KEY, new TextEncoder().encode(servedBy));
  }
}

function idOf({ documents }: SourceState): string {
  const hash = createHash("sha256");
  for (const document of documents) hash.update(`${document.path}\0${document.hash}\0`);
  return hash.digest("hex").slice(0, 32);
}

function etcdOf({ etcd }: SourceState): Pick<SourceState, "etcd"> {
  return etcd === undefined ? {} : { etcd };
}

const configsSchema = z.array(
  z.object({
    id: z.string(),
    etcd: z.array(z.tuple([z.string(), z.number()])).optional(),
    documents: z.array(z.object({ path: z.string(), hash: z.string(), bytes: z.string() })),
  }),
);

const servedBySchema = z.object({ group: z.string(), version: z.string(), config: z.string().optional() });
const servedSchema = z.array(z.object({ newest: servedBySchema, good: servedBySchema.optional() }));

function writtenConfig(id: string, { documents, etcd }: KeptConfig): z.infer<typeof configsSchema>[number] {
  const read = documents.map(({ path, hash, bytes }) => ({ path, hash, bytes: Buffer.from(bytes).toString("base64") }));
  return { id, documents: read, ...(etcd === undefined ? {} : { etcd: [...etcd] }) };
}

function encoded(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function parsed<Value>(schema: z.ZodType<Value>, bytes: Uint8Array | undefined): Value | undefined {
  if (bytes === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}
