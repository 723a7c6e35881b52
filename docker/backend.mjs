/**
 * A small HTTP backend for docker-compose.yml: it answers every request with who it is.
 *
 *     node docker/backend.mjs <label> [port]
 *
 * The label is in the body and in the header `x-backend`, so that a client behind Envoy can tell who answered.
 */
import { createServer } from "node:http";

const [label = "", port = "8080"] = process.argv.slice(2);
if (label === "" || !/^\d{1,5}$/.test(port)) {
  process.stderr.write("usage: node docker/backend.mjs <label> [port]\n");
  process.exit(2);
}

const server = createServer((request, response) => {
  request.resume();
  response.writeHead(200, { "content-type": "text/plain; charset=utf-8", "x-backend": label });
  response.end(`${label} answers ${request.method} ${request.url}\n`);
});
// Envoy keeps idle connections for an hour; a server that closes them first makes a request fail now and then.
server.keepAliveTimeout = 0;
server.listen(Number(port), "0.0.0.0", () => process.stderr.write(`${label} listens on port ${port}\n`));

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    server.close();
    server.closeAllConnections();
  });
}
