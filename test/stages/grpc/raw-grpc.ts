/**
 * A client of HTTP/2 that can do everything wrong: it writes the bytes and headers that a test gives it.
 */
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { connect } from "node:http2";
import { createReadState, readMessages } from "../../../src/grpc/message-frames.ts";
import { eventually } from "../../support/eventually.ts";

/** What a gRPC client sends first. */
const grpcHeaders = { ":method": "POST", "content-type": "application/grpc", te: "trailers" } as const;

/** One stream, and what came on it. */
export class RawCall {
  readonly stream: ClientHttp2Stream;
  readonly messages: Buffer[] = [];
  headers: IncomingHttpHeaders | undefined;
  trailers: IncomingHttpHeaders | undefined;
  closed = false;

  constructor(stream: ClientHttp2Stream, reads: boolean) {
    this.stream = stream;
    const state = createReadState();
    stream.on("response", (headers) => (this.headers = headers));
    stream.on("trailers", (trailers) => (this.trailers = trailers));
    stream.on("close", () => (this.closed = true));
    stream.on("error", () => undefined);
    if (reads) {
      stream.on("data", (piece: Buffer) => this.messages.push(...readMessages(state, piece, 2 ** 31).messages));
    }
  }

  /** The status in the trailers, or in the headers when there were only trailers. */
  get status(): number | undefined {
    const value = this.trailers?.["grpc-status"] ?? this.headers?.["grpc-status"];
    return value === undefined ? undefined : Number(value);
  }

  get details(): string {
    return decodeURIComponent(String(this.trailers?.["grpc-message"] ?? this.headers?.["grpc-message"] ?? ""));
  }

  /** Resolves with the status when the stream is over; undefined when it was cut off without one. */
  async ended(): Promise<number | undefined> {
    await eventually("the end of the call", () => this.closed || this.status !== undefined);
    return this.status;
  }

  async received(count: number): Promise<void> {
    await eventually(`${count} messages`, () => this.messages.length >= count);
  }
}

/** One connection. */
export class RawClient implements Disposable {
  readonly session: ClientHttp2Session;
  goaways = 0;
  closed = false;

  constructor(port: number, options: Parameters<typeof connect>[1] = {}) {
    this.session = connect(`http://127.0.0.1:${port}`, options);
    this.session.on("error", () => undefined);
    this.session.on("goaway", () => (this.goaways += 1));
    this.session.on("close", () => (this.closed = true));
  }

  call(path: string, options: { readonly headers?: OutgoingHttpHeaders; readonly reads?: boolean } = {}): RawCall {
    const stream = this.session.request({ ...grpcHeaders, ":path": path, ...options.headers });
    return new RawCall(stream, options.reads ?? true);
  }

  [Symbol.dispose](): void {
    this.session.destroy();
  }
}
