/**
 * Load reports of four real Envoys: the numbers are those of the requests that were made.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../../demo/kit/get.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { loadSchema } from "../../src/admin/load-schema.ts";
import type { Four, Member } from "./four-envoys.ts";
import { startFour } from "./four-envoys.ts";

let four: Four;

beforeAll(async () => {
  four = await startFour({
    backends: 2,
    args: ["--load-report-interval", "1s"],
    envoy: { loadReports: true, locality: { region: "eu", zone: "eu-1" } },
    config: ({ backends, groups }) => `
${groups()}
routes:
  shop:
    rules:
      - { name: sick, matches: [{ path: /sick }], backends: [{ service: sick }] }
      - { name: main, backends: [{ service: shop }] }
services:
  idle: { endpoints: ["127.0.0.1:1"] }
  shop: { endpoints: ["${backends[0]}"] }
  sick: { endpoints: ["${backends[1]}"] }
`,
  });
  // Envoy counts the requests to a cluster from the first report on that it makes while it has that cluster.
  await four.each(async ({ envoy }) => {
    const reports = () => envoy.counter("load_reporter.responses");
    const before = await reports();
    await waitUntil(async () => (await reports()) > before, { what: "the next report" });
  });
});

afterAll(() => four[Symbol.asyncDispose]());

async function load(query: string) {
  return loadSchema.parse(await four.fairway.get(`/v1/load?${query}`));
}

/** What one Envoy has reported of a cluster, when it has reported so many requests. */
async function clusterLoad(
  { name }: Member,
  { cluster, issued }: { readonly cluster: string; readonly issued: number },
) {
  return waitUntil(
    async () => {
      const [found] = (await load(`node=${name}&cluster=${cluster}`)).clusters;
      return (found?.issued ?? 0) >= issued ? found : undefined;
    },
    { what: `${issued} requests to ${cluster} in the load`, timeoutMs: 20_000 },
  );
}

test("counts equal the requests that were made, good and failed, and idle clusters are left out", async () => {
  four.backends[1]?.set({ failure: { answer: 500 } });
  await four.each(async (member) => {
    for (let count = 0; count < 40; count += 1) await ask(member.port, "/");
    for (let count = 0; count < 7; count += 1) expect((await ask(member.port, "/sick")).status).toBe(500);
    const none = { successful: 0, failed: 0, inProgress: 0 };
    expect(await clusterLoad(member, { cluster: "shop", issued: 40 })).toMatchObject({
      ...none,
      issued: 40,
      successful: 40,
    });
    expect(await clusterLoad(member, { cluster: "sick", issued: 7 })).toMatchObject({ ...none, issued: 7, failed: 7 });
    const { clusters, nodes, complete } = await load(`node=${member.name}`);
    expect(clusters.map(({ cluster }) => cluster)).not.toContain("idle");
    expect([nodes, complete]).toEqual([four.members.length, true]);
  });
  const { text: metrics } = await ask(four.fairway.adminPort, "/metrics");
  const all = 40 * four.members.length;
  expect(metrics).toContain(`fairway_upstream_requests_total{cluster="shop",outcome="successful"} ${all}`);
});

test("a change of the settings is seen by every Envoy at once: other clusters, and endpoints", async () => {
  const heard = (member: Member) => member.envoy.counter("load_reporter.requests");
  const before = await four.each(heard);
  const settings = { interval: "1s", clusters: ["shop"], endpoints: true };
  const answer = await fetch(`http://127.0.0.1:${four.fairway.adminPort}/v1/load-settings`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(settings),
  });
  expect(await answer.json()).toEqual(settings);
  await four.each(async (member) => {
    const told = (before[four.members.indexOf(member)] ?? 0) + 1;
    await waitUntil(async () => (await heard(member)) === told, { what: "the settings" });
    await ask(member.port, "/sick");
    await ask(member.port, "/");
    await clusterLoad(member, { cluster: "shop", issued: 41 });
    expect(await clusterLoad(member, { cluster: "sick", issued: 7 })).toMatchObject({ issued: 7 });
  });
  const [shop] = (await load("cluster=shop")).clusters;
  const all = four.members.length;
  expect(shop?.endpoints).toEqual({
    [four.backends[0]?.address ?? ""]: { issued: all, successful: all, failed: 0, inProgress: 0 },
  });
});
