/**
 * Connections that stay open, and what becomes of them: HTTP/1.1, HTTP/2, and bytes that are echoed.
 *
 * Each is one connection that is never replaced, and notes when it was told to close and when it was closed.
 */
import { createServer as createHttpServer } from "node:http";
import { connect as connectHttp2, constants } from "node:http2";
import type { ClientHttp2Session } from "node:http2";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { waitUntil } from "../../demo/kit/wait-until.ts";

/** Where to connect; with `servername` over TLS, believing any certificate. */
export interface Target {
  readonly port: number;
  readonly servername?: string;
}

/** One connection over which requests can be sent. */
export interface Connection {
  /** The status, or the reason why there was none. */
  ask(path: string): Promise<number | string>;
  /** When it was told to end: `connection: close`, or the first GOAWAY. */
  toldAtMs(): number | undefined;
  closedAtMs(): number | undefined;
  close(): void;
}

/** HTTP/1.1, one request at a time. */
export async function openHttp1({ port, servername }: Target): Promise<Connection> {
  const socket = await openSocket({ port, ...(servername === undefined ? {} : { servername }) });
  let toldAtMs: number | undefined;
  let closedAtMs: number | undefined;
  let answer: ((status: number | string) => void) | undefined;
  socket.on("data", (bytes) => {
    const text = bytes.toString("latin1");
    const status = /^HTTP\/1\.1 (\d+)/.exec(text)?.[1];
    if (/\r\nconnection: close\r\n/i.test(text)) toldAtMs ??= performance.now();
    if (status !== undefined) answer?.(Number(status));
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    closedAtMs = performance.now();
    answer?.("the connection was closed");
  });
  return {
    ask: (path) =>
      new Promise((resolve) => {
        answer = resolve;
        if (closedAtMs !== undefined) resolve("the connection was closed");
        else socket.write(`GET ${path} HTTP/1.1\r\nhost: ${servername ?? "any.test"}\r\n\r\n`);
      }),
    toldAtMs: () => toldAtMs,
    closedAtMs: () => closedAtMs,
    close: () => socket.destroy(),
  };
}

/** HTTP/2, any number of requests at a time. */
export async function openHttp2({ port, servername }: Target): Promise<Connection> {
  const host = `//127.0.0.1:${port}`;
  const session: ClientHttp2Session =
    servername === undefined
      ? connectHttp2(`http:${host}`)
      : connectHttp2(`https:${host}`, { servername, rejectUnauthorized: false });
  let toldAtMs: number | undefined;
  let closedAtMs: number | undefined;
  session.on("goaway", () => (toldAtMs ??= performance.now()));
  session.on("error", () => undefined);
  session.on("close", () => (closedAtMs = performance.now()));
  await waitUntil(() => !session.connecting, { what: "an HTTP/2 connection" });
  return {
    ask: (path) =>
      new Promise((resolve) => {
        if (session.closed || session.destroyed) return resolve("the connection was closed");
        const request = session.request({ ":path": path, ":authority": servername ?? "any.test" });
        let status: number | string = "no answer";
        request.on("response", (headers) => (status = headers[":status"] ?? status));
        request.on("error", (error) => (status = error.message));
        request.on("close", () => resolve(request.rstCode === 0 ? status : `reset with ${request.rstCode}`));
        request.resume();
        return request.end();
      }),
    toldAtMs: () => toldAtMs,
    closedAtMs: () => closedAtMs,
    close: () => session.destroy(),
  };
}

/** Asks on one HTTP/2 connection after the other: told to end, it takes a new one and lets the old one end. */
export class BusyClient implements AsyncDisposable {
  readonly #answers: (number | string)[] = [];
  readonly #asking: Promise<void>;
  /** Requests that came too late for a connection and were not sent: a client sends them on the next one (RFC 9113, 8.7). */
  #refused = 0;
  #connections = 0;
  #over = false;

  constructor(target: Target) {
    this.#asking = this.#ask(target);
  }

