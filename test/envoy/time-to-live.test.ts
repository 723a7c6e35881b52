/**
 * Resources with a time to live on four real Envoys: they stay while the control plane is there, and end when it
 * is gone for longer.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../../demo/kit/get.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { startFour } from "./four-envoys.ts";
import type { Four, FourPorts, Member } from "./four-envoys.ts";

const TTL_S = 2;

/** For each Envoy a gateway that stays; a runtime layer and a cluster that end, and a cluster that does not. */
const config = ({ groups, backends }: FourPorts): string => `
${groups()}
services: { shop: { endpoints: ["${backends[0]}"] } }
routes: { shop: { rules: [{ backends: [{ service: shop }] }] } }
resources:
  - { "@type": ${typeUrls.runtime}, name: switches, ttl: ${TTL_S}s, layer: { shop: { share: 42 } } }
  - { "@type": ${typeUrls.cluster}, name: guest, ttl: ${TTL_S}s, type: STATIC, load_assignment: { cluster_name: guest } }
`;

let four: Four;

beforeAll(async () => {
  four = await startFour({
    backends: 1,
    config,
    override: () => ({
      layered_runtime: {
        layers: [
          { name: "fairway", rtds_layer: { name: "switches", rtds_config: { ads: {}, resource_api_version: "V3" } } },
        ],
      },
    }),
  });
});
afterAll(() => four[Symbol.asyncDispose]());

const hasLayer = async ({ envoy }: Member) => (await ask(envoy.adminPort, "/runtime?format=json")).text.includes("42");
const clustersOf = async ({ envoy }: Member) =>
  (await envoy.clusters()).cluster_statuses?.map(({ name }) => name).toSorted();
const hasAll = async (member: Member) =>
  (await hasLayer(member)) && (await clustersOf(member))?.includes("guest") === true;

test("what has a TTL stays while heartbeats come, ends when the control plane is gone, and comes back with it", async () => {
  await four.each(async (member) => {
    const told = () => member.relay.told.filter(({ typeUrl }) => typeUrl === typeUrls.runtime).length;
    const before = told();
    // So many heartbeats are more than three times the TTL.
    await waitUntil(() => told() >= before + 7, { what: "heartbeats", timeoutMs: 60_000 });
    expect(await hasAll(member)).toBe(true);
    expect(await member.envoy.counter("runtime.update_rejected")).toBe(0);
    expect(await member.envoy.counter("cluster_manager.cds.update_rejected")).toBe(0);
  });
  await four.fairway.kill("SIGKILL");
  await four.each(async (member) => {
    const isLess = async () => !(await hasLayer(member)) && (await clustersOf(member))?.includes("guest") === false;
    await waitUntil(isLess, { what: "the end of both", timeoutMs: 30_000 });
    expect(await clustersOf(member)).toContain("shop");
    expect((await ask(member.port, "/")).status).toBe(200);
  });
  await four.fairway.restart();
  await four.each((member) => waitUntil(() => hasAll(member), { what: "both to be back", timeoutMs: 20_000 }));
});
