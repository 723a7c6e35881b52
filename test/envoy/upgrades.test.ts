/**
 * Connections that change their protocol on the way through a real Envoy: WebSockets, and tunnels by CONNECT.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { expect, test } from "vitest";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { startEcho } from "./l4-servers.ts";
import { startPatientBackends } from "./open-connections.ts";
import { startScene } from "./scene.ts";

test("WebSockets and tunnels go where a rule allows them, and stay when routes change", async () => {
  await using patient = await startPatientBackends();
  await using database = await startEcho("database");
  await using proxy = await startProxy();
  const config = ({ port }: { readonly port: number }, retry = "") => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], policies: [sockets] }
policies:
  sockets: { upgrades: [websocket] }
services:
  chat: { endpoints: ["127.0.0.1:${patient.http}"] }
  database: { endpoints: ["${database.address}"] }
  proxy: { endpoints: ["${proxy.address}"] }
routes:
  shop:
    rules:
      - { matches: [{ path: /closed }], upgrades: [], backends: [{ service: chat }] }
      - { matches: [{ path: /short }], timeouts: { idle: 300ms }, backends: [{ service: chat }] }
      - { ${retry} backends: [{ service: chat }] }
  tunnel:
    hostnames: [db.test]
    rules:
      - { connect: terminate, matches: [{ headers: { x-team: data } }], backends: [{ service: database }] }
  onward: { hostnames: [far.test], rules: [{ connect: forward, backends: [{ service: proxy }] }] }
`;
  await using scene = await startScene({ backends: 0, config });
  const { port } = scene;
  using chat = await send(port, upgrade("/chat", "websocket"));
  expect(chat.head).toMatch(/^HTTP\/1\.1 101 /);
  await chat.echo("hello");
  for (const refused of [upgrade("/closed", "websocket"), upgrade("/chat", "other")]) {
    using answer = await send(port, refused);
    expect(answer.head, refused).toMatch(/^HTTP\/1\.1 403 /);
  }
  using short = await send(port, upgrade("/short", "websocket"));
  await waitUntil(() => short.socket.closed, { what: "the idle WebSocket to be closed" });

  using tunnel = await send(port, tunnelTo("db.test:5432", "x-team: data\r\n"));
  expect(tunnel.head).toMatch(/^HTTP\/1\.1 200 /);
  await tunnel.echo("select");
  expect(tunnel.seen(), "the endpoint speaks first").toContain("database");
  for (const refused of [tunnelTo("db.test:5432", ""), tunnelTo("other.test:5432", "x-team: data\r\n")]) {
    using answer = await send(port, refused);
    expect(answer.head, refused).toMatch(/^HTTP\/1\.1 404 /);
  }

  using onward = await send(port, tunnelTo("far.test:5432", ""));
  expect(onward.head).toMatch(/^HTTP\/1\.1 200 /);
  await onward.echo("through both");
  expect(proxy.asked).toEqual(["far.test:5432"]);

  const before = await scene.served();
  await scene.save(config({ port }, "retry: { attempts: 1, on: [reset] },"));
  await scene.converged(before);
  await chat.echo("still here");
  await tunnel.echo("and here");
  await onward.echo("and there");
  expect(await scene.envoy.counter("listener_manager.listener_in_place_updated")).toBe(0);
});

/** A proxy behind Envoy that takes CONNECT, and gives back what comes through the tunnel. */
async function startProxy(): Promise<
  AsyncDisposable & { readonly address: string; readonly asked: readonly string[] }
> {
  const asked: string[] = [];
  const server = createServer();
  server.on("connect", ({ url = "" }, socket) => {
    asked.push(url);
    socket.on("error", () => undefined);
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    socket.pipe(socket);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { address, asked, [Symbol.asyncDispose]: async () => void server.close() };
}

function upgrade(path: string, type: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: shop.test\r\nconnection: upgrade\r\nupgrade: ${type}\r\n\r\n`;
}

function tunnelTo(authority: string, headers: string): string {
  return `CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${headers}\r\n`;
}

/** A connection on which a request was sent and the head of its answer has come. */
interface Sent extends Disposable {
  readonly socket: Socket;
  readonly head: string;
  /** Everything that came. */
  seen(): string;
  echo(word: string): Promise<void>;
}

async function send(port: number, request: string): Promise<Sent> {
  const socket = connect(port, "127.0.0.1");
  let seen = "";
  socket.on("error", () => undefined);
  socket.setEncoding("utf8").on("data", (data: string) => (seen += data));
  socket.write(request);
  await waitUntil(() => seen.includes("\r\n\r\n"), { what: `an answer to ${request}` });
  return {
    socket,
    head: seen,
    seen: () => seen,
    async echo(word) {
      socket.write(word);
      await waitUntil(() => seen.endsWith(word), { what: `${word} to come back` });
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}