  async stop() {
    this.#over = true;
    await this.#asking;
    const lost = this.#answers.filter((answer) => answer !== 200);
    return { connections: this.#connections, sent: this.#answers.length, lost };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #ask(target: Target): Promise<void> {
    const opened: Connection[] = [];
    const pending: Promise<void>[] = [];
    const take = (answer: number | string): void => {
      if (answer === `reset with ${constants.NGHTTP2_REFUSED_STREAM}`) this.#refused += 1;
      else this.#answers.push(answer);
    };
    while (!this.#over || this.#refused > 0) {
      const connection = await openHttp2(target);
      opened.push(connection);
      this.#connections += 1;
      for (; this.#refused > 0; this.#refused -= 1) pending.push(connection.ask("/0").then(take));
      while (!this.#over && connection.toldAtMs() === undefined && connection.closedAtMs() === undefined) {
        // One that takes a while, so that there is one under way whenever the connection is told to end.
        pending.push(connection.ask("/60").then(take));
        take(await connection.ask("/20"));
      }
    }
    await Promise.all(pending);
    for (const connection of opened) connection.close();
  }
}

/** Bytes that come back, over TCP as it is or in a WebSocket, with or without TLS. */
export async function openEcho({ upgrade, ...target }: Target & { readonly upgrade: boolean }) {
  const socket = await openSocket(target);
  let bytes = 0;
  let closedAtMs: number | undefined;
  socket.on("error", () => undefined);
  socket.on("close", () => (closedAtMs = performance.now()));
  if (upgrade) {
    socket.write(
      `GET / HTTP/1.1\r\nhost: ${target.servername ?? "any.test"}\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
        "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    const head = await new Promise<string>((resolve) => socket.once("data", (data) => resolve(data.toString())));
    if (!head.startsWith("HTTP/1.1 101")) throw new Error(head);
  }
  socket.on("data", (data) => (bytes += data.length));
  return {
    /** Sends one byte and waits for it. */
    async echo(): Promise<void> {
      const before = bytes;
      socket.write("x");
      await waitUntil(() => bytes > before, { what: "the echo" });
    },
    closedAtMs: () => closedAtMs,
    close: () => socket.destroy(),
  };
}

/** Where the two listen. */
export interface PatientBackends extends AsyncDisposable {
  readonly http: number;
  readonly echo: number;
  /** Answers the requests for `/held/<word>`, those too that are still to come. */
  release(word: string): void;
}

/** A backend that answers `/held/<word>` when the word is released, other paths after `/<milliseconds>`, and echoes what comes in WebSockets, and one that only echoes. */
export async function startPatientBackends(): Promise<PatientBackends> {
  const sockets = new Set<Socket>();
  const words = new Map<string, PromiseWithResolvers<void>>();
  const wordOf = (word: string): PromiseWithResolvers<void> => {
    const known = words.get(word) ?? Promise.withResolvers<void>();
    words.set(word, known);
    return known;
  };
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  };
  const http = createHttpServer((request, response) => {
    const { url: path = "" } = request;
    const [, word] = /^\/held\/(.*)/.exec(path) ?? [];
    if (word !== undefined) void wordOf(word).promise.then(() => response.end("ok"));
    else setTimeout(() => response.end("ok"), Number(path.slice(1)));
  });
  http.keepAliveTimeout = 0;
  http.on("connection", keep);
  http.on("upgrade", (_request, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n");
    socket.pipe(socket);
  });
  const echo = createServer((socket) => {
    keep(socket);
    socket.pipe(socket);
  });
  const ports = await Promise.all([http, echo].map(listen));
  return {
    http: ports[0] ?? 0,
    echo: ports[1] ?? 0,
    release: (word) => wordOf(word).resolve(),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all([http, echo].map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** Rejects when nobody listens. */
export function openSocket({ port, servername }: Target): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket: Socket =
      servername === undefined
        ? connect(port, "127.0.0.1")
        : connectTls({ port, host: "127.0.0.1", servername, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] });
    socket.once(servername === undefined ? "connect" : "secureConnect", () => resolve(socket));
    socket.once("error", reject);
  });
}
