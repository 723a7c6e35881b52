/**
 * A subset whose hosts are not well, and the one that takes over.
 */
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { startScene } from "./scene.ts";

type Parts = Parameters<Parameters<typeof startScene>[0]["config"]>[0];

test("requests of a canary without a healthy host go to its fallback and are counted there, until it is well again", async () => {
  const config =
    (health: string) =>
    ({ port, backends }: Parts): string =>
      `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  reviews:
    endpoints:
      - { address: "${backends[0]}", labels: { version: v1 } }
      - { address: "${backends[1]}", labels: { version: v2 }, health: ${health} }
    subsets:
      stable: { labels: { version: v1 } }
      canary: { labels: { version: v2 }, fallback: stable }
routes:
  reviews: { rules: [{ backends: [{ service: reviews, subset: canary }] }] }
`;
  await using scene = await startScene({ backends: 2, config: config("healthy") });
  const parts = { port: scene.port, backends: scene.backends.map(({ address }) => address) };
  const answers = async () => (await Load.run({ url: scene.url, concurrency: 2, count: 20 })).byLabel;
  const counted = async (cluster: string) => ({
    total: await scene.envoy.counter(`cluster.${cluster}.upstream_rq_total`),
    succeeded: await succeeded(scene.envoy.adminPort, cluster),
  });
  expect(await answers()).toEqual({ v2: 20 });
  let before = await scene.served();
  await scene.save(config("unhealthy")(parts));
  before = await scene.converged(before);
  expect(await answers()).toEqual({ v1: 20 });
  expect(await counted("reviews|canary")).toEqual({ total: 20, succeeded: 20 });
  expect(await counted("reviews|stable")).toEqual({ total: 20, succeeded: 20 });
  // Status codes are the affair of the cluster that the route leads to.
  expect(await scene.envoy.counter("cluster.reviews|canary|fallback.upstream_rq_2xx")).toBe(40);
  await scene.save(config("healthy")(parts));
  await scene.converged(before);
  expect(await answers()).toEqual({ v2: 20 });
});

/** What the hosts of a cluster have answered well; load reports have the same numbers. */
async function succeeded(adminPort: number, cluster: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/clusters`)).text();
  const lines = text.split("\n").filter((line) => line.startsWith(`${cluster}::`) && line.includes("::rq_success::"));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(":") + 1)), 0);
}
