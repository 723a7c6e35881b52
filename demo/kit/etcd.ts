/**
 * A real etcd, alone or as several members of one cluster, on a data directory of its own.
 *
 * `await using etcd = await EtcdCluster.start()` gives one that is gone, with its data, at the end of the block.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child, type ChildExit } from "./child.ts";
import { etcdBinary } from "./etcd-binary.ts";
import { ask } from "./get.ts";
import { freePort } from "./ports.ts";
import { waitUntil } from "./wait-until.ts";

/** How a cluster is started. */
export interface EtcdClusterOptions {
  readonly members?: number;
  /** Further command line arguments of every member. */
  readonly args?: readonly string[];
  /** PEM files: clients connect by TLS and show a certificate of this authority. */
  readonly tls?: { readonly caFile: string; readonly certFile: string; readonly keyFile: string };
}

/** One member, which can be stopped, killed and started again on its data. */
export class EtcdMember {
  readonly name: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly dataDir: string;
  /** Where it tells its health in plain text, when its clients need TLS. */
  healthPort: number;
  #args: readonly string[] = [];
  #child: Child | undefined;

  constructor(name: string, dataDir: string, ports: { readonly clientPort: number; readonly peerPort: number }) {
    this.name = name;
    this.dataDir = dataDir;
    this.clientPort = ports.clientPort;
    this.healthPort = ports.clientPort;
    this.peerPort = ports.peerPort;
  }

  get endpoint(): string {
    return `127.0.0.1:${this.clientPort}`;
  }

  get peerUrl(): string {
    return `http://127.0.0.1:${this.peerPort}`;
  }

  /** What it is started with, each time. */
  setArgs(args: readonly string[]): void {
    this.#args = args;
  }

  /** Starts it; resolves when the program runs, which is before it serves. */
  async launch(): Promise<void> {
    this.#child = await Child.start({
      name: `etcd ${this.name}`,
      command: await etcdBinary(),
      args: this.#args,
      // The binary of a user's may be set up by variables.
      env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("ETCD_"))),
    });
  }

  /** Resolves when it has a leader and serves. */
  async healthy(timeoutMs = 30_000): Promise<void> {
    const child = this.#running();
    await waitUntil(
      async () => {
        if (child.exit !== undefined) throw child.failure("did not start");
        return (await ask(this.healthPort, "/health")).status === 200 ? true : undefined;
      },
      { what: `health of etcd ${this.name}`, timeoutMs },
    );
  }

  async restart(): Promise<void> {
    await this.launch();
    await this.healthy();
  }

  kill(signal: NodeJS.Signals): void {
    this.#running().kill(signal);
  }

  /** Kills it without notice and waits until it is gone. */
  async killed(): Promise<ChildExit> {
    const child = this.#running();
    child.kill("SIGKILL");
    return child.exited;
  }

  async close(): Promise<void> {
    // Whoever was paused cannot end.
    this.#child?.kill("SIGCONT");
    await this.#child?.close();
  }

  #running(): Child {
    if (this.#child === undefined) throw new Error(`etcd ${this.name} was not started`);
    return this.#child;
  }
}

/** Some members and what they have in common. */
export class EtcdCluster {
  readonly members: readonly EtcdMember[];
  readonly #directory: string;

  private constructor(directory: string, members: readonly EtcdMember[]) {
    this.#directory = directory;
    this.members = members;
  }

  /** Starts all members and waits until each is healthy. */
  static async start(options: EtcdClusterOptions = {}): Promise<EtcdCluster> {
    const directory = await mkdtemp(join(tmpdir(), "fairway-etcd-"));
    const members: EtcdMember[] = [];
    for (let index = 1; index <= (options.members ?? 1); index += 1) {
      const ports = { clientPort: await freePort(), peerPort: await freePort() };
      members.push(new EtcdMember(`m${index}`, join(directory, `m${index}`), ports));
    }
    const peers = members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(",");
    for (const member of members) {
      if (options.tls !== undefined) member.healthPort = await freePort();
      member.setArgs([...argsOf(member, peers, options.tls), ...(options.args ?? [])]);
    }
    const cluster = new EtcdCluster(directory, members);
    try {
      await Promise.all(members.map((member) => member.launch()));
      await Promise.all(members.map((member) => member.healthy()));
    } catch (cause) {
      await cluster[Symbol.asyncDispose]();
      throw cause;
    }
    return cluster;
  }

  get endpoints(): readonly string[] {
    return this.members.map(({ endpoint }) => endpoint);
  }

  /** The first member, of a cluster that may have only one. */
  get first(): EtcdMember {
    const [first] = this.members;
    if (first === undefined) throw new Error("the cluster has no member");
    return first;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member.close()));
    await rm(this.#directory, { recursive: true, force: true });
  }
}

function argsOf(member: EtcdMember, peers: string, tls: EtcdClusterOptions["tls"]): readonly string[] {
  const clientUrl = `${tls === undefined ? "http" : "https"}://${member.endpoint}`;
  const forTls =
    tls === undefined
      ? []
      : [
          ["--cert-file", tls.certFile, "--key-file", tls.keyFile],
          ["--client-cert-auth", "--trusted-ca-file", tls.caFile],
          ["--listen-metrics-urls", `http://127.0.0.1:${member.healthPort}`],
        ];
  return [
    ...forTls,
    ["--name", member.name, "--data-dir", member.dataDir],
    ["--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl],
    ["--listen-peer-urls", member.peerUrl, "--initial-advertise-peer-urls", member.peerUrl],
    ["--initial-cluster", peers, "--initial-cluster-token", "fairway-test"],
    // A disk that is slow for a moment must not look like a lost leader.
    ["--heartbeat-interval", "100", "--election-timeout", "1000"],
    ["--log-level", "warn", "--unsafe-no-fsync"],
  ].flat();
}
