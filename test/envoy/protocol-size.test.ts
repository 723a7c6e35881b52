/**
 * Big messages and long nodes, as four real Envoys send and take them.
 *
 * gRPC servers take 4 MiB at most unless they are told otherwise. An Envoy passes that when it comes back and says
 * what it holds, and one that is refused then never gets anything again (envoy#46072); a full state can be as long
 * the other way.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { createBootstrap } from "../../src/cli/bootstrap.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { startFour } from "./four-envoys.ts";
import type { Four, FourPorts } from "./four-envoys.ts";

const MIB = 1024 * 1024;
const CLUSTERS = 300;
/** So that the names together, which a delta Envoy tells when it returns, pass 4 MiB, and with them the clusters. */
const NAME_CHARS = 15_000;

const longName = (index: number): string => `c${index}-${"x".repeat(NAME_CHARS)}`;

const config =
  (index: number) =>
  ({ backends, groups }: FourPorts): string =>
    `
${groups("updates: { grace: 250ms }")}
services:
  shop: { endpoints: ["${backends[index]}"] }
routes:
  shop: { rules: [{ backends: [{ service: shop }] }] }
resources:
${Array.from({ length: CLUSTERS }, (_, at) => `  - { "@type": ${typeUrls.cluster}, name: ${longName(at)} }`).join("\n")}
`;

let four: Four;

beforeAll(async () => {
  four = await startFour({
    backends: 2,
    config: config(0),
    // The other way than ours: the node in every request, which is Envoy's default.
    override: ({ api, xdsPort }) => {
      const { dynamic_resources: dynamic } = createBootstrap({
        nodeId: "any",
        cluster: "any",
        api,
        xds: { host: "127.0.0.1", port: xdsPort },
        admin: { host: "127.0.0.1", port: 0 },
      });
      const { ads_config: ads, ...others } = dynamic as { readonly ads_config: object };
      return { dynamic_resources: { ...others, ads_config: { ...ads, set_node_on_first_message_only: false } } };
    },
  });
});
afterAll(() => four[Symbol.asyncDispose]());

test("an Envoy that repeats its node of 60 kB in every request is served like any other", async () => {
  await four.each(async ({ relay, api, url }) => {
    expect((await fetch(url)).headers.get("x-backend")).toBe("v1");
    const withNode = relay.asked.filter(({ hasNode }) => hasNode);
    expect(withNode.length).toBeGreaterThan(1);
    expect(withNode[0]?.bytes).toBeGreaterThan(40_000);
    if (api === "sotw") expect(withNode.length).toBe(relay.asked.length);
  });
});

test("a first state of more than 4 MiB arrives, in one piece on SotW and in pieces of about 1 MiB on delta", async () => {
  await four.each(async ({ relay, api, envoy }) => {
    const sizes = relay.toldOf(typeUrls.cluster).map(({ bytes }) => bytes);
    expect(sizes.reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThan(4 * MIB);
    if (api === "sotw") expect(sizes).toHaveLength(1);
    else expect(Math.max(...sizes)).toBeLessThan(1.1 * MIB);
    // The service, and Fairway's own cluster, which is in the bootstrap.
    expect(await envoy.counter("cluster_manager.active_clusters")).toBe(CLUSTERS + 2);
  });
});

test("an Envoy that comes back with more than 4 MiB to say is heard, and told only what changed", async () => {
  const streams = four.members.map(({ relay }) => relay.asked.at(-1)?.stream ?? 0);
  for (const { relay } of four.members) relay.cut();
  await four.change(config(1)(four.ports));
  await four.each(async (member) => {
    const { relay, api, url } = member;
    const broken = streams[four.members.indexOf(member)] ?? 0;
    await waitUntil(async () => (await fetch(url)).headers.get("x-backend") === "v2", {
      what: "the change",
      timeoutMs: 20_000,
    });
    const [first] = relay.askedFor(typeUrls.cluster).filter(({ stream }) => stream > broken);
    if (api === "delta") expect(first?.bytes).toBeGreaterThan(4 * MIB);
    const told = relay.toldOf(typeUrls.cluster).filter(({ stream }) => stream > broken);
    expect(told.flatMap(({ names, removed }) => [...names, ...removed])).toEqual([]);
  });
});
