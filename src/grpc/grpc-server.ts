/**
 * A gRPC server over HTTP/2 that knows bytes and calls, and nothing of what they mean.
 *
 * Methods are registered by path; each call of one is answered with frames that may be shared between calls.
 * Everything is bounded (`limits.ts`), and one call never waits for another client.
 * docs/decisions/0017 says why it is not a library.
 */
import type { Http2SecureServer, Http2Server, ServerHttp2Session, ServerHttp2Stream, ServerOptions } from "node:http2";
import { createSecureServer, createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { ByteBudget } from "./byte-budget.ts";
import type { Method } from "./connection.ts";
import { Connection } from "./connection.ts";
import type { FailedHandshake } from "./failed-handshake.ts";
import { HandshakeReader } from "./failed-handshake.ts";
import type { GrpcLimits } from "./limits.ts";
import { defaultGrpcLimits } from "./limits.ts";
import { peerOf } from "./peer.ts";

/** Where to listen. */
export type GrpcAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** PEM texts; with a client CA every client must show a certificate that it has signed. */
export interface GrpcTls {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  readonly clientCa?: string | Buffer | undefined;
}

export interface GrpcServerOptions {
  readonly tls?: GrpcTls | undefined;
  readonly limits?: Partial<GrpcLimits>;
  /** Connections are told to go at about this age, so that a fleet spreads over the replicas there are. */
  readonly connectionAgeMsMax?: number | undefined;
  /** Somebody did not get in by TLS. */
  onFailedHandshake?(failed: FailedHandshake): void;
  /** From 0 to below 1; it keeps connections of one age from going at once. */
  random?(): number;
}

/** How the calls end when the server does. */
export interface ClosingOptions {
  /** The text of the UNAVAILABLE that ends them. */
  readonly reason: string;
  /** They are ended one a millisecond, or faster to be done in about this: so not all come to another replica at once. */
  readonly spreadMs: number;
  /** What has not ended by itself this long after the last one was told is cut off. */
  readonly graceMs: number;
}

/** Ages differ by up to this share in both directions. */
const AGE_JITTER = 0.1;

/** Tokens are the longest headers there are. */
const HEADER_BYTES_MAX = 16 * 1024;
const HEADERS_MAX = 64;

/** One long request from far away should not take a round trip for every 64 KB. */
const STREAM_WINDOW_BYTES = 128 * 1024;

/** The calls of one connection may each have a chunk or two in flight. */
const SESSION_MEMORY_MB_MAX = 512;

/** An Envoy that drops the endpoint streams of all its clusters is no attack (CVE-2023-44487). */
const RESET_BURST = 5_000;
const RESET_RATE = 100;

/** Milliseconds for a TLS handshake, and for who does not speak HTTP/2 after it. */
const HANDSHAKE_MS_MAX = 10_000;

/** `listen` once, `close` once. */
export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #limits: GrpcLimits;
  readonly #server: Http2Server | Http2SecureServer;
  readonly #methods = new Map<string, Method>();
  readonly #connections = new Map<ServerHttp2Session, Connection>();
  readonly #sending: ByteBudget;
  readonly #receiving: ByteBudget;
  #sweeper: NodeJS.Timeout | undefined;
  #closing = false;

  constructor(options: GrpcServerOptions = {}) {
    this.#options = options;
    this.#limits = { ...defaultGrpcLimits, ...options.limits };
    this.#sending = new ByteBudget(this.#limits.inFlightBytesMax);
    this.#receiving = new ByteBudget(this.#limits.receivingBytesMax);
    const http2 = http2Options(this.#limits);
    this.#server =
      options.tls === undefined
        ? createServer(http2)
        : createSecureServer({
            ...http2,
            ...secureContext(options.tls),
            ...verification(options.tls),
            ALPNProtocols: ["h2"],
            minVersion: "TLSv1.2",
            handshakeTimeout: HANDSHAKE_MS_MAX,
          });
    this.#server.maxConnections = this.#limits.connectionsMax;
    this.#server.on("session", (session: ServerHttp2Session) => this.#connect(session));
    this.#server.on("stream", (stream: ServerHttp2Stream, headers) => {
      const connection =
        stream.session === undefined ? undefined : this.#connections.get(stream.session as ServerHttp2Session);
      if (connection === undefined) stream.close();
      else connection.accept(stream, headers);
    });
    // A peer that breaks HTTP/2 has lost its connection by then; that is all there is to do.
    this.#server.on("sessionError", () => undefined);
    this.#watchHandshakes();
  }

  /** Answers calls of a path such as `/package.Service/Method`. */
  register(path: string, method: Method): void {
    this.#methods.set(path, method);
  }

  /** Binds; resolves to the port, 0 for a path, and rejects with the error of the system. */
  async listen(address: GrpcAddress): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(address, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    // What fails later is a single accept, such as when there are no file descriptors left.
    this.#server.on("error", () => undefined);
    this.#sweeper = setInterval(() => this.#sweep(), this.#limits.sweepMs);
    this.#sweeper.unref();
    const bound = this.#server.address();
    return typeof bound === "string" || bound === null ? 0 : (bound satisfies AddressInfo).port;
  }

  /** Connections that are open now. */
  get connectionsCount(): number {
    return this.#connections.size;
  }

  /** Bytes that are with the sockets and count in the bound of all calls. */
  get inFlightBytes(): number {
    return this.#sending.takenBytes;
  }

  /** Takes other certificates for the connections to come; those that are open keep theirs. */
  renewTls(tls: GrpcTls): void {
    if ("setSecureContext" in this.#server) this.#server.setSecureContext(secureContext(tls));
  }

  /** Stops listening, ends all calls spread over time, and resolves when every connection is closed. */
  async close({ reason, spreadMs, graceMs }: ClosingOptions): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const connections = [...this.#connections.values()];
    const perStep = Math.max(1, Math.ceil(connections.length / spreadMs));
    for (const [index, connection] of connections.entries()) {
      if (index > 0 && index % perStep === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      connection.drain(reason);
    }
    const forced = setTimeout(() => {
      for (const connection of this.#connections.values()) connection.destroy();
    }, graceMs);
    await closed;
    clearTimeout(forced);
    clearInterval(this.#sweeper);
  }

  #watchHandshakes(): void {
    const handshakes = new HandshakeReader();
    // Who shows a wrong certificate is cut off before anybody is asked, and then has no address any more. This event
    // is the one that has the socket while there is a handshake; the line itself, a key, is not looked at.
    this.#server.on("keylog", (_line: Buffer, socket: TLSSocket) => handshakes.underWay(socket));
    this.#server.on("tlsClientError", (error: Error, socket: TLSSocket) => {
      const failed = handshakes.read(error, socket);
      if (failed !== undefined) this.#options.onFailedHandshake?.(failed);
    });
  }

  #connect(session: ServerHttp2Session): void {
    const { connectionAgeMsMax, tls, random = Math.random } = this.#options;
    const jitter = 1 + AGE_JITTER * (2 * random() - 1);
    const connection = new Connection(session, {
      limits: this.#limits,
      sending: this.#sending,
      receiving: this.#receiving,
      peer: peerOf(session, tls?.clientCa !== undefined),
      ageSweepsMax: connectionAgeMsMax === undefined ? undefined : (connectionAgeMsMax * jitter) / this.#limits.sweepMs,
      methodOf: (path) => this.#methods.get(path),
      closed: () => this.#connections.delete(session),
    });
    this.#connections.set(session, connection);
    // It was in the queue of the listening socket when that was closed.
    if (this.#closing) connection.drain("the server is shutting down");
  }

  #sweep(): void {
    for (const connection of this.#connections.values()) connection.sweep();
  }
}

function http2Options(limits: GrpcLimits): ServerOptions {
  return {
    settings: {
      enablePush: false,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxConcurrentStreams: limits.streamsMax,
      maxHeaderListSize: HEADER_BYTES_MAX,
    },
    maxHeaderListPairs: HEADERS_MAX,
    maxSessionMemory: SESSION_MEMORY_MB_MAX,
    streamResetBurst: RESET_BURST,
    streamResetRate: RESET_RATE,
    unknownProtocolTimeout: HANDSHAKE_MS_MAX,
  };
}

function secureContext({ cert, key, clientCa }: GrpcTls) {
  return { cert, key, ...(clientCa === undefined ? {} : { ca: clientCa }) };
}

function verification({ clientCa }: GrpcTls) {
  return { requestCert: clientCa !== undefined, rejectUnauthorized: clientCa !== undefined };
}
