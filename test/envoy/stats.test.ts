/**
 * Which statistics a real Envoy keeps: all that the page on telemetry names, and of each cluster not much more.
 */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { ask } from "../../demo/kit/get.ts";
import { startScene } from "./scene.ts";

test("an Envoy keeps what docs/telemetry.md names, and of a cluster not what nobody reads", async () => {
  await using scene = await startScene({
    backends: 1,
    config: ({ port, backends }) => `
gateways: { public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] } }
services:
  one:
    endpoints: ["${backends[0]}"]
    circuitBreaker: { trackRemaining: true }
    outlierDetection: { consecutive5xx: 5 }
    healthCheck: { tcp: {}, interval: 60s, timeout: 1s, healthyThreshold: 1, unhealthyThreshold: 1 }
routes: { all: { rules: [{ backends: [{ service: one }] }] } }
`,
  });
  expect((await fetch(scene.url)).status).toBe(200);

  const page = await readFile(new URL("../../docs/telemetry.md", import.meta.url), "utf8");
  const table = page.slice(page.indexOf("### Which statistic tells what"));
  const named = [
    ...table.matchAll(/`(?<name>(?:cluster|http|listener_manager|cluster_manager|control_plane|server)\.[^`]+)`/g),
  ];
  const wanted = named.map(({ groups }) =>
    (groups?.["name"] ?? "").replace("<cluster>", "one").replace("<listener>", "public/http").replace("<n>", "2"),
  );
  expect(wanted.length).toBeGreaterThan(30);
  const { text } = await ask(scene.envoy.adminPort, "/stats");
  const kept = text.split("\n").map((line) => line.slice(0, line.indexOf(": ")));
  expect(wanted.filter((name) => !kept.includes(name))).toEqual([]);

  const ofCluster = kept.filter((name) => name.startsWith("cluster.one."));
  expect(ofCluster.length).toBeLessThan(90);
  for (const part of ["flow_control", ".http1.", ".internal.", ".external.", "ejections_detected", "lb_subsets"]) {
    expect(ofCluster.filter((name) => name.includes(part))).toEqual([]);
  }
  const { text: scrape } = await ask(scene.envoy.adminPort, "/stats/prometheus");
  expect(scrape).toMatch(/^envoy_cluster_upstream_rq_time_bucket\{envoy_cluster_name="one",le="30000"\}/m);
  expect(scrape).not.toMatch(/^envoy_cluster_upstream_rq_time_bucket.*le="3600000"/m);
});
