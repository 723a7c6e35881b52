/**
 * A relay between one Envoy and its control plane: it notes every xDS message, and can hold responses back,
 * cut the connection or keep it away.
 *
 * It speaks HTTP/2 and gRPC's framing only: bytes and headers go through as they are, so what an Envoy sees is what
 * Fairway sent. A response that is held lets those of other types pass, as if what it tells took longer to be known.
 */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { connect, createServer, constants } from "node:http2";
import type { Http2Server, Http2Session, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  DiscoveryRequest,
  DiscoveryResponse,
} from "../../src/gen/envoy/service/discovery/v3/discovery.ts";

/** A request of either variant, as the Envoy sent it. */
export interface Asked {
  readonly stream: number;
  readonly path: string;
  readonly atMs: number;
  readonly bytes: number;
  readonly hasNode: boolean;
  readonly typeUrl: string;
  readonly nonce: string;
  /** SotW only. */
  readonly version: string;
  /** SotW: all names. Delta: those that are subscribed to. */
  readonly names: readonly string[];
  readonly unsubscribed: readonly string[];
  readonly initialVersions: Readonly<Record<string, string>>;
  /** Envoy's words, when it rejects. */
  readonly error: string | undefined;
}

/** A response of either variant, as Fairway sent it. */
export interface Told {
  readonly stream: number;
  readonly path: string;
  readonly atMs: number;
  readonly bytes: number;
  readonly typeUrl: string;
  readonly nonce: string;
  readonly version: string;
  readonly names: readonly string[];
  readonly removed: readonly string[];
  readonly identifier: string;
}

/** The relay; close it after the Envoy. */
export class XdsRelay implements AsyncDisposable {
  readonly asked: Asked[] = [];
  readonly told: Told[] = [];
  /** Of the responses: one for each stream. */
  readonly headers: IncomingHttpHeaders[] = [];
  readonly #server: Http2Server = createServer();
  readonly #sessions = new Set<Http2Session>();
  readonly #holds = new Set<(told: Told) => Promise<unknown> | undefined>();
  readonly #targetPort: number;
  #away = false;
  #streams = 0;

  private constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server.on("session", (session) => {
      this.#keep(session);
      if (this.#away) session.destroy();
    });
    this.#server.on("stream", (stream, headers) => this.#relay(stream, headers));
  }

