/**
 * HTTPS with a real Envoy: the right certificate for each name, and renewals that no connection notices;
 * and services that know each other by certificates.
 */
import { copyFileSync, renameSync, writeFileSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { expect, test } from "vitest";
import { ask as get } from "../../demo/kit/get.ts";
import { Load } from "../../demo/kit/load.ts";
import { freePort } from "../../demo/kit/ports.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { certificatesDir, pem } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { examplesDir } from "../support/examples.ts";
import { askOn as ask, openTls as open, serialOf, shownCertificate as shown } from "../support/https-client.ts";
import { tempDir } from "../support/temp-dir.ts";
import type { Scene } from "./scene.ts";
import { startScene } from "./scene.ts";

const listener = (name: string, port: number) =>
  `{ name: ${name}, port: ${port}, address: 127.0.0.1, protocol: HTTPS, hostnames: [${name}.test], tls: { secret: ${name} } }`;

const config = ({ port, backends }: { readonly port: number; readonly backends: readonly string[] }, more = "") => `
gateways: { public: { listeners: [${listener("one", port)}${more}] } }
services: { shop: { endpoints: ["${backends[0]}"] } }
routes: { shop: { rules: [{ backends: [{ service: shop }] }] } }
secrets:
  one: { certificate: { file: certs/one.pem }, privateKey: { file: certs/one.key } }
  two: { certificate: { nodeFile: ${certificatesDir}/two.pem }, privateKey: { nodeFile: ${certificatesDir}/two.key } }
`;

/** Puts a certificate or key in the place of one, in one step. */
async function place(configDir: string, file: "one.pem" | "one.key", content: string): Promise<void> {
  const directory = join(configDir, "certs");
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, ".new"), content);
  await rename(join(directory, ".new"), join(directory, file));
}

async function startTlsScene(): Promise<Scene> {
  const scene = await startScene({
    backends: 1,
    prepare: async (configDir) => {
      await place(configDir, "one.pem", pem("one.pem"));
      await place(configDir, "one.key", pem("one.key"));
    },
    config,
  });
  // The listener has its certificates.
  await scene.envoy.ready();
  return scene;
}

test("each name is shown its certificate, from Fairway or from the Envoy's disk, and a listener that joins or leaves the port closes no connection", async () => {
  await using scene = await startTlsScene();
  const { port, backends } = scene;
  expect(await shown(port, "one.test")).toBe(serialOf("one"));
  await expect(open(port, "two.test")).rejects.toThrow(/ECONNRESET|socket/);
  const kept = await open(port, "one.test");
  expect(await ask(kept, "two.test")).toContain("404");
  const before = await scene.served();
  const addresses = backends.map(({ address }) => address);
  await scene.save(config({ port, backends: addresses }, `, ${listener("two", port)}`));
  const both = await scene.converged(before);
  await waitUntil(async () => (await shown(port, "two.test").catch(() => "")) === serialOf("two"), {
    what: "the second name",
  });
  expect(await scene.envoy.counter("listener_manager.listener_in_place_updated")).toBe(1);
  await scene.save(config({ port, backends: addresses }));
  await scene.converged(both);
  expect(await scene.envoy.counter("listener_manager.listener_in_place_updated")).toBe(2);
  expect(await ask(kept, "one.test")).toContain("200");
  kept.destroy();
});

