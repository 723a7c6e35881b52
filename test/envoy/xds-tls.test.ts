/**
 * Real Envoys of both variants, the newest and the oldest that is tried, connect by mutual TLS, from the bootstrap that Fairway prints.
 */
import { copyFile, mkdir, rename, writeFile } from "node:fs/promises";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { connect } from "node:tls";
import { expect, test } from "vitest";
import { Envoy } from "../../demo/kit/envoy.ts";
import { Fairway } from "../../demo/kit/fairway.ts";
import { ask } from "../../demo/kit/get.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { certificatesDir, pem } from "../support/certificates.ts";
import { tempDir } from "../support/temp-dir.ts";
import { kinds } from "./four-envoys.ts";

const file = (name: string) => join(certificatesDir, name);

/** The serial number of the certificate that the port shows. */
async function shownSerial(port: number): Promise<string> {
  const own = { ca: pem("ca.pem"), cert: pem("two.pem"), key: pem("two.key") };
  const socket = connect({ port, host: "127.0.0.1", servername: "one.test", ALPNProtocols: ["h2"], ...own });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
  });
}

test("an Envoy with its own certificate is served, one with a borrowed name is refused, and renewals need no restart", async () => {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await tempDir());
  await mkdir(directory.join("config"));
  await writeFile(directory.join("config", "main.yaml"), `services: { shop: { endpoints: ["127.0.0.1:1"] } }`);
  await copyFile(file("one.pem"), directory.join("xds.pem"));
  await copyFile(file("one.key"), directory.join("xds.key"));
  const fairway = stack.use(
    await Fairway.start({
      configDir: directory.join("config"),
      stateDir: directory.join("state"),
      env: { FAIRWAY_XDS_KEY: directory.join("xds.key") },
      args: ["--xds-cert", directory.join("xds.pem"), "--xds-client-ca", file("ca.pem"), "--xds-verify-node"],
    }),
  );
  const own = { certFile: file("two.pem"), keyFile: file("two.key") };
  const tls = { caFile: file("ca.pem"), name: "one.test", own };
  const { xdsPort } = fairway;
  // One shows its own name, the others that of their cluster.
  const honest = await Promise.all(
    kinds.map(async ({ name, api, version }) => {
      const node = name === "delta-140" ? { nodeId: "two.test" } : { nodeId: name, cluster: "two.test" };
      return stack.use(await Envoy.start({ xdsPort, api, version, tls, ...node }));
    }),
  );
  for (const envoy of honest) await envoy.ready();
  const liars = await Promise.all(
    kinds.map(async ({ name, api, version }) =>
      stack.use(await Envoy.start({ xdsPort, api, version, tls, nodeId: `edge-${name}` })),
    ),
  );
  for (const liar of liars) {
    await waitUntil(async () => liar.logs().some((line) => line.includes(`neither node.id "${liar.nodeId}"`)), {
      what: "the refusal in Envoy's log",
      timeoutMs: 20_000,
    });
  }

  await copyFile(file("one-renewed.key"), directory.join("next.key"));
  await copyFile(file("one-renewed.pem"), directory.join("next.pem"));
  await rename(directory.join("next.key"), directory.join("xds.key"));
  await rename(directory.join("next.pem"), directory.join("xds.pem"));
  const renewed = new X509Certificate(pem("one-renewed.pem")).serialNumber;
  await waitUntil(async () => (await shownSerial(xdsPort)) === renewed, {
    what: "the renewed certificate",
    timeoutMs: 20_000,
  });
  for (const envoy of honest) expect(await envoy.counter("control_plane.connected_state")).toBe(1);
  for (const liar of liars) expect((await ask(liar.adminPort, "/ready")).status).toBe(503);
});
