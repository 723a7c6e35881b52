/**
 * Several replicas of Fairway over one real etcd, which has all of the config, and one real Envoy that knows them all.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Backend } from "../../demo/kit/backend.ts";
import { Envoy } from "../../demo/kit/envoy.ts";
import type { EnvoyOptions } from "../../demo/kit/envoy.ts";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { Fairway } from "../../demo/kit/fairway.ts";
import { freePort } from "../../demo/kit/ports.ts";
import { pushDocuments } from "../../src/config/push-documents.ts";
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import { systemClock } from "../../src/support/clock.ts";
import { ask } from "../envoy/ask.ts";
import type { NodeView, SnapshotsView } from "../envoy/scene.ts";
import { eventually } from "../support/eventually.ts";
import { tempDir } from "../support/temp-dir.ts";
import { TcpProxy } from "./tcp-proxy.ts";

/** How they are set up. */
export interface ReplicasOptions {
  readonly count?: number;
  readonly backends?: number;
  readonly api?: EnvoyOptions["api"];
  /** Absent: one gateway, with a service that finds its instances in etcd. */
  readonly config?: (scene: { readonly port: number; readonly backends: readonly string[] }) => string;
  /** The `main.ts` of another checkout, by the index of the replica. */
  readonly mainOf?: (index: number) => string | undefined;
  readonly envOf?: (index: number) => Readonly<Record<string, string>>;
  /** Further arguments of `serve`, by the index of the replica. */
  readonly argsOf?: (index: number) => readonly string[];
  /** A config file that every replica has beside what is in etcd, in a directory of its own. */
  readonly file?: string;
  /** What else is in etcd before the first replica starts. */
  readonly keys?: Readonly<Record<string, string>>;
  /** Whether there is an Envoy. */
  readonly hasEnvoy?: boolean;
  readonly envoy?: Pick<EnvoyOptions, "statsFlushInterval" | "allTrafficReports" | "loadReports">;
}

/** One replica and its wire to etcd. */
export interface Replica {
  readonly fairway: Fairway;
  readonly wire: TcpProxy;
  /** Where its file is. */
  readonly filePath: string;
}

const shopConfig = ({ port }: { readonly port: number }): string => `
gateways:
  edge: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  shop: { discovery: { etcd: {} } }
routes:
  all: { rules: [{ backends: [{ service: shop }] }] }
`;

