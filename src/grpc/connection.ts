/**
 * One HTTP/2 connection with its calls, from the handshake to the last stream.
 *
 * It is pinged when it is silent, told to go when it is old or idle, and closed when it does not answer or
 * does not go. All of that is counted in sweeps (`limits.ts`).
 */
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { ByteBudget } from "./byte-budget.ts";
import type { CallListener } from "./call.ts";
import { GrpcCall } from "./call.ts";
import type { GrpcLimits } from "./limits.ts";
import type { Peer } from "./peer.ts";
import { readRequestHead } from "./request-head.ts";
import { status, statusTrailers } from "./status.ts";

/** Starts to answer a call. */
export type Method = (call: GrpcCall) => CallListener;

/** What a connection needs of its server. */
export interface ConnectionPorts {
  readonly limits: GrpcLimits;
  readonly sending: ByteBudget;
  readonly receiving: ByteBudget;
  readonly peer: Peer;
  /** After so many sweeps it is told to go; undefined for never. */
  readonly ageSweepsMax: number | undefined;
  methodOf(path: string): Method | undefined;
  closed(connection: Connection): void;
}

/** Ends by itself when the session does. */
export class Connection {
  readonly #session: ServerHttp2Session;
  readonly #ports: ConnectionPorts;
  readonly #calls = new Set<GrpcCall>();
  #sweeps = 0;
  #idleSweeps = 0;
  #pingedAtSweep: number | undefined;
  #silentSweeps = 0;
  #readBytes = 0;
  #goingSinceSweep: number | undefined;

  constructor(session: ServerHttp2Session, ports: ConnectionPorts) {
    this.#session = session;
    this.#ports = ports;
    session.on("error", () => undefined);
    session.on("close", () => ports.closed(this));
  }

  /** Answers a new stream. */
  accept(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const head = readRequestHead(headers);
    if (head.kind !== "call") {
      // Whatever it sends after that is not read.
      stream.on("error", () => undefined);
      const answer =
        head.kind === "not-grpc"
          ? { ":status": head.httpStatus }
          : { ":status": 200, "content-type": "application/grpc", ...statusTrailers(head.code, head.details) };
      stream.respond(answer, { endStream: true });
      stream.resume();
      return;
    }
    const { limits, sending, receiving, peer } = this.#ports;
    const closed = (ended: GrpcCall) => this.#calls.delete(ended);
    const call = new GrpcCall(stream, head.path, { limits, sending, receiving, peer, closed });
    this.#calls.add(call);
    const method = this.#ports.methodOf(head.path);
    if (method === undefined) call.end(status.UNIMPLEMENTED, `there is no method ${head.path.slice(0, 200)}`);
    else if (this.#goingSinceSweep !== undefined) call.end(status.UNAVAILABLE, "this connection is closing");
    else this.#start(call, method, head.timeoutMs);
  }

  /** Tells the client to open another connection, and ends its calls once what they have to say is said. */
  drain(reason: string): void {
    if (this.#goingSinceSweep !== undefined) return;
    this.#goingSinceSweep = this.#sweeps;
    this.#session.close();
    for (const call of this.#calls) call.cancel(status.UNAVAILABLE, reason);
  }

  /** At once, whatever is open. */
  destroy(): void {
    this.#session.destroy();
  }

  /** Once a sweep. */
  sweep(): void {
    const { limits, ageSweepsMax } = this.#ports;
    this.#sweeps += 1;
    for (const call of this.#calls) call.sweep();
    this.#idleSweeps = this.#calls.size === 0 ? this.#idleSweeps + 1 : 0;
    if (this.#goingSinceSweep !== undefined) {
      if (this.#sweeps - this.#goingSinceSweep > limits.graceSweepsMax) this.destroy();
    } else if (ageSweepsMax !== undefined && this.#sweeps > ageSweepsMax) {
      this.drain("the connection is old and is to be opened anew");
    } else if (this.#idleSweeps > limits.idleSweepsMax) {
      this.drain("the connection is idle");
    }
    this.#ping();
  }

  #start(call: GrpcCall, method: Method, timeoutMs: number | undefined): void {
    let listener: CallListener;
    try {
      listener = method(call);
    } catch {
      call.end(status.INTERNAL, "the request could not be answered");
      return;
    }
    call.listen(listener, timeoutMs);
  }

  /** A peer that says anything is alive; one that is silent is asked. */
  #ping(): void {
    if (this.#session.destroyed) return;
    const { limits } = this.#ports;
    const { bytesRead } = this.#session.socket;
    this.#silentSweeps = bytesRead === this.#readBytes ? this.#silentSweeps + 1 : 0;
    this.#readBytes = bytesRead;
    if (this.#silentSweeps === 0) this.#pingedAtSweep = undefined;
    if (this.#pingedAtSweep !== undefined) {
      if (this.#sweeps - this.#pingedAtSweep > limits.pongSweepsMax) this.destroy();
    } else if (this.#silentSweeps >= limits.pingSweeps) {
      this.#pingedAtSweep = this.#sweeps;
      this.#session.ping(() => undefined);
    }
  }
}
