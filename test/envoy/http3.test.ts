/**
 * HTTP/3 with two real Envoys: one takes it as an edge, the other asks it as a client, both by Fairway's words.
 *
 * Whatever is waited for that takes an Envoy its time, such as the end of a drain, is waited for without load.
 */
import { X509Certificate } from "node:crypto";
import { copyFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Envoy } from "../../demo/kit/envoy.ts";
import type { EnvoyVersion } from "../../demo/kit/envoy-binary.ts";
import { ask } from "../../demo/kit/get.ts";
import type { Answer } from "../../demo/kit/get.ts";
import { Load } from "../../demo/kit/load.ts";
import { freePort } from "../../demo/kit/ports.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { certificatesDir, pem } from "../support/certificates.ts";
import type { NodeView, Scene } from "./scene.ts";
import { startScene } from "./scene.ts";

/** Long enough for the longest request here, and short enough to wait for. */
const DRAIN_S = 4;

interface Ports {
  /** Of the edge, TCP and UDP. */
  readonly edge: number;
  /** Of the client Envoy, for plain HTTP. */
  readonly client: number;
  readonly backends: readonly string[];
}

/** What of the edge changes. */
interface Edge {
  /** Of the listener for one.test. */
  readonly one?: string;
  /** What its `tls` has beside the certificate. */
  readonly tls?: string;
  /** The other listeners of the port. */
  readonly more?: string;
  /** The service that the routes of the edge lead to. */
  readonly shop?: "first" | "second";
}

const https = "port: EDGE, address: 127.0.0.1, protocol: HTTPS";
const two = `, { name: two, ${https}, hostnames: [two.test], tls: { secret: two }, http3: true }`;

const config = (ports: Ports, { one = "http3: true", tls = "", more = two, shop = "first" }: Edge = {}) =>
  `
nodes:
  edge: { match: { id: edge-1 }, removalGuard: off, updates: { grace: 250ms } }
  client: { match: { id: client }, removalGuard: off }
gateways:
  public:
    nodes: edge
    drain: { time: ${DRAIN_S}s }
    listeners: [{ name: one, ${https}, hostnames: [one.test], tls: { secret: one${tls} }${one === "" ? "" : `, ${one}`} }${more}]
  client: { nodes: client, listeners: [{ name: http, port: ${ports.client}, address: 127.0.0.1 }] }
secrets:
  one: { certificate: { file: one.pem }, privateKey: { file: one.key } }
  two: { certificate: { file: ${certificatesDir}/two.pem }, privateKey: { file: ${certificatesDir}/two.key } }
  other: { certificate: { file: ${certificatesDir}/other-ca.pem }, privateKey: { file: ${certificatesDir}/other-ca.key } }
  ca: { ca: { file: ${certificatesDir}/ca.pem } }
services:
  first: { endpoints: ["${ports.backends[0]}"] }
  second: { endpoints: ["${ports.backends[1]}"] }
  one: { protocol: http3, ${toEdge("one")}, healthCheck: { http: { path: /health, host: one.test }, interval: 250ms } }
  anew: { protocol: http3, ${toEdge("one")}, connection: { maxConnectionDuration: 50ms } }
  two: { protocol: http3, ${toEdge("two")} }
  three: { protocol: http3, ${toEdge("three")} }
  shown: { protocol: http3, endpoints: ["127.0.0.1:EDGE"], tls: { ca: ca, sni: one.test, clientCertificate: two } }
  stranger: { protocol: http3, endpoints: ["127.0.0.1:EDGE"], tls: { ca: ca, sni: one.test, clientCertificate: other } }
  renewed: { protocol: http3, ${toEdge("one")} }
  tcp: { protocol: http2, ${toEdge("one")} }
routes:
  shop:
    gateways: [public]
    rules:
      - { matches: [{ path: /hidden }], filters: [{ responseHeaders: { set: { alt-svc: nowhere, x-own: "1" }, remove: [x-backend] } }], backends: [{ service: ${shop} }] }
      - { matches: [{ path: /refused }], filters: [{ fault: { abort: { status: 418, percent: 100 } } }], backends: [{ service: ${shop} }] }
      - { matches: [{ path: /answered }], filters: [{ respond: { status: 200, body: here } }] }
      - { backends: [{ service: ${shop} }] }
  client:
    gateways: [client]
    rules:
${["one", "anew", "two", "three", "shown", "stranger", "renewed", "tcp"].map(viaClient).join("\n")}
patches:
  - target: { type: Cluster, name: renewed }
    jsonPatch:
      - { op: add, path: ${hashes}, value: ["${fingerprint("one-renewed.pem")}"] }
`.replaceAll("EDGE", String(ports.edge));

