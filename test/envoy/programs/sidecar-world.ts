/**
 * All other machines that an application with a sidecar knows, in one network namespace: servers that say which address
 * they were asked at, on port 9000 one that asks the application, and a second sidecar in front of what takes port 8443.
 * Ends with its parent's pipe.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer as createHttpServer, get } from "node:http";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { createServer as createTlsServer } from "node:tls";
import { Envoy } from "../../../demo/kit/envoy.ts";
import { Fairway } from "../../../demo/kit/fairway.ts";
import { pem } from "../../support/certificates.ts";
import { tempDir } from "../../support/temp-dir.ts";

const example = join(import.meta.dirname, "../../../examples/sidecar");
const addressOf = ({ localAddress, localPort }: Socket) => `${localAddress}:${localPort}`;

/** Says over TLS where it was asked, and by which name. */
const tlsServer = () =>
  createTlsServer({ cert: pem("one.pem"), key: pem("one.key") }, (socket) => {
    socket.on("error", () => undefined);
    socket.end(JSON.stringify({ at: addressOf(socket), name: socket.servername }));
  });

const servers = [
  ...[80, 8000].map((port) =>
    createHttpServer(({ socket, headers }, response) => {
      response.end(JSON.stringify({ at: addressOf(socket), host: headers.host }));
    }).listen(port, "0.0.0.0"),
  ),
  ...[5432, 5433, 7000].map((port) => createServer((socket) => socket.end(addressOf(socket))).listen(port, "0.0.0.0")),
  tlsServer().listen(443, "0.0.0.0"),
  // Only who is led there by the sidecar gets to it.
  tlsServer().listen(8443, "127.0.0.1"),
  createHttpServer((_, response) => {
    get({ host: "192.0.2.2", port: 8080, agent: false }, (answer) => {
      void json(answer).then((body) => response.end(JSON.stringify({ server: answer.headers["server"], body })));
    }).on("error", (cause) => response.end(JSON.stringify({ failed: cause.message })));
  }).listen(9000, "0.0.0.0"),
];
await Promise.all(servers.map((server) => once(server, "listening")));

// The sidecar of the other side: nothing that root opens is led anywhere, only what comes from elsewhere.
await using directory = await tempDir();
await using fairway = await Fairway.start({ configDir: example, stateDir: directory.join("state") });
await using envoy = await Envoy.start({ xdsPort: fairway.xdsPort, nodeId: "payments-1" });
await envoy.ready();
const env = { ...process.env, ENVOY_USER: "0", APP_PORTS: "8080", APP_TLS_PORTS: "8443" };
execFileSync("sh", [join(example, "redirect.sh"), "on"], { env });
process.stdout.write("ready\n");
await once(process.stdin.resume(), "end");
for (const server of servers) server.close();
