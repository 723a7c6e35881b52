/**
 * What most tests with a real Envoy start from: a config directory that is edited, the control plane as
 * its users run it, one Envoy, and a few backends. Everything ends with the scope: `await using`.
 */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Backend } from "../../demo/kit/backend.ts";
import { Envoy } from "../../demo/kit/envoy.ts";
import type { EnvoyOptions } from "../../demo/kit/envoy.ts";
import { Fairway } from "../../demo/kit/fairway.ts";
import { freePort } from "../../demo/kit/ports.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { tempDir } from "../support/temp-dir.ts";

/** The part of `/v1/nodes` that tests read. */
export interface NodeView {
  readonly id: string;
  readonly connected: boolean;
  readonly status: "synced" | "stale" | "not_sent" | "error";
  readonly wanted?: string;
  readonly acknowledged?: string;
  readonly gate?: { readonly waitingFor: string; readonly overdue: boolean };
  readonly types: readonly {
    readonly type: string;
    readonly status: string;
    readonly lastRejection?: {
      readonly message: string;
      readonly resources: readonly {
        readonly name: string;
        readonly at?: { readonly file: string; readonly line: number };
      }[];
    };
  }[];
}

/** The part of `/v1/snapshots` that tests read. */
export interface SnapshotsView {
  readonly groups: readonly {
    readonly group: string;
    readonly source: string;
    readonly current?: { readonly version: string; readonly cause: string };
    readonly held?: { readonly version: string };
  }[];
  readonly refused?: { readonly diagnostics: readonly { readonly code: string; readonly message: string }[] };
}

/** How a scene is set up. */
export interface SceneOptions {
  readonly backends: number;
  /** The first content of `main.yaml`; it is told the ports. */
  readonly config: (scene: { readonly port: number; readonly backends: readonly string[] }) => string;
  /** Puts further files into the config directory before Fairway is started. */
  readonly prepare?: (configDir: string) => Promise<void>;
  readonly api?: EnvoyOptions["api"];
  readonly envoy?: Pick<
    EnvoyOptions,
    | "version"
    | "statsFlushInterval"
    | "drainTimeS"
    | "loadReports"
    | "trafficReports"
    | "runtime"
    | "locality"
    | "localService"
    | "overload"
    | "override"
  >;
  readonly args?: readonly string[];
}

/** A running scene. */
export interface Scene extends AsyncDisposable {
  readonly configDir: string;
  readonly stateDir: string;
  /** For the gateway's listener. */
  readonly port: number;
  readonly backends: readonly Backend[];
  readonly fairway: Fairway;
  readonly envoy: Envoy;
  readonly url: string;
  /** Replaces a config file in one step, as careful tools do. */
  save(text: string | Uint8Array, name?: string): Promise<void>;
  node(): Promise<NodeView | undefined>;
  snapshots(): Promise<SnapshotsView>;
  /** The version that is served now, or undefined. */
  served(): Promise<string | undefined>;
  /** Waits until another version than `before` is served and the Envoy has all of it; returns the version. */
  converged(before?: string): Promise<string>;
}

/** Starts everything and waits until the Envoy has its first snapshot. */
export async function startScene(options: SceneOptions): Promise<Scene> {
  const stack = new AsyncDisposableStack();
  try {
    const directory = stack.use(await tempDir());
    const backends: Backend[] = [];
    for (let index = 0; index < options.backends; index += 1) {
      backends.push(stack.use(await Backend.start({ label: `v${index + 1}` })));
    }
    const port = await freePort();
    const configDir = directory.join("config");
    const stateDir = directory.join("state");
    await mkdir(configDir);
    const addresses = backends.map((backend) => backend.address);
    await writeFile(join(configDir, "main.yaml"), options.config({ port, backends: addresses }));
    await options.prepare?.(configDir);
    const fairway = stack.use(await Fairway.start({ configDir, stateDir, args: options.args ?? [] }));
    const envoy = stack.use(
      await Envoy.start({ xdsPort: fairway.xdsPort, nodeId: "edge-1", api: options.api ?? "delta", ...options.envoy }),
    );
    const scene = createScene({ configDir, stateDir, port, backends, fairway, envoy }, stack);
    await scene.converged();
    return scene;
  } catch (cause) {
    await stack.disposeAsync();
    throw cause;
  }
}

type Parts = Pick<Scene, "configDir" | "stateDir" | "port" | "backends" | "fairway" | "envoy">;

function createScene(parts: Parts, stack: AsyncDisposableStack): Scene {
  const { fairway, configDir } = parts;
  const node = async () => {
    const { nodes } = await fairway.get<{ readonly nodes: readonly NodeView[] }>("/v1/nodes");
    return nodes.find(({ id }) => id === parts.envoy.nodeId);
  };
  const snapshots = () => fairway.get<SnapshotsView>("/v1/snapshots");
  const served = async () => (await snapshots()).groups[0]?.current?.version;
  return {
    ...parts,
    url: `http://127.0.0.1:${parts.port}/`,
    async save(text, name = "main.yaml") {
      const temporary = join(configDir, `.${name}.new`);
      await writeFile(temporary, text);
      await rename(temporary, join(configDir, name));
    },
    node,
    snapshots,
    served,
    converged: (before) =>
      waitUntil(
        async () => {
          const found = await node();
          const version = found?.connected === true ? found.acknowledged : undefined;
          return version !== before && version === found?.wanted ? version : undefined;
        },
        { what: `the Envoy to have a snapshot other than ${before ?? "none"}`, timeoutMs: 30_000, everyMs: 2 },
      ),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
