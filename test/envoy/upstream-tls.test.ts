/**
 * TLS to the endpoints with a real Envoy: only the right certificate is trusted, and Envoy shows its own.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { expect, test } from "vitest";
import { ask } from "../../demo/kit/get.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { certificatesDir, pem } from "../support/certificates.ts";
import { startScene } from "./scene.ts";

/** Says which name it was asked for and whose certificate it was shown. */
async function startTlsBackend(): Promise<{ readonly port: number; closeConnections(): void } & AsyncDisposable> {
  const [cert, key, ca] = [pem("one.pem"), pem("one.key"), pem("ca.pem")];
  const server: Server = createServer(
    { cert, key, ca, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const socket = request.socket as TLSSocket;
      response.end(`${String(socket.servername)} ${String(socket.getPeerCertificate().subject?.CN ?? "nobody")}`);
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    closeConnections: () => server.closeAllConnections(),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What each service says in `tls`, and what a request for one.test is answered through it. */
const cases: Readonly<Record<string, readonly [tls: string, answer: RegExp]>> = {
  name: ["{ ca: ca, sni: one.test }", /^200 one.test nobody/],
  shown: ["{ ca: ca, sni: one.test, clientCertificate: two }", /^200 one.test Fairway test two.test/],
  host: ["{ ca: ca }", /^200 one.test nobody/],
  alternative: ["{ ca: ca, sni: any.test, subjectAltNames: [zero.test, one.test] }", /^200 any.test nobody/],
  unverified: ["{ verify: none, sni: two.test }", /^200 two.test nobody/],
  stranger: ["{ ca: other-ca, sni: one.test }", /^503 /],
  impostor: ["{ ca: ca, sni: two.test }", /^503 /],
};

test("a request reaches an endpoint whose certificate is right, and no other", async () => {
  await using backend = await startTlsBackend();
  const services = Object.entries(cases).map(
    ([name, [tls]]) => `  ${name}: { endpoints: ["127.0.0.1:${backend.port}"], tls: ${tls} }\n`,
  );
  const rules = Object.keys(cases).map((name) => `{ matches: [{ path: /${name} }], backends: [{ service: ${name} }] }`);
  await using scene = await startScene({
    backends: 0,
    prepare: (configDir) =>
      mkdir(join(configDir, "certs")).then(() => writeFile(join(configDir, "certs/ca"), pem("ca.pem"))),
    config: ({ port }) => `gateways: { public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] } }
services:
${services.join("")}routes: { all: { rules: [${rules.join(", ")}] } }
secrets:
  ca: { ca: { file: certs/ca } }
  other-ca: { ca: { file: ${certificatesDir}/other-ca.pem } }
  two: { certificate: { file: ${certificatesDir}/two.pem }, privateKey: { file: ${certificatesDir}/two.key } }
`,
  });
  await scene.envoy.ready();
  const answer = async (path: string, host = "one.test") => {
    const { status, text } = await ask(scene.port, path, { headers: { host } });
    return `${status} ${text}`;
  };
  for (const [name, [, expected]] of Object.entries(cases)) expect(await answer(`/${name}`), name).toMatch(expected);
  expect(await answer("/host", "two.test")).toMatch(/^503 /);
  const failures = async (cluster: string, why: string) =>
    scene.envoy.counter(`cluster.${cluster}.ssl.fail_verify_${why}`);
  expect(await failures("stranger", "error")).toBeGreaterThan(0);
  for (const cluster of ["impostor", "host"]) expect(await failures(cluster, "san"), cluster).toBeGreaterThan(0);

  // Another authority, while the cluster stays as it is: new connections are held to it.
  const before = await scene.served();
  await writeFile(join(scene.configDir, "certs/ca"), pem("other-ca.pem"));
  await scene.converged(before);
  backend.closeConnections();
  await waitUntil(async () => (await answer("/name")).startsWith("503"), { what: "the other authority" });
  expect(await failures("name", "error")).toBeGreaterThan(0);
  expect(await scene.envoy.counter("cluster_manager.cluster_modified")).toBe(0);
});
