/**
 * Both sides of gRPC calls for tests with Envoys: one call in frames that the test can look at, and a server whose answer
 * to each call the test decides.
 */
import { connect, createServer } from "node:http2";
import type { ClientHttp2Session, Http2Server, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** How a call ended. */
export interface GrpcResult {
  /** Of HTTP. */
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  /** In the trailers, or in the headers when there is nothing else. */
  readonly grpcStatus: string | undefined;
  readonly messages: readonly Buffer[];
}

/** One call with one message; `headers` win over those that gRPC has. */
export async function callGrpc(
  session: ClientHttp2Session,
  path: string,
  {
    message = Buffer.alloc(0),
    headers = {},
  }: { readonly message?: Buffer; readonly headers?: IncomingHttpHeaders } = {},
): Promise<GrpcResult> {
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  const head = new Promise<IncomingHttpHeaders>((resolve, reject) => {
    stream.once("response", resolve);
    stream.once("error", reject);
  });
  let trailers: IncomingHttpHeaders = {};
  stream.once("trailers", (found) => {
    trailers = found;
  });
  stream.end(frame(message));
  const answered = await head;
  const body = await buffer(stream);
  const grpcStatus = trailers["grpc-status"] ?? answered["grpc-status"];
  return {
    status: Number(answered[":status"]),
    headers: answered,
    grpcStatus: grpcStatus?.toString(),
    messages: unframe(body),
  };
}

/** What a server answers; it says nothing at all for `hangs`. */
export type GrpcAnswer =
  | { readonly kind: "messages"; readonly messages: readonly Buffer[] }
  | { readonly kind: "failure"; readonly status: number; readonly text: string }
  | { readonly kind: "hangs" };

/** A call as the server got it. */
export interface GrpcCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly message: Buffer;
}

/** A server on a port of its own; it remembers every call. */
export class GrpcServer {
  readonly calls: GrpcCall[] = [];
  readonly #server: Http2Server;
  readonly #sessions = new Set<{ destroy(): void }>();

  private constructor(answer: (call: GrpcCall) => GrpcAnswer) {
    this.#server = createServer();
    this.#server.on("stream", (stream, headers) => {
      // A caller that gives up resets the stream.
      stream.on("error", () => undefined);
      buffer(stream).then(
        (body) => {
          const call = { path: headers[":path"] ?? "", headers, message: unframe(body)[0] ?? Buffer.alloc(0) };
          this.calls.push(call);
          reply(stream, answer(call));
        },
        () => undefined,
      );
    });
    this.#server.on("session", (session) => {
      this.#sessions.add(session);
      session.once("close", () => this.#sessions.delete(session));
    });
  }

  static async start(answer: (call: GrpcCall) => GrpcAnswer): Promise<GrpcServer> {
    const server = new GrpcServer(answer);
    await new Promise<void>((resolve) => {
      server.#server.listen(0, "127.0.0.1", resolve);
    });
    return server;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
    });
  }
}

/** A connection for calls; it ends with the scope. */
export function connectGrpc(port: number): ClientHttp2Session & Disposable {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => undefined);
  return Object.assign(session, { [Symbol.dispose]: () => session.destroy() });
}

function reply(stream: ServerHttp2Stream, answer: GrpcAnswer): void {
  if (answer.kind === "hangs" || stream.destroyed) return;
  const head = { ":status": 200, "content-type": "application/grpc" };
  if (answer.kind === "failure") {
    stream.respond({ ...head, "grpc-status": answer.status, "grpc-message": answer.text }, { endStream: true });
    return;
  }
  stream.respond(head, { waitForTrailers: true });
  stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
  stream.end(Buffer.concat(answer.messages.map(frame)));
}

/** Uncompressed, with its length before it. */
function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function unframe(body: Buffer): readonly Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at + 5 <= body.length;) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    messages.push(body.subarray(at + 5, end));
    at = end;
  }
  return messages;
}
