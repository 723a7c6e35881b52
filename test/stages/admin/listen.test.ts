/**
 * The admin server on a real socket.
 */
import { request } from "node:http";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { createAdminServer } from "../../../src/admin/admin-server.ts";
import { eventually } from "../../support/eventually.ts";
import { viewsOf } from "./example-views.ts";

function serverOn(port: number) {
  return createAdminServer({
    listen: { host: "127.0.0.1", port },
    version: "0.1.0",
    views: viewsOf(),
    onError: () => undefined,
  });
}

test("answers on the address that it tells, and refuses another name there", async () => {
  const server = serverOn(0);
  const { host, port } = await server.listen();
  const answer = await fetch(`http://${host}:${port}/v1/nodes?limit=1`);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ nodes: [{ id: "bad" }], next: "bad" });
  expect(await statusFor(port, "rebound.example")).toBe(403);
  expect(await statusFor(port, `localhost:${port}`)).toBe(200);
  await server.close();
});

test("says so when the port is taken", async () => {
  const first = serverOn(0);
  const { port } = await first.listen();
  await expect(serverOn(port).listen()).rejects.toMatchObject({ code: "PORT_IN_USE" });
  await first.close();
});

test("closes although clients hold connections open", async () => {
  const server = serverOn(0);
  const { port } = await server.listen();
  const idle = connect(port, "127.0.0.1");
  let ended = false;
  idle.on("close", () => (ended = true));
  idle.on("error", () => undefined);
  await eventually("the server to have the connection", () => server.app.server.listening && !idle.connecting);
  idle.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await eventually("an answer", () => idle.bytesRead > 0);
  await server.close();
  idle.resume();
  await eventually("the connection to be ended", () => ended);
});

test("closes although a request never ends", async () => {
  const server = serverOn(0);
  const { port } = await server.listen();
  let begun = false;
  server.app.server.on("request", () => (begun = true));
  const slow = connect(port, "127.0.0.1");
  slow.on("error", () => undefined);
  slow.write("POST /v1/snapshots/x/confirm HTTP/1.1\r\nHost: localhost\r\n");
  slow.write("Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
  await eventually("the request to begin", () => begun);
  await server.close();
  await eventually("the connection to be ended", () => slow.destroyed || slow.readableEnded || slow.closed);
});

function statusFor(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: "127.0.0.1", path: "/healthz", headers: { host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    sent.on("error", reject);
    sent.end();
  });
}
