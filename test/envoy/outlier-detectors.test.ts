/**
 * Each detector of outlier detection by itself, and a health check by TCP, seen in the answers to real requests: a host that
 * fails is found, and gets no more requests.
 */
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { freePort } from "../../demo/kit/ports.ts";
import { eventually } from "../support/eventually.ts";
import { startScene } from "./scene.ts";
import type { Scene, SceneOptions } from "./scene.ts";

const detectors = {
  "gateway-failure": "{ consecutiveGatewayFailure: 3, enforcingConsecutiveGatewayFailure: 100, consecutive5xx: 1000",
  "success-rate":
    "{ successRateMinimumHosts: 3, successRateRequestVolume: 10, successRateStdevFactor: 1000, consecutive5xx: 1000",
  "failure-percentage":
    "{ failurePercentageThreshold: 50, enforcingFailurePercentage: 100, failurePercentageMinimumHosts: 3, failurePercentageRequestVolume: 10, enforcingSuccessRate: 0, consecutive5xx: 1000",
};

const config =
  (closed: number): SceneOptions["config"] =>
  ({ port, backends: [failing, ...well] }) =>
    `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
${Object.entries(detectors)
  .map(
    ([name, block]) => `  ${name}:
    endpoints: ["${failing}", "${well[0]}", "${well[1]}"]
    outlierDetection: ${block}, interval: 500ms, baseEjectionTime: 60s, maxEjectionPercent: 34 }
`,
  )
  .join("")}
  local-origin:
    endpoints: ["127.0.0.1:${closed}", "${well[0]}", "${well[1]}"]
    outlierDetection: { splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailure: 3, interval: 500ms, baseEjectionTime: 60s, maxEjectionPercent: 34 }
  checked:
    endpoints: ["127.0.0.1:${closed}", "${well[0]}", "${well[1]}"]
    healthCheck: { tcp: {}, interval: 200ms, timeout: 1s, healthyThreshold: 1, unhealthyThreshold: 1 }
routes:
  all:
    rules:
${[...Object.keys(detectors), "local-origin", "checked"]
  .map((name) => `      - { matches: [{ path: /${name} }], backends: [{ service: ${name} }] }\n`)
  .join("")}
`;

/** So many requests to one of them. */
function load(scene: Scene, name: string, count: number) {
  return Load.run({ url: `${scene.url}${name}`, concurrency: 2, count, accept: () => true });
}

test("a host is ejected by each detector that is asked for, and requests go to the others", async () => {
  await using scene = await startScene({ backends: 3, config: config(await freePort()) });
  scene.backends[0]?.set({ failure: { answer: 503 } });
  for (const name of [...Object.keys(detectors), "local-origin"]) {
    const before = await load(scene, name, 90);
    expect(before.byStatus["503"], name).toBeGreaterThan(0);
    await eventually(`an ejection by ${name}`, async () => (await health(scene, name)) === 1);
    const { byStatus } = await load(scene, name, 60);
    expect({ name, byStatus }).toEqual({ name, byStatus: { "200": 60 } });
  }
});

test("a host that takes no connections is out by a health check of TCP", async () => {
  await using scene = await startScene({ backends: 3, config: config(await freePort()) });
  await eventually("its health check", async () => (await health(scene, "checked")) === 1);
  const { byStatus } = await load(scene, "checked", 60);
  expect(byStatus).toEqual({ "200": 60 });
});

/** How many of its hosts Envoy has taken out. */
async function health(scene: Scene, name: string): Promise<number> {
  const { cluster_statuses: clusters = [] } = await scene.envoy.clusters();
  const hosts = clusters.find((cluster) => cluster.name === name)?.host_statuses ?? [];
  return hosts.filter(
    ({ health_status: status }) =>
      status?.["failed_outlier_check"] === true || status?.["failed_active_health_check"] === true,
  ).length;
}
