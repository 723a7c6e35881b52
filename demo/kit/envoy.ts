/**
 * A real Envoy, started from Fairway's own bootstrap, with what its admin page says.
 *
 * `await using envoy = await Envoy.start({ xdsPort, nodeId: "edge-1" })` gives an Envoy that is gone at
 * the end of the block. Several run side by side on one machine: each has its own admin port and none
 * takes part in hot restarts.
 */
import { createBootstrap } from "../../src/cli/bootstrap.ts";
import type { BootstrapOptions } from "../../src/cli/bootstrap-options.ts";
import { ask, askJson } from "./get.ts";
import { Child, type ChildExit } from "./child.ts";
import { envoyBinary, type EnvoyVersion } from "./envoy-binary.ts";
import { freePort } from "./ports.ts";
import { StopWaiting, waitUntil } from "./wait-until.ts";

/** What an Envoy is started with; only the control plane's port has no default. */
export interface EnvoyOptions {
  readonly xdsPort: number;
  /** Where the other replicas of the control plane listen. */
  readonly replicaPorts?: readonly number[];
  readonly version?: EnvoyVersion;
  readonly nodeId?: string;
  readonly cluster?: string;
  readonly api?: "delta" | "sotw";
  readonly adminPort?: number;
  readonly locality?: BootstrapOptions["locality"];
  readonly metadata?: BootstrapOptions["metadata"];
  readonly tls?: BootstrapOptions["tls"];
  readonly loadReports?: boolean;
  readonly runtime?: boolean;
  readonly localService?: string;
  readonly overload?: BootstrapOptions["overload"];
  readonly stats?: BootstrapOptions["stats"];
  readonly trafficReports?: boolean;
  readonly allTrafficReports?: boolean;
  readonly statsFlushInterval?: string;
  readonly logLevel?: "trace" | "debug" | "info" | "warning" | "error";
  /** Top-level fields that replace the bootstrap's own. */
  readonly override?: Readonly<Record<string, unknown>>;
  /** How long listeners that go finish what they have; Envoy's own ten minutes outlast any test. */
  readonly drainTimeS?: number;
  /** Worker threads; absent means one. */
  readonly concurrency?: number;
  /** Further command line arguments. */
  readonly args?: readonly string[];
}

/** One running Envoy. */
export class Envoy {
  readonly nodeId: string;
  readonly adminPort: number;
  readonly #child: Child;

  private constructor(nodeId: string, adminPort: number, child: Child) {
    this.nodeId = nodeId;
    this.adminPort = adminPort;
    this.#child = child;
  }