test("a renewed pair goes live without a failed request, and a pair that does not fit keeps the old one", async () => {
  await using scene = await startTlsScene();
  const { port, configDir } = scene;
  const seen: string[] = [];
  let asking = true;
  const load = (async () => {
    while (asking) seen.push(await shown(port, "one.test"));
  })();
  const kept = await open(port, "one.test");

  const metrics = (await get(scene.fairway.adminPort, "/metrics")).text;
  const end = Date.UTC(2120, 0, 1) / 1_000;
  expect(metrics).toContain(`fairway_certificate_not_after_timestamp_seconds{secret="one"} ${end}`);

  // Only the key: the pair does not fit.
  await place(configDir, "one.key", pem("one-renewed.key"));
  const refusal = await waitUntil(async () => (await scene.snapshots()).refused, { what: "the refusal" });
  expect(refusal.diagnostics).toMatchObject([
    {
      code: "invalid-secret",
      at: { line: 6 },
      message: expect.stringContaining("does not belong to the certificate") as string,
    },
  ]);
  expect(await shown(port, "one.test")).toBe(serialOf("one"));

  const renewedMs = performance.now();
  await place(configDir, "one.pem", pem("one-renewed.pem"));
  await waitUntil(async () => (await shown(port, "one.test")) === serialOf("one-renewed"), {
    what: "the new certificate",
  });
  expect(performance.now() - renewedMs).toBeLessThan(10_000);
  expect((await scene.snapshots()).refused).toBeUndefined();
  const { current } = (await scene.snapshots()).groups[0] ?? {};
  expect(current?.cause).toBe("one.pem changed");

  // Both, one after the other, as tools do: nobody is told of the moment between.
  const certs = join(configDir, "certs");
  writeFileSync(join(certs, ".new"), pem("one.key"));
  renameSync(join(certs, ".new"), join(certs, "one.key"));
  copyFileSync(join(certificatesDir, "one.pem"), join(certs, "one.pem"));
  await waitUntil(async () => (await shown(port, "one.test")) === serialOf("one"), {
    what: "the old certificate again",
  });
  asking = false;
  await load;
  expect(new Set(seen)).toEqual(new Set([serialOf("one"), serialOf("one-renewed")]));
  expect(await ask(kept, "one.test")).toContain("200");
  kept.destroy();
  expect(scene.fairway.logs().filter((line) => line.includes("config-refused")).length).toBe(1);
  expect(await scene.envoy.counter("listener_manager.listener_modified")).toBe(0);
});

test("the certificate that Envoy shows to a service is renewed in place under load, and no request is lost", async () => {
  await using backend = await startAskingServer();
  await using scene = await startScene({
    backends: 0,
    prepare: async (configDir) => {
      await place(configDir, "one.pem", pem("one.pem"));
      await place(configDir, "one.key", pem("one.key"));
    },
    // Each request has a connection, and so a handshake, of its own.
    config: ({ port }) => `
gateways: { public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] } }
services:
  shop:
    endpoints: ["${backend.address}"]
    connection: { maxRequestsPerConnection: 1 }
    tls: { ca: authority, sni: two.test, clientCertificate: own }
routes: { shop: { rules: [{ backends: [{ service: shop }] }] } }
secrets:
  own: { certificate: { file: certs/one.pem }, privateKey: { file: certs/one.key } }
  authority: { ca: { nodeFile: ${certificatesDir}/ca.pem } }
`,
  });
  const shownBy = async () => (await fetch(scene.url)).headers.get("x-backend");
  await eventually("a connection to the service", async () => (await shownBy()) === serialOf("one"));
  await using load = Load.start({ url: scene.url, concurrency: 2, requestsPerSecond: 100 });
  const renewedMs = performance.now();
  await place(scene.configDir, "one.key", pem("one-renewed.key"));
  await place(scene.configDir, "one.pem", pem("one-renewed.pem"));
  await eventually("the new certificate", async () => (await shownBy()) === serialOf("one-renewed"));
  expect(performance.now() - renewedMs).toBeLessThan(10_000);
  const { failed, failures, byLabel } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
  expect(Object.keys(byLabel).toSorted()).toEqual([serialOf("one"), serialOf("one-renewed")].toSorted());
});

