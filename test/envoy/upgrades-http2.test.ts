/**
 * WebSockets and tunnels over HTTP/2: streams of one connection that change their protocol on the way through a real
 * Envoy, beside requests.
 */
import { once } from "node:events";
import { connect, createServer } from "node:http2";
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { connect as connectTcp } from "node:net";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { freePort } from "../../demo/kit/ports.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { startEcho } from "./l4-servers.ts";
import { startPatientBackends } from "./open-connections.ts";
import { startScene } from "./scene.ts";

test.each(["1.40", "1.36"] as const)(
  "WebSockets come over HTTP/2 where the listener says so and a rule allows them, and tunnels on every listener, with Envoy %s",
  async (version) => {
    await using patient = await startPatientBackends();
    await using database = await startEcho("database");
    await using modern = await startHttp2({ enableConnectProtocol: true });
    await using plain = await startHttp2({});
    const closedPort = await freePort();
    const config = ({ port }: { readonly port: number }) => `
gateways:
  public:
    listeners:
      - { name: open, port: ${port}, address: 127.0.0.1, http2: { extendedConnect: true } }
      - { name: closed, port: ${closedPort}, address: 127.0.0.1 }
services:
  chat: { endpoints: ["127.0.0.1:${patient.http}"] }
  modern: { protocol: http2, endpoints: ["${modern.address}"] }
  plain: { protocol: http2, endpoints: ["${plain.address}"] }
  database: { endpoints: ["${database.address}"] }
routes:
  shop:
    rules:
      - { matches: [{ path: /closed }], backends: [{ service: chat }] }
      - { matches: [{ path: /modern }], upgrades: [websocket], backends: [{ service: modern }] }
      - { matches: [{ path: /plain }], upgrades: [websocket], backends: [{ service: plain }] }
      - { upgrades: [websocket], backends: [{ service: chat }] }
  tunnel:
    hostnames: [db.test]
    rules:
      - { connect: terminate, matches: [{ headers: { x-team: data } }], backends: [{ service: database }] }
  onward: { hostnames: [far.test], rules: [{ connect: forward, backends: [{ service: modern }] }] }
`;
    await using scene = await startScene({ backends: 0, config, envoy: { version } });
    using open = await openSession(scene.port);
    expect(open.session.remoteSettings.enableConnectProtocol).toBe(true);

    const chat = await open.send(webSocket("/chat"));
    expect(chat.status).toBe(200);
    await chat.echo("hello");
    const far = await open.send(webSocket("/modern"));
    await far.echo("hello");
    expect(modern.asked).toMatchObject([{ ":method": "CONNECT", ":protocol": "websocket", ":path": "/modern" }]);
    const unknown = await open.send(webSocket("/plain"));
    expect(unknown.status, "the endpoint knows nothing of it").toBe(version === "1.40" ? 502 : 503);

    // A tunnel, and a request, on the same connection.
    const tunnel = await open.send(tunnelTo("db.test:5432", { "x-team": "data" }));
    await tunnel.echo("select");
    expect(tunnel.seen(), "the endpoint speaks first").toContain("database");
    const onward = await open.send(tunnelTo("far.test:5432"));
    await onward.echo("through both");
    expect(modern.asked.at(-1)).toMatchObject({ ":method": "CONNECT", ":authority": "far.test:5432" });
    expect((await open.send({ ":path": "/closed", ":authority": "shop.test" })).status).toBe(200);
    await chat.echo("still here");

    // HTTP/1.1 in, HTTP/2 out.
    expect(await headOfHttp1(scene.port, "/modern")).toMatch(/^HTTP\/1\.1 101 /);

    for (const refused of [webSocket("/closed"), { ...webSocket("/chat"), ":protocol": "other" }]) {
      using session = await openSession(scene.port);
      expect((await session.send(refused)).status).toBe(403);
    }
    for (const [refused, status] of [
      [tunnelTo("db.test:5432"), 404],
      [tunnelTo("other.test:5432"), 404],
    ] as const) {
      using session = await openSession(scene.port);
      expect((await session.send(refused)).status).toBe(status);
    }

    using closed = await openSession(closedPort);
    expect(closed.session.remoteSettings.enableConnectProtocol).toBe(false);
    const elsewhere = await closed.send(tunnelTo("db.test:5432", { "x-team": "data" }));
    await elsewhere.echo("select");
    expect((await closed.send(webSocket("/chat"))).status, "it is reset").toBe("reset");
  },
);

/** A server of HTTP/2 that takes every stream and gives back what comes. */
async function startHttp2(settings: {
  readonly enableConnectProtocol?: boolean;
}): Promise<AsyncDisposable & { readonly address: string; readonly asked: readonly IncomingHttpHeaders[] }> {
  const asked: IncomingHttpHeaders[] = [];
  const server = createServer({ settings });
  server.on("stream", (stream, headers) => {
    asked.push(headers);
    stream.on("error", () => undefined);
    stream.respond({ ":status": 200 });
    stream.pipe(stream);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { address, asked, [Symbol.asyncDispose]: async () => void server.close() };
}

function webSocket(path: string): OutgoingHttpHeaders {
  const pseudo = { ":method": "CONNECT", ":protocol": "websocket", ":path": path, ":scheme": "http" };
  return { ...pseudo, ":authority": "shop.test", "sec-websocket-version": "13" };
}

function tunnelTo(authority: string, headers: OutgoingHttpHeaders = {}): OutgoingHttpHeaders {
  return { ":method": "CONNECT", ":authority": authority, ...headers };
}

/** A stream whose answer has begun. */
interface Sent {
  readonly status: number | "reset";
  /** Everything that came. */
  seen(): string;
  echo(word: string): Promise<void>;
}

/** A connection that knows what the other side allows. */
async function openSession(port: number) {
  const session: ClientHttp2Session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => undefined);
  await once(session, "remoteSettings");
  return {
    session,
    send: (headers: OutgoingHttpHeaders) => send(session.request(headers, { endStream: false })),
    [Symbol.dispose]: () => session.destroy(),
  };
}

async function send(stream: ClientHttp2Stream): Promise<Sent> {
  let seen = "";
  stream.on("error", () => undefined);
  stream.setEncoding("utf8").on("data", (data: string) => (seen += data));
  const status = await new Promise<Sent["status"]>((resolve) => {
    stream.once("response", (headers) => resolve(Number(headers[":status"])));
    stream.once("close", () => resolve("reset"));
  });
  return {
    status,
    seen: () => seen,
    async echo(word) {
      stream.write(word);
      await waitUntil(() => seen.endsWith(word), { what: `${word} to come back` });
    },
  };
}

/** What is answered to a WebSocket over HTTP/1.1. */
async function headOfHttp1(port: number, path: string): Promise<string> {
  const socket = connectTcp(port, "127.0.0.1");
  try {
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: shop.test\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\r\n`,
    );
    const [head] = (await once(socket, "data")) as [Buffer];
    return head.toString("latin1");
  } finally {
    socket.destroy();
  }
}
