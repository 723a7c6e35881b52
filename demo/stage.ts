/**
 * Everything that runs during the demo: backends, control plane, two Envoys, and steady traffic through both.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyConfig } from "./config-files.ts";
import { Backend } from "./kit/backend.ts";
import { Envoy } from "./kit/envoy.ts";
import { Fairway } from "./kit/fairway.ts";
import { Load } from "./kit/load.ts";
import { freePort } from "./kit/ports.ts";

/** One Envoy and the traffic through it. */
export interface Edge {
  readonly nodeId: string;
  readonly envoy: Envoy;
  readonly port: number;
  readonly traffic: Load;
}

/** What the steps act on. */
export interface Stage {
  readonly configDir: string;
  readonly fairway: Fairway;
  readonly edges: readonly [Edge, Edge];
  /** `v1-a`, `v1-b`, `v2-a`, `v2-b`, `reports`. */
  readonly backends: ReadonlyMap<string, Backend>;
}

/** The ports in `demo/config/`, which are used where they are free. */
const BACKEND_PORTS = { "v1-a": 9_101, "v1-b": 9_102, "v2-a": 9_103, "v2-b": 9_104, reports: 9_105 } as const;
const LISTENER_PORTS = { delta: 10_001, sotw: 10_002 } as const;
const XDS_PORT = 18_000;
const ADMIN_PORT = 18_001;

/** A report takes a while, so that many at once are under way at once. */
const REPORT_DELAY_MS = 300;
/** Together 300 requests a second: enough to see a share of 10 % within seconds, little work for two cores. */
const REQUESTS_PER_SECOND = 150;

/** Sets the stage; what was started is put on `stack` at once, so that it ends even when the rest fails. */
export async function setStage(stack: AsyncDisposableStack, say: (text: string) => void): Promise<Stage> {
  const root = await mkdtemp(join(tmpdir(), `fairway-demo-${process.pid}-`));
  stack.defer(() => rm(root, { recursive: true, force: true }));
  const ports = new Map<number, number>();
  const backends = new Map<string, Backend>();
  for (const [label, wanted] of Object.entries(BACKEND_PORTS)) {
    const port = await portNear(wanted);
    ports.set(wanted, port);
    const behaviour = label === "reports" ? { delayMs: REPORT_DELAY_MS } : {};
    backends.set(label, stack.use(await Backend.start({ label, port, behaviour })));
  }
  for (const wanted of Object.values(LISTENER_PORTS)) ports.set(wanted, await portNear(wanted));
  const configDir = join(root, "config");
  await copyConfig(configDir, ports);
  say(`${backends.size} backends: ${[...backends.keys()].join(", ")}`);

  const fairway = stack.use(
    await Fairway.start({
      // From here, so that messages name files as `config/routes.yaml`.
      cwd: root,
      configDir: "config",
      stateDir: "state",
      xdsPort: await portNear(XDS_PORT),
      adminPort: await portNear(ADMIN_PORT),
    }),
  );
  say(`fairway serve: xDS on port ${fairway.xdsPort}, admin API on port ${fairway.adminPort}`);

  const edge = async (api: "delta" | "sotw"): Promise<Edge> => {
    const envoy = stack.use(await Envoy.start({ nodeId: `envoy-${api}`, api, xdsPort: fairway.xdsPort }));
    await envoy.ready();
    const port = ports.get(LISTENER_PORTS[api]) ?? LISTENER_PORTS[api];
    const url = `http://127.0.0.1:${port}/`;
    const traffic = stack.use(Load.start({ url, concurrency: 4, requestsPerSecond: REQUESTS_PER_SECOND }));
    return { nodeId: envoy.nodeId, envoy, port, traffic };
  };
  const edges = await Promise.all([edge("delta"), edge("sotw")]);
  const { version } = await edges[0].envoy.serverInfo();
  say(
    `two Envoys ${version.split("/")[1] ?? version}: envoy-delta over delta ADS, envoy-sotw over state-of-the-world ADS`,
  );
  return { configDir, fairway, edges, backends };
}

/** The port people know, or another one when it is taken. */
async function portNear(wanted: number): Promise<number> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen({ port: wanted, host: "127.0.0.1", exclusive: true }, () => resolve(true));
  });
  if (!free) return freePort();
  await new Promise((resolve) => server.close(resolve));
  return wanted;
}