  /** Starts the binary and returns when its admin page answers, which is before it has any configuration. */
  static async start(options: EnvoyOptions): Promise<Envoy> {
    const adminPort = options.adminPort ?? (await freePort());
    const nodeId = options.nodeId ?? "envoy";
    const bootstrap = createBootstrap({
      nodeId,
      cluster: options.cluster ?? "default",
      api: options.api ?? "delta",
      xds: { host: "127.0.0.1", port: options.xdsPort },
      ...(options.replicaPorts === undefined
        ? {}
        : { replicas: options.replicaPorts.map((port) => ({ host: "127.0.0.1", port })) }),
      admin: { host: "127.0.0.1", port: adminPort },
      ...(options.locality === undefined ? {} : { locality: options.locality }),
      ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      ...(options.overload === undefined ? {} : { overload: options.overload }),
      ...(options.stats === undefined ? {} : { stats: options.stats }),
      ...(options.localService === undefined ? {} : { localService: options.localService }),
      ...(options.loadReports === undefined ? {} : { loadReports: options.loadReports }),
      ...(options.allTrafficReports === undefined ? {} : { allTrafficReports: options.allTrafficReports }),
      ...(options.trafficReports === undefined ? {} : { trafficReports: options.trafficReports }),
      ...(options.statsFlushInterval === undefined ? {} : { statsFlushInterval: options.statsFlushInterval }),
      ...(options.runtime === undefined ? {} : { runtime: options.runtime }),
    });
    const child = await Child.start({
      name: `envoy ${nodeId}`,
      command: await envoyBinary(options.version),
      args: [
        ["--config-yaml", JSON.stringify({ ...bootstrap, ...options.override })],
        ["--disable-hot-restart"],
        ["--concurrency", String(options.concurrency ?? 1), "--log-level", options.logLevel ?? "info"],
        ["--drain-time-s", String(options.drainTimeS ?? 5)],
        options.args ?? [],
      ].flat(),
    });
    const envoy = new Envoy(nodeId, adminPort, child);
    await envoy.#until("its admin page", 20_000, async () => (await ask(adminPort, "/server_info")).status === 200);
    return envoy;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Resolves when this Envoy has its first whole configuration and takes traffic. */
  async ready(timeoutMs = 20_000): Promise<void> {
    await this.#until("being ready", timeoutMs, async () => (await ask(this.adminPort, "/ready")).status === 200);
  }

  /** Counters and gauges whose name matches the regular expression, by name. */
  async stats(filter: string): Promise<ReadonlyMap<string, number>> {
    const query = `?format=json&type=All&filter=${encodeURIComponent(filter)}`;
    const found = await askJson<{ readonly stats: readonly StatsEntry[] }>(this.adminPort, `/stats${query}`);
    const stats = new Map<string, number>();
    for (const { name, value } of found.stats)
      if (name !== undefined && typeof value === "number") stats.set(name, value);
    return stats;
  }

  /** One counter or gauge by its full name; 0 when Envoy has not made it yet. */
  async counter(name: string): Promise<number> {
    const escaped = name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
    return (await this.stats(`^${escaped}$`)).get(name) ?? 0;
  }

  /** A statistic that is text, such as `cluster.shop.version_text`. */
  async textStat(name: string): Promise<string | undefined> {
    const answer = await ask(
      this.adminPort,
      `/stats?type=TextReadouts&filter=${encodeURIComponent(name.replaceAll(/[|.]/g, "\\$&"))}`,
    );
    const line = answer.text.split("\n").find((text) => text.startsWith(`${name}: `));
    return line === undefined ? undefined : (JSON.parse(line.slice(name.length + 2)) as string);
  }

  /** `/config_dump?include_eds`, or the part of it that the query asks for. */
  configDump(query = "include_eds"): Promise<ConfigDump> {
    return askJson<ConfigDump>(this.adminPort, `/config_dump?${query}`);
  }

  /** `/clusters?format=json`: every host of every cluster with its health. */
  clusters(): Promise<ClusterStatuses> {
    return askJson<ClusterStatuses>(this.adminPort, "/clusters?format=json");
  }

  /** `/server_info`: the state, the version and the node as Envoy understood them. */
  serverInfo(): Promise<ServerInfo> {
    return askJson<ServerInfo>(this.adminPort, "/server_info");
  }

  /** The last lines of Envoy's log. */
  logs(): readonly string[] {
    return this.#child.logs();
  }

  /** Lines of the log above level info. */
  complaints(): readonly string[] {
    return this.logs().filter((line) => /^\[[^\]]*\]\[\d+\]\[(?:warning|error|critical)\]/.test(line));
  }

  waitForLog(pattern: RegExp, timeoutMs?: number): Promise<string> {
    return this.#child.waitForLog(pattern, timeoutMs);
  }

  /** Sends a signal, such as SIGSTOP to make a slow client or SIGKILL to lose one. */
  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends this Envoy and waits until it is gone. */
  close(): Promise<ChildExit> {
    // A stopped program takes no SIGTERM before it goes on.
    this.#child.kill("SIGCONT");
    return this.#child.close(3_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #until(what: string, timeoutMs: number, look: () => Promise<boolean>): Promise<void> {
    try {
      await waitUntil(
        () => {
          if (this.#child.exit !== undefined) throw new StopWaiting("it has ended");
          return look();
        },
        { what, timeoutMs },
      );
    } catch (cause) {
      const failure = this.#child.failure(`did not reach: ${what}`, cause);
      await this.#child.close(0);
      throw failure;
    }
  }
}

interface StatsEntry {
  readonly name?: string;
  readonly value?: unknown;
}

/** Envoy's config dump: one entry for each kind of configuration, told apart by `@type`. */
export interface ConfigDump {
  readonly configs?: readonly ({ readonly "@type": string } & Readonly<Record<string, unknown>>)[];
}

/** The part of `envoy.admin.v3.Clusters` that is asked for here. */
export interface ClusterStatuses {
  readonly cluster_statuses?: readonly {
    readonly name: string;
    readonly host_statuses?: readonly {
      readonly address?: {
        readonly socket_address?: { readonly address: string; readonly port_value: number };
      };
      readonly health_status?: Readonly<Record<string, unknown>>;
    }[];
  }[];
}

/** The part of `envoy.admin.v3.ServerInfo` that is asked for here. */
export interface ServerInfo {
  readonly version: string;
  readonly state: "LIVE" | "DRAINING" | "PRE_INITIALIZING" | "INITIALIZING";
  readonly node: { readonly id: string; readonly cluster: string } & Readonly<Record<string, unknown>>;
}