export class Replicas implements AsyncDisposable {
  readonly etcd: EtcdCluster;
  readonly client: EtcdClient;
  readonly all: readonly Replica[];
  readonly backends: readonly Backend[];
  readonly port: number;
  readonly #envoy: Envoy | undefined;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    parts: Pick<Replicas, "etcd" | "client" | "all" | "backends" | "port">,
    envoy: Envoy | undefined,
    stack: AsyncDisposableStack,
  ) {
    this.etcd = parts.etcd;
    this.client = parts.client;
    this.all = parts.all;
    this.backends = parts.backends;
    this.port = parts.port;
    this.#envoy = envoy;
    this.#stack = stack;
  }

  static async start(options: ReplicasOptions = {}): Promise<Replicas> {
    const stack = new AsyncDisposableStack();
    try {
      const etcd = stack.use(await EtcdCluster.start());
      const client = new EtcdClient({ endpoints: etcd.endpoints, clock: systemClock });
      stack.defer(() => client.close());
      const backends: Backend[] = [];
      for (let index = 0; index < (options.backends ?? 1); index += 1) {
        backends.push(stack.use(await Backend.start({ label: `v${index + 1}` })));
      }
      const port = await freePort();
      const addresses = backends.map(({ address }) => address);
      const config = (options.config ?? shopConfig)({ port, backends: addresses });
      await pushDocuments(client, { documents: new Map([["main.yaml", Buffer.from(config)]]), by: "the test" });
      for (const [key, value] of Object.entries(options.keys ?? {})) await put(client, key, value);
      const [first] = backends;
      if (first !== undefined) await put(client, "/services/shop/one", first.address);
      const directory = stack.use(await tempDir());
      const all: Replica[] = [];
      for (let index = 0; index < (options.count ?? 2); index += 1) {
        const wire = stack.use(await TcpProxy.start(etcd.first.endpoint));
        const configDir = directory.join(`config-${index}`);
        const filePath = join(configDir, "file.yaml");
        await mkdir(configDir);
        if (options.file !== undefined) await writeFile(filePath, options.file);
        const fairway = await Fairway.start({
          configDir: options.file === undefined ? [] : configDir,
          stateDir: directory.join(`state-${index}`),
          args: ["--etcd", `http://${wire.endpoint}`, ...(options.argsOf?.(index) ?? [])],
          main: options.mainOf?.(index),
          env: options.envOf?.(index) ?? {},
        });
        all.push({ fairway: stack.use(fairway), wire, filePath });
      }
      const [one, ...others] = all.map(({ fairway }) => fairway.xdsPort);
      const envoy =
        options.hasEnvoy === false || one === undefined
          ? undefined
          : stack.use(
              await Envoy.start({
                xdsPort: one,
                replicaPorts: others,
                nodeId: "edge-1",
                api: options.api ?? "delta",
                // Splits of these tests are between services.
                allTrafficReports: true,
                ...options.envoy,
              }),
            );
      await envoy?.ready();
      return new Replicas({ etcd, client, all, backends, port }, envoy, stack);
    } catch (cause) {
      await stack.disposeAsync();
      throw cause;
    }
  }

  get envoy(): Envoy {
    if (this.#envoy === undefined) throw new Error("there is no Envoy");
    return this.#envoy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  at(index: number): Replica {
    const replica = this.all[index];
    if (replica === undefined) throw new Error(`there is no replica ${index}`);
    return replica;
  }

  put(key: string, value: string): Promise<void> {
    return put(this.client, key, value);
  }

  async remove(key: string): Promise<void> {
    await this.client.transact([], [{ kind: "delete", key }]);
  }

  async push(text: string): Promise<void> {
    await pushDocuments(this.client, { documents: new Map([["main.yaml", Buffer.from(text)]]), by: "the test" });
  }

  /** The version of each group that a replica serves, as text. */
  async versions(index: number): Promise<string> {
    const { groups } = await this.at(index).fairway.get<SnapshotsView>("/v1/snapshots");
    return groups.map(({ group, current }) => `${group} ${current?.version}`).join(", ");
  }

  /** Waits until all serve the same, and something else than `before`; returns what. */
  async agree(before?: string): Promise<string> {
    let versions: readonly string[] = [];
    await eventually("the same versions on all replicas", async () => {
      versions = await Promise.all(this.all.map((_, index) => this.versions(index)));
      return new Set(versions).size === 1 && versions[0] !== before;
    });
    return versions[0] ?? "";
  }

  /**
   * Waits until the Envoy answers. Replicas that agree have no more than the same version: an Envoy gets it later, and until
   * then has no host to answer with.
   */
  async answers(): Promise<void> {
    await eventually("an answer", async () => (await ask(this.url)).status === 200);
  }

  /** Puts a second instance of the shop into etcd, and waits until the Envoy has it. */
  async addBackend(): Promise<void> {
    await this.put("/services/shop/two", this.backends[1]?.address ?? "");
    await eventually("both endpoints", async () => (await this.membersCount()) === 2);
  }

  /** The endpoints of the shop that the Envoy has. */
  membersCount(): Promise<number> {
    return this.envoy.counter("cluster.shop.membership_total");
  }

  /** The replicas, by index, that the Envoy has a stream to. */
  async on(): Promise<readonly number[]> {
    const found = await Promise.all(
      this.all.map(async ({ fairway }, index) => {
        if (fairway.exit !== undefined) return [];
        const { nodes } = await fairway.get<{ readonly nodes: readonly NodeView[] }>("/v1/nodes?scope=local");
        return nodes.some(({ id, connected }) => id === "edge-1" && connected) ? [index] : [];
      }),
    );
    return found.flat();
  }

  /** The only replica that it is on, once it is on one. */
  async onOne(): Promise<number> {
    let found: readonly number[] = [];
    await eventually("an Envoy on one replica", async () => (found = await this.on()).length === 1, {
      timeoutMs: 30_000,
    });
    return found[0] ?? -1;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

async function put(client: EtcdClient, key: string, value: string): Promise<void> {
  await client.transact([], [{ kind: "put", key, value: Buffer.from(value) }]);
}
