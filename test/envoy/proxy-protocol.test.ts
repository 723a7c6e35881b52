/**
 * The PROXY protocol on both sides, and endpoints behind Unix domain sockets.
 */
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import { expect, test } from "vitest";
import { freePort } from "../../demo/kit/ports.ts";
import { tempDir } from "../support/temp-dir.ts";
import { ask } from "./ask.ts";
import { startScene } from "./scene.ts";

test("an Envoy that is told by the PROXY protocol who the client is believes it, and asks an application at its socket", async () => {
  await using directory = await tempDir();
  const path = directory.join("app.sock");
  await using application = await listenAt(path);
  const inner = await freePort();
  const lenient = await freePort();
  await using scene = await startScene({
    backends: 0,
    config: ({ port }) => `
gateways:
  outer: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
  inner: { listeners: [{ name: http, port: ${inner}, address: 127.0.0.1, proxyProtocol: {} }] }
  lenient: { listeners: [{ name: http, port: ${lenient}, address: 127.0.0.1, proxyProtocol: { optional: true } }] }
services:
  next: { endpoints: ["127.0.0.1:${inner}"], connection: { proxyProtocol: V2 } }
  app: { endpoints: ["unix:${path}"] }
routes:
  outer: { gateways: [outer], rules: [{ backends: [{ service: next }] }] }
  inner: { gateways: [inner, lenient], rules: [{ backends: [{ service: app }] }] }
`,
  });
  // The second Envoy listener appends what it takes for the client's address.
  expect(await forwardedFor(scene.port, "127.0.0.9")).toBe("127.0.0.9,127.0.0.9");
  expect(await forwardedFor(lenient, "127.0.0.8"), "without the protocol the connection counts").toBe("127.0.0.8");
  await expect(ask(`http://127.0.0.1:${inner}/`), "no client may leave it out").rejects.toThrow(/hang up|ECONNRESET/);
  expect(application.requests()).toBe(2);
});

/** What the application reads of who the client is. */
async function forwardedFor(port: number, localAddress: string): Promise<unknown> {
  const client = request({ host: "127.0.0.1", port, localAddress, agent: false }).end();
  const [response] = (await once(client, "response")) as [IncomingMessage];
  return json(response);
}

/** An application that answers with `x-forwarded-for`, on a socket. */
async function listenAt(path: string): Promise<{ requests(): number } & AsyncDisposable> {
  let requests = 0;
  const server = createServer(({ headers }, response) => {
    requests += 1;
    response.end(JSON.stringify(headers["x-forwarded-for"]));
  });
  server.listen(path);
  await once(server, "listening");
  return {
    requests: () => requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