  /** Listens on a port of its own and leads to `targetPort` of this machine. */
  static async start(targetPort: number): Promise<XdsRelay> {
    const relay = new XdsRelay(targetPort);
    await new Promise<void>((resolve) => relay.#server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The requests of a type, from the `from`-th message on. */
  askedFor(typeUrl: string, from = 0): readonly Asked[] {
    return this.asked.slice(from).filter((request) => request.typeUrl === typeUrl);
  }

  /** The responses of a type, from the `from`-th message on. */
  toldOf(typeUrl: string, from = 0): readonly Told[] {
    return this.told.slice(from).filter((response) => response.typeUrl === typeUrl);
  }

  /** Responses that fit wait for the promise that is given for them; returns how to end that. */
  hold(rule: (told: Told) => Promise<unknown> | undefined): () => void {
    this.#holds.add(rule);
    return () => this.#holds.delete(rule);
  }

  /** Cuts every connection, without a word. What was held is lost. */
  cut(): void {
    for (const session of this.#sessions) session.destroy();
  }

  /** Lets nobody connect until it is called with `false`. */
  setAway(away: boolean): void {
    this.#away = away;
    if (away) this.cut();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #keep(session: Http2Session): void {
    this.#sessions.add(session);
    session.on("error", () => undefined);
    session.on("close", () => this.#sessions.delete(session));
  }

  #relay(client: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    this.#streams += 1;
    const call = { stream: this.#streams, path: String(headers[":path"]) };
    const upstream = connect(`http://127.0.0.1:${this.#targetPort}`, {
      // One huge message must not wait for window updates.
      settings: { initialWindowSize: 16 * 1024 * 1024 },
    });
    this.#keep(upstream);
    const server = upstream.request(headers, { endStream: false });
    const end = (): void => {
      client.close(constants.NGHTTP2_CANCEL);
      upstream.destroy();
    };
    for (const each of [client, server]) each.on("error", end);
    // When the other side dies, its stream is aborted without an error.
    for (const each of [client, server]) each.on("aborted", end);
    client.on("close", end);
    readMessages(client, (frame) => {
      if (isDiscovery(call.path)) this.asked.push({ ...call, ...readRequest(call.path, frame) });
      if (!server.closed) server.write(frame);
    });
    client.on("end", () => server.end());

    let trailers: IncomingHttpHeaders = {};
    server.on("response", (answer) => {
      this.headers.push(answer);
      client.respond(answer, { waitForTrailers: true });
      client.on("wantTrailers", () => client.sendTrailers(trailers));
    });
    server.on("trailers", (received) => (trailers = received));
    const lanes = new Map<string, Promise<void>>();
    readMessages(server, (frame) => {
      if (!isDiscovery(call.path)) return client.write(frame);
      const told = { ...call, ...readResponse(call.path, frame) };
      const write = (): void => {
        this.told.push({ ...told, atMs: performance.now() });
        if (!client.closed && !client.destroyed) client.write(frame);
      };
      const waits = [...this.#holds].map((rule) => rule(told)).filter((wait) => wait !== undefined);
      const lane = lanes.get(told.typeUrl);
      if (lane === undefined && waits.length === 0) return write();
      const turn = Promise.all([lane, ...waits])
        .then(write)
        .finally(() => lanes.get(told.typeUrl) === turn && lanes.delete(told.typeUrl));
      lanes.set(told.typeUrl, turn);
    });
    server.on("end", () => client.end());
  }
}

/** Cuts a stream of bytes into gRPC messages, each with its prefix of five bytes. */
function readMessages(stream: NodeJS.ReadableStream, take: (frame: Buffer) => void): void {
  let chunks: Buffer[] = [];
  let length = 0;
  let needed = 5;
  stream.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length < needed) return;
    let bytes = Buffer.concat(chunks, length);
    for (;;) {
      needed = bytes.length < 5 ? 5 : 5 + bytes.readUInt32BE(1);
      if (bytes.length < 5 || bytes.length < needed) break;
      take(bytes.subarray(0, needed));
      bytes = bytes.subarray(needed);
    }
    chunks = [bytes];
    length = bytes.length;
  });
}

/** Load reports go through and are not noted. */
/** Beside it an Envoy reports its load and its statistics. */
const isDiscovery = (path: string): boolean => !/^\/(?:envoy\.service\.load_stats|opentelemetry)\./.test(path);
const isDelta = (path: string): boolean => path.includes("/Delta");

function readRequest(path: string, frame: Buffer): Omit<Asked, "stream" | "path"> {
  const facts = { atMs: performance.now(), bytes: frame.length - 5 };
  if (!isDelta(path)) {
    const { node, typeUrl, responseNonce, versionInfo, resourceNames, errorDetail } = DiscoveryRequest.decode(
      frame.subarray(5),
    );
    return {
      ...facts,
      hasNode: node !== undefined,
      typeUrl,
      nonce: responseNonce,
      version: versionInfo,
      names: resourceNames,
      unsubscribed: [],
      initialVersions: {},
      error: errorDetail?.message,
    };
  }
  const request = DeltaDiscoveryRequest.decode(frame.subarray(5));
  return {
    ...facts,
    hasNode: request.node !== undefined,
    typeUrl: request.typeUrl,
    nonce: request.responseNonce,
    version: "",
    names: request.resourceNamesSubscribe,
    unsubscribed: request.resourceNamesUnsubscribe,
    initialVersions: request.initialResourceVersions,
    error: request.errorDetail?.message,
  };
}

function readResponse(path: string, frame: Buffer): Omit<Told, "stream" | "path"> {
  const facts = { atMs: performance.now(), bytes: frame.length - 5 };
  if (!isDelta(path)) {
    const response = DiscoveryResponse.decode(frame.subarray(5));
    return {
      ...facts,
      typeUrl: response.typeUrl,
      nonce: response.nonce,
      version: response.versionInfo,
      names: response.resources.map(({ value }) => firstText(value)),
      removed: [],
      identifier: response.controlPlane?.identifier ?? "",
    };
  }
  const response = DeltaDiscoveryResponse.decode(frame.subarray(5));
  return {
    ...facts,
    typeUrl: response.typeUrl,
    nonce: response.nonce,
    version: response.systemVersionInfo,
    names: response.resources.map(({ name }) => name),
    removed: response.removedResources,
    identifier: response.controlPlane?.identifier ?? "",
  };
}

/** Field 1 of a message, which is the name in every type that Envoys ask for. */
function firstText(bytes: Uint8Array): string {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1 && wireType === WireType.LengthDelimited) return reader.string();
    reader.skip(wireType, field);
  }
  return "";
}
