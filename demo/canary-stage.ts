/**
 * What runs during the demo of rollouts: a service with two slots, the control plane, three Envoys, and steady traffic
 * through each.
 *
 * One slot has all requests; the next release goes to the other one, which has none, and becomes the canary.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Backend } from "./kit/backend.ts";
import type { Behaviour } from "./kit/backend.ts";
import { Envoy } from "./kit/envoy.ts";
import { Fairway } from "./kit/fairway.ts";
import { Load } from "./kit/load.ts";
import { freePort, freePorts } from "./kit/ports.ts";
import { waitUntil } from "./kit/wait-until.ts";

const ENVOYS = ["edge-1", "edge-2", "edge-3"] as const;

/** Together 300 a second: a tenth of them shows 99 % within ten seconds, and two cores have time left. */
const REQUESTS_PER_SECOND = 100;

/** Without a request for so long there comes none any more: one takes a few milliseconds. */
const IDLE_MS = 300;

/** The two places that a version can be in. */
export type Slot = "blue" | "green";

/** What the releases act on. */
export interface CanaryStage {
  /** Where commands run, so that they name files as `to-green.yaml`; it goes away with the demo. */
  readonly root: string;
  readonly fairway: Fairway;
  readonly traffic: readonly Load[];
  readonly envoyVersion: string;
  /** Puts a version where no requests go. */
  deploy(slot: Slot, label: string, behaviour?: Behaviour): Promise<Backend>;
}

/** What was started is put on `stack` at once, so that it ends even when the rest fails. */
export async function setCanaryStage(stack: AsyncDisposableStack): Promise<CanaryStage> {
  const root = await mkdtemp(join(tmpdir(), `fairway-demo-${process.pid}-`));
  stack.defer(() => rm(root, { recursive: true, force: true }));
  const ports: Readonly<Record<Slot, number>> = { blue: await freePort(), green: await freePort() };
  const deployed = new Map<Slot, Backend>();
  stack.defer(async () => {
    await Promise.all([...deployed.values()].map((backend) => backend.close()));
  });
  const deploy: CanaryStage["deploy"] = async (slot, label, behaviour = {}) => {
    const old = deployed.get(slot);
    if (old !== undefined) await untilIdle(old);
    await old?.close();
    const backend = await Backend.start({ label, port: ports[slot], behaviour });
    deployed.set(slot, backend);
    return backend;
  };
  await deploy("blue", "v1");
  const listeners = await freePorts(ENVOYS.length);
  await mkdir(join(root, "config"));
  await writeFile(join(root, "config", "shop.yaml"), configOf(ports, listeners));
  const fairway = stack.use(await Fairway.start({ cwd: root, configDir: "config", stateDir: "state" }));
  const edges = await Promise.all(
    ENVOYS.map(async (nodeId, index) => {
      const options = { nodeId, cluster: nodeId, xdsPort: fairway.xdsPort, statsFlushInterval: "1s" };
      const envoy = stack.use(await Envoy.start(options));
      await envoy.ready();
      const url = `http://127.0.0.1:${listeners[index]}/`;
      await waitUntil(async () => (await fetch(url)).status === 200, { what: `an answer through ${nodeId}` });
      return { envoy, load: stack.use(Load.start({ url, requestsPerSecond: REQUESTS_PER_SECOND })) };
    }),
  );
  const version = (await edges[0]?.envoy.serverInfo())?.version.split("/")[1] ?? "of an unknown version";
  return { root, fairway, traffic: edges.map(({ load }) => load), envoyVersion: version, deploy };
}

/** What had requests until now may still answer some, and may not have read others. */
async function untilIdle(backend: Backend): Promise<void> {
  let seen = -1;
  await waitUntil(
    () => {
      const isIdle = backend.requests === seen && backend.active === 0;
      seen = backend.requests;
      return isIdle;
    },
    { what: `the last request to ${backend.label}`, everyMs: IDLE_MS },
  );
}

/** A group for each Envoy, because they listen on one machine. */
function configOf(slots: Readonly<Record<Slot, number>>, listeners: readonly number[]): string {
  const gateways = ENVOYS.map(
    (name, index) => `  ${name}: { nodes: ${name}, listeners: [{ name: http, port: ${listeners[index]} }] }`,
  );
  return [
    "nodes:",
    ...ENVOYS.map((name) => `  ${name}: { match: { cluster: ${name} } }`),
    "gateways:",
    ...gateways,
    "services:",
    "  shop:",
    "    endpoints:",
    ...Object.entries(slots).map(
      ([slot, port]) => `      - { address: "127.0.0.1:${port}", labels: { slot: ${slot} } }`,
    ),
    "    subsets: { blue: { labels: { slot: blue } }, green: { labels: { slot: green } } }",
    "routes:",
    "  shop: { rules: [{ split: shop }] }",
    "splits:",
    "  shop:",
    "    backends: { blue: { service: shop, subset: blue }, green: { service: shop, subset: green } }",
    "    default: { blue: 100, green: 0 }",
    "",
  ].join("\n");
}
