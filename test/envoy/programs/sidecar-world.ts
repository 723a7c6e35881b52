/**
 * All other machines that an application with a sidecar knows, in one network namespace: servers that say which address
 * they were asked at, and on port 9000 one that asks the application. Ends with its parent's pipe.
 */
import { once } from "node:events";
import { createServer as createHttpServer, get } from "node:http";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { json } from "node:stream/consumers";

const addressOf = ({ localAddress, localPort }: Socket) => `${localAddress}:${localPort}`;

const servers = [
  ...[80, 8000].map((port) =>
    createHttpServer(({ socket, headers }, response) => {
      response.end(JSON.stringify({ at: addressOf(socket), host: headers.host }));
    }).listen(port, "0.0.0.0"),
  ),
  ...[5432, 5433, 7000].map((port) => createServer((socket) => socket.end(addressOf(socket))).listen(port, "0.0.0.0")),
  createHttpServer((_, response) => {
    get({ host: "192.0.2.2", port: 8080, agent: false }, (answer) => {
      void json(answer).then((body) => response.end(JSON.stringify({ server: answer.headers["server"], body })));
    }).on("error", (cause) => response.end(JSON.stringify({ failed: cause.message })));
  }).listen(9000, "0.0.0.0"),
];
await Promise.all(servers.map((server) => once(server, "listening")));
process.stdout.write("ready\n");
process.stdin.resume().once("end", () => process.exit());
