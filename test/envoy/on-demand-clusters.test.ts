/**
 * Envoys of a group that has its clusters on demand: they hold what their requests asked for, and what nobody asks for
 * because no request chooses it.
 */
import { expect, test } from "vitest";
import type { Envoy } from "../../demo/kit/envoy.ts";
import { Load } from "../../demo/kit/load.ts";
import { freePort } from "../../demo/kit/ports.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { ask } from "./ask.ts";
import { startScene } from "./scene.ts";

const COUNT = 200;
/** The control plane, and what takes the connections of TCP. */
const FROM_THE_START = 2;

interface Parts {
  readonly onDemand: boolean;
  /** The service of the first path. */
  readonly first: string;
  readonly connectTimeout: string;
  /** Without the last service and its path. */
  readonly isLastGone: boolean;
}

const usual: Parts = { onDemand: true, first: "s0", connectTimeout: "5s", isLastGone: false };

/** 200 services with a path each, one path for two of them by weight, and a TCP port. */
const config =
  ({ onDemand, first, connectTimeout, isLastGone }: Parts, tcpPort: number) =>
  ({ port, backends: [a = "", b = ""] }: { readonly port: number; readonly backends: readonly string[] }): string => {
    const count = isLastGone ? COUNT - 1 : COUNT;
    const numbers = Array.from({ length: count }, (_, index) => index);
    const service = (number: number) => [
      `s${number}`,
      { endpoints: [number % 2 === 0 ? a : b], ...(number < 2 ? { connectTimeout } : {}) },
    ];
    const rule = (number: number) => ({
      matches: [{ path: { exact: `/${number}` } }],
      backends: [{ service: number === 0 ? first : `s${number}` }],
    });
    const weighted = {
      matches: [{ path: { exact: "/both" } }],
      backends: [
        { service: "s100", weight: 50 },
        { service: "s101", weight: 50 },
      ],
    };
    return JSON.stringify({
      nodes: { default: { ...(onDemand ? { onDemand: { clusters: true } } : {}), updates: { grace: "1s" } } },
      gateways: {
        public: {
          listeners: [
            { name: "http", port, address: "127.0.0.1" },
            { name: "tcp", port: tcpPort, address: "127.0.0.1", protocol: "TCP" },
          ],
        },
      },
      services: { ...Object.fromEntries(numbers.map(service)), bytes: { endpoints: [a] } },
      routes: { all: { gateways: ["public/http"], rules: [...numbers.map(rule), weighted] } },
      tcpRoutes: { bytes: { gateways: ["public/tcp"], backends: [{ service: "bytes" }] } },
    });
  };

const clustersOf = (envoy: Envoy) => envoy.counter("cluster_manager.active_clusters");

test.each([
  { version: "1.40", api: "delta" },
  { version: "1.36", api: "delta" },
] as const)(
  "an Envoy $version of 200 services holds those that were asked for, through edits and a restart",
  async (of) => {
    const tcpPort = await freePort();
    await using scene = await startScene({
      backends: 2,
      api: of.api,
      envoy: { version: of.version },
      config: config(usual, tcpPort),
    });
    const { envoy, fairway } = scene;
    const parts = { port: scene.port, backends: scene.backends.map(({ address }) => address) };
    const change = async (next: Partial<Parts>) => {
      const before = await scene.served();
      await scene.save(config({ ...usual, ...next }, tcpPort)(parts));
      await scene.converged(before);
    };
    const get = async (path: string, method = "GET") => (await ask(`${scene.url}${path}`, { method })).status;

    expect(await clustersOf(envoy)).toBe(FROM_THE_START);
    expect(await get("7")).toBe(200);
    expect(await clustersOf(envoy)).toBe(FROM_THE_START + 1);
    // Many at once, with bodies.
    const paths = ["0", "1", "2", "3", "4", "5", "0", "1"];
    expect(await Promise.all(paths.map((path) => get(path, "POST")))).toEqual(paths.map(() => 200));
    expect(await clustersOf(envoy)).toBe(FROM_THE_START + 7);
    for (let count = 0; count < 10; count += 1) expect(await get("both")).toBe(200);
    expect(await clustersOf(envoy)).toBeLessThanOrEqual(FROM_THE_START + 9);

    await using load = Load.start({ url: `${scene.url}0`, concurrency: 4 });
    await change({ connectTimeout: "4s" });
    await change({ connectTimeout: "4s", first: "s60" });
    await change({ connectTimeout: "4s", first: "s61", isLastGone: true });
    expect((await scene.node())?.status).toBe("synced");
    const [snapshot] = (await scene.snapshots()).groups;
    const shown = await fairway.get<{
      readonly types: { readonly clusters: { readonly resources: readonly { readonly onDemand?: true }[] } };
    }>(`/v1/snapshots/${snapshot?.current?.version}?type=clusters&limit=1000`);
    expect(shown.types.clusters.resources.filter((cluster) => cluster.onDemand === true)).toHaveLength(COUNT - 1);
    // What is asked for while nobody answers is waited for in vain.
    expect(await get("0")).toBe(200);
    await fairway.kill("SIGKILL");
    await fairway.restart();
    await change({});
    const report = await load.stop();
    expect(report.failures).toEqual([]);
    expect(report.sent).toBeGreaterThan(100);
    expect(await clustersOf(envoy)).toBeLessThanOrEqual(FROM_THE_START + 11);
    expect(await get("199")).toBe(200);
    expect([...(await envoy.stats("update_rejected$"))].filter(([, count]) => count > 0)).toEqual([]);
  },
);

test("Envoys that have everything keep it when their group begins to have clusters on demand, and lose no request", async () => {
  const tcpPort = await freePort();
  const eager = { ...usual, onDemand: false };
  await using scene = await startScene({ backends: 2, config: config(eager, tcpPort) });
  const parts = { port: scene.port, backends: scene.backends.map(({ address }) => address) };
  expect(await clustersOf(scene.envoy)).toBe(COUNT + 2);
  await using load = Load.start({ url: `${scene.url}0`, concurrency: 4 });
  const before = await scene.served();
  await scene.save(config(usual, tcpPort)(parts));
  await scene.converged(before);
  await waitUntil(async () => (await ask(`${scene.url}9`)).status === 200, { what: "another path" });
  expect((await load.stop()).failures).toEqual([]);
  expect(await clustersOf(scene.envoy)).toBe(COUNT + 2);
});

test("an Envoy on SotW has every cluster, because it cannot ask for one beside others", async () => {
  await using scene = await startScene({ backends: 2, api: "sotw", config: config(usual, await freePort()) });
  expect(await clustersOf(scene.envoy)).toBe(COUNT + 2);
  expect((await ask(`${scene.url}9`)).status).toBe(200);
});
