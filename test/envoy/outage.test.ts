/**
 * The control plane may die, hang and come back: traffic does not notice, and an Envoy that already holds
 * the content is told nothing new.
 */
import { describe, expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { startFour } from "./four-envoys.ts";
import type { Four, FourPorts, Member } from "./four-envoys.ts";
import { startScene } from "./scene.ts";

const parts = (backend: string | undefined): string => `
services:
  shop: { endpoints: ["${backend}"], circuitBreaker: { maxRequests: 500 } }
routes:
  shop: { rules: [{ backends: [{ service: shop }] }] }
`;

const config = ({ port, backends }: { readonly port: number; readonly backends: readonly string[] }): string => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
${parts(backends[0])}`;

describe("a control plane that dies", () => {
  const configOf =
    (backend: number) =>
    ({ groups, backends }: FourPorts) =>
      `${groups()}${parts(backends[backend])}`;
  const disconnected = (four: Four) =>
    four.each(({ envoy }) =>
      waitUntil(async () => (await envoy.counter("control_plane.connected_state")) === 0, {
        what: "the Envoy to notice",
      }),
    );

  test("by kill -9 and starts with the same content changes nothing in any Envoy, and loses no request", async () => {
    await using four = await startFour({ backends: 1, config: configOf(0) });
    const loads = four.members.map(({ url }) => Load.start({ url, concurrency: 2, requestsPerSecond: 100 }));
    const wanted = async () => [...(await four.nodes())].map(([name, node]) => `${name} ${node.wanted}`).toSorted();
    const versions = await wanted();
    const counters = await four.each(configCounters);
    for (let round = 0; round < 2; round += 1) {
      await four.fairway.kill("SIGKILL");
      await disconnected(four);
      await four.fairway.restart();
      await four.converged();
    }
    expect(await wanted()).toEqual(versions);
    expect(await four.each(configCounters)).toEqual(counters);
    await expectNoneLost(four, loads);
  });

  test("rolls in what changed meanwhile when it is back, without a lost request", async () => {
    await using four = await startFour({ backends: 2, config: configOf(0) });
    const loads = four.members.map(({ url }) => Load.start({ url, concurrency: 2, requestsPerSecond: 100 }));
    const before = await four.nodes();
    await four.fairway.kill("SIGKILL");
    await four.save(configOf(1)(four.ports).replaceAll("shop", "store"));
    await four.fairway.restart();
    await four.converged(before);
    await four.each(({ url }) =>
      waitUntil(async () => (await fetch(url)).headers.get("x-backend") === "v2", { what: "the new cluster" }),
    );
    await expectNoneLost(four, loads);
  });
});

async function expectNoneLost(four: Four, loads: readonly Load[]): Promise<void> {
  const reports = await Promise.all(loads.map((load) => load.stop()));
  const lost = reports.map(({ failed, failures }, index) => ({ name: four.members[index]?.name, failed, failures }));
  expect(lost).toEqual(four.members.map(({ name }) => ({ name, failed: 0, failures: [] })));
  for (const { sent } of reports) expect(sent).toBeGreaterThan(100);
}

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

/** How often Envoy was told to add, change or remove anything. */
async function configCounters({ envoy }: Member): Promise<Readonly<Record<string, number>>> {
  const stats = await envoy.stats(
    "cluster_manager\\.cluster_(added|modified|removed)$|listener_manager\\.listener_(added|modified|removed)$|config_reload$",
  );
  return Object.fromEntries(stats);
}