test("between services the names in both certificates decide, and the backend and the log are told of them", async () => {
  const inPort = await freePort();
  await using logs = await tempDir();
  const certs = join(examplesDir, "service-to-service-mtls/certs");
  const [shop, payments] = ["spiffe://fleet.example/shop", "spiffe://fleet.example/payments"];
  const pair = (name: string) =>
    `{ certificate: { file: ${certs}/${name}.pem }, privateKey: { file: ${certs}/${name}.key } }`;
  const service = (name: string, wants: string, shows: string) =>
    `  ${name}: { endpoints: ["127.0.0.1:${inPort}"], tls: { ca: mesh-ca, sni: payments.internal, subjectAltNames: ["${wants}"]${shows} } }`;
  const path = (name: string) => `{ matches: [{ path: /${name} }], backends: [{ service: ${name} }] }`;
  await using scene = await startScene({
    backends: 1,
    config: ({ port, backends }) => `gateways:
  out: { listeners: [{ name: out, port: ${port}, address: 127.0.0.1 }] }
  in:
    listeners:
      - { name: in, port: ${inPort}, address: 127.0.0.1, protocol: HTTPS, tls: { secret: payments, clientCa: mesh-ca, clientSubjectAltNames: ["${shop}", 127.0.0.9] } }
    headers: { xForwardedClientCert: { mode: SanitizeSet, certDetailsToAdd: [URI] } }
    accessLogs: [{ file: ${logs.path}/in.log }]
services:
  here: { endpoints: ["${backends[0]}"] }
${service("right", payments, ", clientCertificate: shop")}
${service("stranger", payments, ", clientCertificate: payments")}
${service("nobody", payments, "")}
${service("impostor", shop, ", clientCertificate: shop")}
routes:
  out: { gateways: [out], rules: [${["right", "stranger", "nobody", "impostor", "here"].map(path).join(", ")}] }
  in: { gateways: [in], rules: [{ backends: [{ service: here }] }] }
secrets: { shop: ${pair("shop")}, payments: ${pair("payments")}, mesh-ca: { ca: { file: ${certs}/mesh-ca.pem } } }
`,
  });
  await scene.envoy.ready();
  const status = async (name: string) => (await get(scene.port, `/${name}`)).status;
  expect(await status("right")).toBe(200);
  for (const name of ["stranger", "nobody", "impostor"]) expect(await status(name), name).toBe(503);
  const inside = (what: string) => scene.envoy.counter(`listener.127.0.0.1_${inPort}.ssl.${what}`);
  expect(await inside("fail_verify_san")).toBeGreaterThan(0);
  expect(await inside("fail_verify_no_cert")).toBeGreaterThan(0);
  expect(await scene.envoy.counter("cluster.impostor.ssl.fail_verify_san")).toBeGreaterThan(0);
  expect(scene.backends[0]?.requests).toBe(1);

  // What a client writes of itself is believed nowhere.
  const told = async (name: string) => {
    const headers = { "x-forwarded-client-cert": 'URI="spiffe://fleet.example/boss"' };
    const { text } = await get(scene.port, `/${name}`, { headers });
    return (JSON.parse(text) as { readonly headers: Readonly<Record<string, string>> }).headers[
      "x-forwarded-client-cert"
    ];
  };
  expect(await told("here")).toBeUndefined();
  expect(await told("right")).toMatch(
    /^By=spiffe:\/\/fleet\.example\/payments;Hash=[0-9a-f]{64};URI=spiffe:\/\/fleet\.example\/shop$/,
  );
  const line = await waitUntil(
    async () => (await readFile(logs.join("in.log"), "utf8").catch(() => "")).split("\n").find((each) => each !== ""),
    { what: "the request in the log", timeoutMs: 60_000 },
  );
  expect(JSON.parse(line)).toMatchObject({ clientIdentity: shop, status: 200 });
});

/** A service that takes only clients with a certificate, and answers each with the serial number of his. */
async function startAskingServer(): Promise<AsyncDisposable & { readonly address: string }> {
  const pair = { cert: pem("two.pem"), key: pem("two.key"), ca: pem("ca.pem") };
  const server = createServer({ ...pair, requestCert: true, rejectUnauthorized: true }, (request, response) => {
    const { serialNumber } = (request.socket as TLSSocket).getPeerCertificate();
    response.writeHead(200, { "x-backend": serialNumber }).end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