const hashes =
  "/transport_socket/typed_config/upstream_tls_context/common_tls_context/combined_validation_context/default_validation_context/verify_certificate_hash";

const toEdge = (name: string) => `endpoints: ["127.0.0.1:EDGE"], tls: { ca: ca, sni: ${name}.test }`;

/** `/one/x` asks for `/x` by the service `one`, whose host is one.test, as that of most services is. */
function viaClient(service: string): string {
  const host = service === "two" || service === "three" ? service : "one";
  const rewrite = `filters: [{ rewrite: { hostname: ${host}.test, path: { prefix: / } } }]`;
  return `      - { matches: [{ path: /${service} }], ${rewrite}, backends: [{ service: ${service} }] }`;
}

function fingerprint(file: "one-renewed.pem"): string {
  return new X509Certificate(pem(file)).fingerprint256.replaceAll(":", "");
}

/** A scene and the second Envoy in it. */
interface Http3Scene extends AsyncDisposable {
  readonly scene: Scene;
  readonly client: Envoy;
  readonly edgePort: number;
  /** By way of the client Envoy. */
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  url(path: string): string;
  /** Returns when the edge has it. */
  edit(edge: Edge): Promise<void>;
}

async function startHttp3(first: Edge = {}, version: EnvoyVersion = "1.40"): Promise<Http3Scene> {
  const stack = new AsyncDisposableStack();
  try {
    const ports = { edge: await freePort(), client: await freePort() };
    const scene = stack.use(
      await startScene({
        backends: 2,
        prepare: async (configDir) => {
          for (const file of ["one.pem", "one.key"]) await copyFile(join(certificatesDir, file), join(configDir, file));
        },
        config: ({ backends }) => config({ ...ports, backends }, first),
        envoy: { version, drainTimeS: DRAIN_S },
      }),
    );
    const client = stack.use(await Envoy.start({ xdsPort: scene.fairway.xdsPort, nodeId: "client", version }));
    await Promise.all([scene.envoy.ready(), client.ready()]);
    const backends = scene.backends.map(({ address }) => address);
    return {
      scene,
      client,
      edgePort: ports.edge,
      get: (path, headers = {}) => ask(ports.client, path, { headers }),
      url: (path) => `http://127.0.0.1:${ports.client}${path}`,
      edit: async (edge) => {
        const before = await wanted(scene);
        await scene.save(config({ ...ports, backends }, edge));
        await scene.converged(before);
      },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (cause) {
    await stack.disposeAsync();
    throw cause;
  }
}

async function wanted({ fairway }: Scene): Promise<string | undefined> {
  const { nodes } = await fairway.get<{ readonly nodes: readonly NodeView[] }>("/v1/nodes");
  return nodes.find(({ id }) => id === "edge-1")?.wanted;
}

/** Over TCP, as a browser that has never been here; `agent` keeps connections. */
function overTcp(port: number, path: string, { host = "one.test", agent = new Agent() } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path, servername: host, headers: { host }, ca: pem("ca.pem"), agent };
    request(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.once("error", reject);
      response.once("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    })
      .once("error", reject)
      .end();
  });
}

const http3Requests = (envoy: Envoy, listener: string) =>
  envoy.counter(`http.public/${listener}.downstream_rq_http3_total`);

test.each(["1.40", "1.36"] as const)(
  "hostnames of one port have their certificates, routes and filters over HTTP/3, and answers over TCP say that it is there, with Envoy %s",
  async (version) => {
    await using running = await startHttp3({}, version);
    const { scene, client, edgePort, get } = running;
    for (const name of ["one", "two"]) {
      const answer = await get(`/${name}/path`);
      expect({ status: answer.status, backend: answer.headers["x-backend"] }).toEqual({ status: 200, backend: "v1" });
      expect(await http3Requests(scene.envoy, name)).toBe(1);
    }
    // No listener is for this one.
    expect((await get("/three/")).status).toBe(503);

    const announced = `h3=":${edgePort}"; ma=86400`;
    for (const path of ["/", "/hidden", "/answered", "/refused"]) {
      expect((await overTcp(edgePort, path)).headers["alt-svc"], path).toBe(announced);
      expect((await get(`/one${path}`)).headers["alt-svc"], path).toBe(announced);
    }
    expect((await get("/one/refused")).status).toBe(418);
    const hidden = await get("/one/hidden");
    expect([hidden.headers["x-own"], hidden.headers["x-backend"]]).toEqual(["1", undefined]);
    expect(await client.counter("cluster.one.upstream_cx_total")).toBe(1);

    // Endpoints of HTTP/3 are asked over TCP whether they are well.
    await waitUntil(async () => (await client.counter("cluster.one.membership_healthy")) === 1, { what: "its health" });
    expect(await client.counter("cluster.one.health_check.success")).toBeGreaterThan(0);
    expect(scene.envoy.complaints()).toEqual([]);
  },
);

test("a certificate that is renewed in its file is shown to new connections of HTTP/3, and no request is lost", async () => {
  await using running = await startHttp3();
  const { scene, client, get, url } = running;
  // Its connections live shortly, so that there are handshakes all the time.
  const load = Load.start({ url: url("/anew/"), concurrency: 2, requestsPerSecond: 40 });
  expect((await get("/renewed/")).status).toBe(503);
  const before = await wanted(scene);
  for (const end of ["pem", "key"]) {
    await copyFile(join(certificatesDir, `one-renewed.${end}`), join(scene.configDir, `one.${end}`));
  }
  await scene.converged(before);
  await waitUntil(async () => (await get("/renewed/")).status === 200, { what: "the renewed certificate" });
  const { sent } = load.report();
  await waitUntil(() => load.report().sent > sent + 20, { what: "requests after it" });
  expect(await load.stop()).toMatchObject({ failed: 0, failures: [] });
  expect(await client.counter("cluster.anew.upstream_cx_total")).toBeGreaterThan(5);
  expect(await scene.envoy.counter("listener_manager.listener_in_place_updated")).toBe(0);
});

test("an edit of a route under load over HTTP/3 loses no request and closes no connection", async () => {
  await using running = await startHttp3();
  const { scene, client, url } = running;
  const load = Load.start({ url: url("/one/"), concurrency: 4, requestsPerSecond: 100 });
  await waitUntil(() => load.report().byLabel["v1"] !== undefined, { what: "answers of the first backend" });
  await running.edit({ shop: "second" });
  await waitUntil(() => (load.report().byLabel["v2"] ?? 0) > 20, { what: "answers of the second backend" });
  await running.edit({ shop: "first" });
  const { sent } = load.report();
  await waitUntil(() => load.report().sent > sent + 20, { what: "requests after both edits" });
  expect(await load.stop()).toMatchObject({ failed: 0, failures: [] });
  expect(await client.counter("cluster.one.upstream_cx_total")).toBe(1);
  expect(await scene.envoy.counter("listener_manager.listener_modified")).toBe(0);
});

test("a listener that joins or leaves the port disturbs no connection of the others over HTTP/3", async () => {
  await using running = await startHttp3({ more: "" });
  const { scene, client, get, url } = running;
  expect((await get("/two/")).status).toBe(503);
  const load = Load.start({ url: url("/one/"), concurrency: 4, requestsPerSecond: 100 });
  await waitUntil(() => load.report().sent > 20, { what: "requests" });
  await running.edit({});
  await waitUntil(async () => (await get("/two/")).status === 200, { what: "the second hostname" });
  await running.edit({ more: "" });
  const { sent } = load.report();
  await waitUntil(() => load.report().sent > sent + 20, { what: "requests after both edits" });
  expect(await load.stop()).toMatchObject({ failed: 0, failures: [] });
  expect(await client.counter("cluster.one.upstream_cx_total")).toBe(1);
  // Two edits of the listener of TCP and two of that of UDP.
  expect(await scene.envoy.counter("listener_manager.listener_in_place_updated")).toBe(4);
});

test("HTTP/3 comes and goes without a word to clients of TCP: none of their connections ends and no request is lost", async () => {
  await using running = await startHttp3({ one: "", more: "" });
  const { scene, edgePort, client, get, url } = running;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const header = async () => (await overTcp(edgePort, "/", { agent })).headers["alt-svc"];
  expect(await header()).toBeUndefined();
  const { localPort } = firstSocket(agent);
  const load = Load.start({ url: url("/tcp/"), concurrency: 4, requestsPerSecond: 100 });
  await waitUntil(() => load.report().sent > 20, { what: "requests" });
  await running.edit({ one: "http3: { advertisedPort: 443, maxAge: 1m }", more: "" });
  await waitUntil(async () => (await header()) === 'h3=":443"; ma=60', { what: "the announcement" });
  await waitUntil(async () => (await get("/one/")).status === 200, { what: "HTTP/3" });
  await running.edit({ one: "", more: "" });
  await waitUntil(async () => (await header()) === undefined, { what: "the end of the announcement" });
  const { sent } = load.report();
  await waitUntil(() => load.report().sent > sent + 20, { what: "requests after both edits" });
  expect(await load.stop()).toMatchObject({ failed: 0, failures: [] });
  expect(firstSocket(agent).localPort).toBe(localPort);
  agent.destroy();
  expect(await client.counter("cluster.tcp.upstream_cx_total")).toBe(1);
  for (const change of ["listener_modified", "listener_in_place_updated"]) {
    expect(await scene.envoy.counter(`listener_manager.${change}`), change).toBe(0);
  }

  // What came over HTTP/3 is served until the drain is over, and then nobody is there.
  await waitUntil(async () => (await scene.envoy.counter("listener_manager.total_listeners_draining")) === 0, {
    what: "the end of the drain",
    timeoutMs: 30_000,
  });
  await waitUntil(async () => (await get("/one/")).status === 503, { what: "the end of HTTP/3", timeoutMs: 30_000 });
  expect((await overTcp(edgePort, "/")).status).toBe(200);
});

/** Of the one connection that the agent keeps. */
function firstSocket({ freeSockets }: Agent): { readonly localPort: number | undefined } {
  const [socket] = Object.values(freeSockets).flatMap((sockets) => sockets ?? []);
  return { localPort: socket?.localPort };
}

test("clients of HTTP/3 need the certificate that the listener demands, and with the right name", async () => {
  const names = (name: string) => `, clientCa: ca, clientSubjectAltNames: [${name}.test]`;
  await using running = await startHttp3({ tls: ", clientCa: ca", more: "" });
  const { scene, get } = running;
  expect((await get("/shown/")).status).toBe(200);
  for (const service of ["anew", "stranger"]) expect((await get(`/${service}/`)).status, service).toBe(503);
  await running.edit({ tls: names("three"), more: "" });
  // What was open before is served until the drain is over.
  await waitUntil(async () => (await get("/shown/")).status === 503, {
    what: "the other name to be demanded",
    timeoutMs: 30_000,
  });
  await running.edit({ tls: names("two"), more: "" });
  await waitUntil(async () => (await get("/shown/")).status === 200, {
    what: "its own name to be demanded",
    timeoutMs: 30_000,
  });
  for (const service of ["anew", "stranger"]) expect((await get(`/${service}/`)).status, service).toBe(503);
  // Nothing of the others has come through.
  const answered = await http3Requests(scene.envoy, "one");
  expect(await scene.envoy.counter("http.public/one.downstream_rq_2xx")).toBe(answered);
  expect(scene.backends[0]?.requests).toBe(answered);
});
