/**
 * Wrong input never changes what real Envoys do: broken files are refused with their line, shrinking ones
 * are held, and what only Envoy can refuse is shown with the line that caused it.
 */
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { startScene } from "./scene.ts";

const services = (names: readonly string[], backend: string): string =>
  names.map((name) => `  ${name}: { endpoints: ["${backend}"] }`).join("\n");

const names = ["one", "two", "three", "four", "five", "six"];

const config = ({ port, backends }: { readonly port: number; readonly backends: readonly string[] }): string => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
routes:
  shop: { rules: [{ backends: [{ service: one }] }] }
services:
${services(names, backends[0] ?? "")}
`;

test("serves the same while files are broken, empty, null or half-written", async () => {
  await using scene = await startScene({ backends: 1, config });
  await using load = Load.start({ url: scene.url, concurrency: 2, requestsPerSecond: 100 });
  const version = await scene.served();
  const backends = scene.backends.map((backend) => backend.address);
  const good = config({ port: scene.port, backends });
  const wrongs = [
    "",
    "null\n",
    "# nothing\n",
    "services: [\n",
    `${good}\nunknown: {}\n`,
    good.replace("service: one", "service: won"),
    good.slice(0, good.indexOf("  two")).replace("services:", "services: {"),
  ];
  for (const wrong of wrongs) {
    await scene.save(wrong);
    const [first] = await waitUntil(async () => (await scene.snapshots()).refused?.diagnostics, {
      what: `a refusal of ${JSON.stringify(wrong.slice(0, 30))}`,
    });
    expect(first?.code).toBeDefined();
    expect(await scene.served()).toBe(version);
    await scene.save(good);
    await waitUntil(async () => (await scene.snapshots()).refused === undefined, { what: "the good file" });
    expect(await scene.served()).toBe(version);
  }
  expect((await load.stop()).failed).toBe(0);
});

test("reads a file that is written in place once, when it is whole", async () => {
  await using scene = await startScene({ backends: 1, config });
  const version = await scene.converged();
  const backends = scene.backends.map((backend) => backend.address);
  const path = join(scene.configDir, "main.yaml");
  const text = `${config({ port: scene.port, backends })}  seven: { endpoints: ["${backends[0]}"] }\n`;
  // Without a turn of the event loop between, in which a busy machine could make a pause as long as that after a save.
  writeFileSync(path, "");
  for (let from = 0; from < text.length; from += 40) appendFileSync(path, text.slice(from, from + 40));
  await scene.converged(version);
  const views = await scene.snapshots();
  expect(views.refused).toBeUndefined();
  expect(views.groups[0]?.held).toBeUndefined();
  const dump = JSON.stringify(await scene.envoy.configDump());
  for (const name of [...names, "seven"]) expect(dump).toContain(`"${name}"`);
});

test("holds a change that removes much until it is confirmed", async () => {
  await using scene = await startScene({ backends: 1, config });
  const version = await scene.converged();
  const backends = scene.backends.map((backend) => backend.address);
  const good = config({ port: scene.port, backends });
  await scene.save(good.slice(0, good.indexOf("  three")));
  const held = await waitUntil(async () => (await scene.snapshots()).groups[0]?.held?.version, { what: "the hold" });
  expect(await scene.served()).toBe(version);
  const url = `http://127.0.0.1:${scene.fairway.adminPort}/v1/snapshots/${held}/confirm`;
  const answer = await fetch(url, { method: "POST", headers: { "if-match": `"${held}"` } });
  expect(answer.status).toBe(200);
  expect(await scene.converged(version)).toBe(held);
});

test.each(["delta", "sotw"] as const)(
  "shows what a %s Envoy rejects with the line that caused it, and moves the rest on",
  async (api) => {
    await using scene = await startScene({ backends: 1, api, config });
    await using load = Load.start({ url: scene.url, concurrency: 2, requestsPerSecond: 100 });
    const backends = scene.backends.map((backend) => backend.address);
    const good = config({ port: scene.port, backends });
    const version = await scene.converged();
    // Which ciphers there are, only an Envoy knows.
    await scene.save(`${good.replace("services:", 'services:\n  seven: { endpoints: ["127.0.0.1:1"] }')}
resources:
  - "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
    name: hopeless
    transport_socket:
      name: tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        common_tls_context: { tls_params: { cipher_suites: [NOPE] } }
`);
    const rejection = await waitUntil(
      async () => (await scene.node())?.types.find(({ type }) => type === "clusters")?.lastRejection,
      { what: "the rejection" },
    );
    expect(rejection.message).toContain("hopeless");
    expect(rejection.resources.map(({ name }) => name)).toEqual(["hopeless"]);
    expect(rejection.resources[0]?.at?.file).toContain("main.yaml");
    expect(rejection.resources[0]?.at?.line).toBe(16);
    expect((await scene.node())?.status).toBe("error");
    await waitUntil(async () => JSON.stringify(await scene.envoy.configDump()).includes('"seven"'), {
      what: "the good cluster of the same change",
    });
    const rejected = await scene.envoy.counter("cluster_manager.cds.update_rejected");
    await scene.save(good);
    await waitUntil(async () => (await scene.node())?.status === "synced", { what: "the cure" });
    expect(await scene.served()).toBe(version);
    // Once, and once more at most when the node did not name it: never in a loop.
    expect(rejected).toBe(1);
    expect(await scene.envoy.counter("cluster_manager.cds.update_rejected")).toBe(1);
    expect((await load.stop()).failed).toBe(0);
  },
);
