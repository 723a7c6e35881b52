/**
 * The control plane may die, hang and come back: traffic does not notice, and an Envoy that already holds
 * the content is told nothing new.
 */
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { Scene } from "./scene.ts";
import { startScene } from "./scene.ts";

const config = ({ port, backends }: { readonly port: number; readonly backends: readonly string[] }): string => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  shop: { endpoints: ["${backends[0]}"], circuitBreaker: { maxRequests: 500 } }
routes:
  shop: { rules: [{ backends: [{ service: shop }] }] }
`;

test.each(["delta", "sotw"] as const)("survives kill -9 and a restart with the same content on %s ADS", async (api) => {
  await using scene = await startScene({ backends: 1, api, config });
  await using load = Load.start({ url: scene.url, concurrency: 4, requestsPerSecond: 200 });
  const version = await scene.served();
  const before = await configCounters(scene);
  for (let round = 0; round < 2; round += 1) {
    await scene.fairway.kill("SIGKILL");
    await waitUntil(async () => (await connected(scene)) === 0, { what: "the Envoy to notice" });
    await scene.fairway.restart();
    await scene.converged();
  }
  expect(await scene.served()).toBe(version);
  expect(await configCounters(scene)).toEqual(before);
  const report = await load.stop();
  expect({ failed: report.failed, failures: report.failures }).toEqual({ failed: 0, failures: [] });
  expect(report.sent).toBeGreaterThan(200);
});

test("rolls in what changed while it was dead without losing a request", async () => {
  for (const api of ["delta", "sotw"] as const) {
    await using scene = await startScene({ backends: 2, api, config });
    await using load = Load.start({ url: scene.url, concurrency: 4, requestsPerSecond: 200 });
    const version = await scene.converged();
    await scene.fairway.kill("SIGKILL");
    const [, second = ""] = scene.backends.map((backend) => backend.address);
    const { port } = scene;
    await scene.save(config({ port, backends: [second] }).replaceAll("shop", "store"));
    await scene.fairway.restart();
    await scene.converged(version);
    await waitUntil(() => scene.backends[1]?.requests, { what: "traffic on the new cluster" });
    const report = await load.stop();
    expect({ api, failed: report.failed, failures: report.failures }).toEqual({ api, failed: 0, failures: [] });
  }
});

test("keeps traffic flowing while it hangs, and takes up the newest edit when it goes on", async () => {
  await using scene = await startScene({ backends: 1, config });
  await using load = Load.start({ url: scene.url, concurrency: 4, requestsPerSecond: 200 });
  const version = await scene.converged();
  process.kill(scene.fairway.pid, "SIGSTOP");
  try {
    const { port } = scene;
    const backends = scene.backends.map((backend) => backend.address);
    await scene.save(config({ port, backends }).replace("maxRequests: 500", "maxRequests: 400"));
    const sent = load.report().sent;
    await waitUntil(() => load.report().sent > sent + 400, { what: "two seconds of traffic" });
  } finally {
    process.kill(scene.fairway.pid, "SIGCONT");
  }
  await scene.converged(version);
  const report = await load.stop();
  expect({ failed: report.failed, failures: report.failures }).toEqual({ failed: 0, failures: [] });
});

test("starts from the last known good when the files are gone", async () => {
  await using scene = await startScene({ backends: 1, config, args: ["--soak", "100ms"] });
  const version = await scene.served();
  await scene.fairway.waitForLog(/"kind":"lkg-promoted"/);
  await scene.fairway.kill("SIGKILL");
  await scene.save("", "main.yaml");
  await scene.fairway.restart();
  await scene.converged();
  const [group] = (await scene.snapshots()).groups;
  expect(group?.current?.version).toBe(version);
  expect(group?.source).toBe("last-known-good");
  expect((await fetch(scene.url)).status).toBe(200);
});

async function connected(scene: Scene): Promise<number> {
  return scene.envoy.counter("control_plane.connected_state");
}

/** How often Envoy was told to add, change or remove anything. */
async function configCounters(scene: Scene): Promise<Readonly<Record<string, number>>> {
  const stats = await scene.envoy.stats(
    "cluster_manager\\.cluster_(added|modified|removed)$|listener_manager\\.listener_(added|modified|removed)$|config_reload$",
  );
  return Object.fromEntries(stats);
}
