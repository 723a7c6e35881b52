/**
 * `protocol: auto` with two real Envoys, an edge and a client of it: over TCP until an answer says that there is HTTP/3,
 * and over TCP whenever UDP does not get through.
 */
import { expect, test } from "vitest";
import { Envoy } from "../../demo/kit/envoy.ts";
import type { EnvoyVersion } from "../../demo/kit/envoy-binary.ts";
import { ask } from "../../demo/kit/get.ts";
import { Load } from "../../demo/kit/load.ts";
import { freePort } from "../../demo/kit/ports.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { certificatesDir } from "../support/certificates.ts";
import type { Scene } from "./scene.ts";
import { startScene } from "./scene.ts";

/** The edge and its client; `more` is of the listener of the edge, and `filters` of its route. */
function configOf(ports: { readonly edge: number; readonly client: number }, backend: string) {
  return ({ more = "", filters = "" }) => `
nodes:
  edge: { match: { id: edge-1 }, removalGuard: off, updates: { grace: 250ms } }
  client: { match: { id: client } }
gateways:
  public:
    nodes: edge
    listeners:
      - { name: one, port: ${ports.edge}, address: 127.0.0.1, protocol: HTTPS, hostnames: [one.test], tls: { secret: one }${more} }
  client: { nodes: client, listeners: [{ name: http, port: ${ports.client}, address: 127.0.0.1 }] }
secrets:
  one: { certificate: { file: ${certificatesDir}/one.pem }, privateKey: { file: ${certificatesDir}/one.key } }
  ca: { ca: { file: ${certificatesDir}/ca.pem } }
services:
  shop: { endpoints: ["${backend}"] }
  edge: { protocol: auto, endpoints: ["127.0.0.1:${ports.edge}"], tls: { ca: ca, sni: one.test } }
routes:
  shop: { gateways: [public], rules: [{ ${filters} backends: [{ service: shop }] }] }
  client:
    gateways: [client]
    rules: [{ filters: [{ rewrite: { hostname: one.test } }], backends: [{ service: edge }] }]
`;
}

/** How many requests the edge has got in each version of HTTP. */
async function requests({ envoy }: Scene): Promise<readonly number[]> {
  const versions = ["http1", "http2", "http3"];
  return Promise.all(versions.map((version) => envoy.counter(`http.public/one.downstream_rq_${version}_total`)));
}

async function startBoth(version: EnvoyVersion, first: Parameters<ReturnType<typeof configOf>>[0]) {
  const stack = new AsyncDisposableStack();
  try {
    const ports = { edge: await freePort(), client: await freePort() };
    const write = (backend: string) => configOf(ports, backend);
    const scene = stack.use(
      await startScene({
        backends: 1,
        config: ({ backends: [backend = ""] }) => write(backend)(withPort(first)),
        envoy: { version, drainTimeS: 1 },
      }),
    );
    const client = stack.use(await Envoy.start({ xdsPort: scene.fairway.xdsPort, nodeId: "client", version }));
    await Promise.all([scene.envoy.ready(), client.ready()]);
    function withPort(texts: typeof first) {
      return Object.fromEntries(
        Object.entries(texts).map(([key, text]) => [key, text.replace("EDGE", `${ports.edge}`)]),
      );
    }
    return {
      scene,
      client,
      get: async () => (await ask(ports.client, "/")).status,
      url: `http://127.0.0.1:${ports.client}/`,
      edit: async (next: typeof first) => {
        const before = await scene.served();
        await scene.save(write(scene.backends[0]?.address ?? "")(withPort(next)));
        await scene.converged(before);
      },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (cause) {
    await stack.disposeAsync();
    throw cause;
  }
}

test.each(["1.40", "1.36"] as const)(
  "an endpoint is asked in HTTP/2 until its answer says that it takes HTTP/3, and again when that has gone, with Envoy %s",
  async (version) => {
    await using both = await startBoth(version, {});
    const { scene, get } = both;
    for (let sent = 0; sent < 3; sent += 1) expect(await get()).toBe(200);
    expect(await requests(scene)).toEqual([0, 3, 0]);
    await both.edit({ more: ", http3: true" });
    await waitUntil(async () => (await get()) === 200 && (await requests(scene))[2] === 1, { what: "HTTP/3" });
    const [, learning = 0] = await requests(scene);
    for (let sent = 0; sent < 10; sent += 1) expect(await get()).toBe(200);
    expect(await requests(scene)).toEqual([0, learning, 11]);
    expect([...scene.envoy.complaints(), ...both.client.complaints()]).toEqual([]);

    await both.edit({});
    await waitUntil(async () => (await get()) === 200 && ((await requests(scene))[1] ?? 0) > learning, {
      what: "HTTP/2 again",
      timeoutMs: 30_000,
    });
  },
);

test("no request is lost where answers say that there is HTTP/3 and UDP does not get through", async () => {
  await using both = await startBoth("1.40", {});
  const load = Load.start({ url: both.url, concurrency: 4, requestsPerSecond: 100 });
  await waitUntil(() => load.report().sent > 20, { what: "requests" });
  await both.edit({ filters: `filters: [{ responseHeaders: { set: { alt-svc: 'h3=":EDGE"; ma=60' } } }],` });
  const { sent } = load.report();
  await waitUntil(() => load.report().sent > sent + 100, { what: "requests that could be tried in HTTP/3" });
  expect(await load.stop()).toMatchObject({ failed: 0, failures: [] });
  expect((await requests(both.scene))[2]).toBe(0);
  expect(both.client.complaints().join(), "it was tried").toMatch(/quic.*Connection refused/);
});
