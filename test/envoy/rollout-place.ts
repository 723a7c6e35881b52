/**
 * Two Envoys, real load on both, and the controllers that roll v2 out on them: one with its state in a directory, or two
 * that share an etcd.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Backend } from "../../demo/kit/backend.ts";
import { Envoy } from "../../demo/kit/envoy.ts";
import { Fairway } from "../../demo/kit/fairway.ts";
import { freePort } from "../../demo/kit/ports.ts";
import { Replicas } from "../etcd/replicas.ts";
import { eventually } from "../support/eventually.ts";
import { tempDir } from "../support/temp-dir.ts";
import { reporting, splitConfig } from "./rollout-scene.ts";

export type StoreKind = "files" | "etcd";

/** Everything ends with the scope. */
export interface RolloutPlace extends AsyncDisposable {
  readonly store: StoreKind;
  readonly controllers: readonly Fairway[];
  /** `edge-1` over delta ADS and `edge-2` over state of the world, each at another controller where there are two. */
  readonly envoys: readonly Envoy[];
  /** Of the Envoys, in their order. */
  readonly urls: readonly string[];
  /** v2. */
  readonly canary: Backend;
  isCanary(cluster: string): boolean;
  /** For plans. */
  readonly directory: string;
}

/** Each Envoy has a gateway of its own, because they share a machine and its ports. */
const gateways = (ports: readonly number[]): string => `
nodes:
  one: { match: { id: edge-1 } }
  two: { match: { id: edge-2 } }
gateways:
  one: { nodes: one, listeners: [{ name: http, port: ${ports[0]}, address: 127.0.0.1 }] }
  two: { nodes: two, listeners: [{ name: http, port: ${ports[1]}, address: 127.0.0.1 }] }
`;

const urlOf = (port: number) => `http://127.0.0.1:${port}/`;

/** Ready when both Envoys take requests. */
export async function startRolloutPlace(
  store: StoreKind,
  /** Further keys of the service, over files. */
  words = "",
): Promise<RolloutPlace> {
  const stack = new AsyncDisposableStack();
  try {
    const directory = stack.use(await tempDir());
    const ports = [await freePort(), await freePort()];
    const parts =
      store === "files"
        ? await overFiles(stack, ports, { directory: directory.path, words })
        : await overEtcd(stack, ports);
    const urls = ports.map(urlOf);
    await eventually("an answer at each Envoy", async () => {
      const answers = await Promise.all(urls.map((url) => fetch(url)));
      return answers.every(({ status }) => status === 200);
    });
    return {
      ...{ ...parts, store, urls, directory: directory.path },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (cause) {
    await stack.disposeAsync();
    throw cause;
  }
}

type Parts = Pick<RolloutPlace, "controllers" | "envoys" | "canary" | "isCanary">;

async function overFiles(
  stack: AsyncDisposableStack,
  ports: readonly number[],
  { directory, words }: { readonly directory: string; readonly words: string },
): Promise<Parts> {
  const stable = stack.use(await Backend.start({ label: "v1" }));
  const canary = stack.use(await Backend.start({ label: "v2" }));
  const configDir = join(directory, "config");
  await mkdir(configDir);
  await writeFile(
    join(configDir, "main.yaml"),
    `${gateways(ports)}${splitConfig([stable.address, canary.address], words)}`,
  );
  const fairway = stack.use(await Fairway.start({ configDir, stateDir: join(directory, "state") }));
  const envoys = await Promise.all(
    (["delta", "sotw"] as const).map(async (api, index) =>
      stack.use(await Envoy.start({ xdsPort: fairway.xdsPort, nodeId: `edge-${index + 1}`, api, ...reporting })),
    ),
  );
  return { controllers: [fairway], envoys, canary, isCanary: (cluster) => cluster.startsWith("shop|canary") };
}

const etcdConfig = (ports: readonly number[]): string => `${gateways(ports)}
services:
  one: { discovery: { etcd: {} } }
  two: { discovery: { etcd: {} } }
routes:
  all: { rules: [{ split: shop, timeouts: { request: 1s } }] }
splits:
  shop: { backends: { stable: { service: one }, canary: { service: two } }, default: { stable: 100 } }
`;

async function overEtcd(stack: AsyncDisposableStack, ports: readonly number[]): Promise<Parts> {
  const replicas = stack.use(await Replicas.start({ backends: 2, config: () => etcdConfig(ports), envoy: reporting }));
  const [stable, canary] = replicas.backends;
  if (stable === undefined || canary === undefined) throw new Error("there are two backends");
  await replicas.put("/services/one/1", stable.address);
  await replicas.put("/services/two/1", canary.address);
  const controllers = replicas.all.map(({ fairway }) => fairway);
  const [first, second] = controllers;
  if (first === undefined || second === undefined) throw new Error("there are two replicas");
  const other = stack.use(
    await Envoy.start({
      ...{ xdsPort: second.xdsPort, replicaPorts: [first.xdsPort], nodeId: "edge-2", api: "sotw", ...reporting },
      allTrafficReports: true,
    }),
  );
  return { controllers, envoys: [replicas.envoy, other], canary, isCanary: (cluster) => cluster === "two" };
}
