/**
 * One gRPC call over one HTTP/2 stream: messages in, frames out, a status at the end.
 *
 * The side that answers gets callbacks and calls `send` and `end`; it never sees HTTP. While more than a
 * chunk waits to be sent, what the client says is not listened to: who does not read is not answered.
 * However the call ends, exactly one of `end` (by the answering side) and `cancelled` (by the client, the
 * connection or this server) is the last word, and nothing is called back after it.
 */
import type { ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";
import type { ByteBudget } from "./byte-budget.ts";
import type { GrpcLimits } from "./limits.ts";
import { CHUNK_BYTES, RECEIVE_BYTES_PER_SWEEP_MIN } from "./limits.ts";
import { createReadState, readMessages } from "./message-frames.ts";
import { Outbox } from "./outbox.ts";
import type { Peer } from "./peer.ts";
import type { StatusCode } from "./status.ts";
import { status, statusTrailers } from "./status.ts";

/** What the answering side is told. An exception in here ends the call with INTERNAL, and no other call. */
export interface CallListener {
  /** A whole message without its prefix. It may share memory with others that came with it: do not keep it long. */
  message(bytes: Buffer): void;
  /** The client sends no more; it may wait for more. */
  halfClosed(): void;
  /** The call is over, and not because of `end`. */
  cancelled(reason: string): void;
  /** Everything that was sent has left for the client; whoever makes much goes on here. */
  drained?(): void;
}

/** What a call needs of its server. */
export interface CallPorts {
  readonly limits: GrpcLimits;
  readonly sending: ByteBudget;
  readonly receiving: ByteBudget;
  readonly peer: Peer;
  /** The stream is gone; nothing of the call is held any more. */
  closed(call: GrpcCall): void;
}

const responseHeaders = {
  ":status": 200,
  "content-type": "application/grpc",
  // There is no compression: Envoy's gRPC client cannot read it (envoy#38482).
  "grpc-accept-encoding": "identity",
} as const;

/** For calls that nobody is to hear of: before there is a listener, and once there is nothing to say. */
export const nobody: CallListener = {
  message: () => undefined,
  halfClosed: () => undefined,
  cancelled: () => undefined,
};

/** Why a message cannot be read. */
const refusals = {
  compressed: [status.UNIMPLEMENTED, "compressed messages are not supported; send them with grpc-encoding: identity"],
  "too-long": [status.RESOURCE_EXHAUSTED, "a message is longer than this server accepts"],
  malformed: [status.INTERNAL, "a message has neither of the two flags that there are"],
} as const;

/** Made by a connection for each call; `listen` once, then it is alive. */
export class GrpcCall {
  readonly path: string;
  readonly #stream: ServerHttp2Stream;
  readonly #ports: CallPorts;
  readonly #outbox: Outbox;
  readonly #reading = createReadState();
  /** Messages that came while the client was not listened to. */
  readonly #inbox: Buffer[] = [];
  #listener = nobody;
  #hasListened = false;
  #isHeld = false;
  #receivingBytes = 0;
  #receivingSweeps = 0;
  #hasMessage = false;
  #hasResponded = false;
  #sweeps = 0;
  #clientIsDone = false;
  /** What ends the call once everything before it was sent. */
  #last: { readonly code: StatusCode; readonly details: string } | undefined;
  #endedSweeps = 0;
  #closed = false;
  #deadline: NodeJS.Timeout | undefined;

  constructor(stream: ServerHttp2Stream, path: string, ports: CallPorts) {
    this.path = path;
    this.#stream = stream;
    this.#ports = ports;
    this.#outbox = new Outbox({
      budget: ports.sending,
      write: (chunk, written) => void stream.write(chunk, written),
      emptied: () => this.#resume(),
    });
    stream.on("data", (piece: Buffer) => this.#take(piece));
    stream.on("end", () => {
      this.#clientIsDone = true;
      this.#deliver();
    });
    // What matters of an error is that the stream closes after it.
    stream.on("error", () => undefined);
    // A reset by the client, which else looks like the end of its side at first.
    stream.on("aborted", () => this.#close());
    stream.on("close", () => this.#close());
  }

  get peer(): Peer {
    return this.#ports.peer;
  }

  /** Bytes that the client has not taken yet, as far as this side can see. */
  get bufferedBytes(): number {
    return this.#outbox.bufferedBytes;
  }

  /** Whom to call; a deadline of the client counts from here. */
  listen(listener: CallListener, timeoutMs: number | undefined): void {
    this.#listener = listener;
    this.#hasListened = true;
    if (timeoutMs !== undefined) {
      this.#deadline = setTimeout(() => this.#refuse(status.DEADLINE_EXCEEDED, "the deadline has passed"), timeoutMs);
    }
    this.#deliver();
  }

  /** Queues messages that have their prefix already; the buffers may be shared and must never change. */
  send(...frames: readonly Buffer[]): void {
    if (this.#last !== undefined || this.#closed || this.#stream.destroyed) return;
    if (!this.#hasResponded) {
      this.#hasResponded = true;
      this.#stream.respond(responseHeaders, { waitForTrailers: true });
    }
    // What is due together leaves together; else the second would wait until the socket has taken the first.
    if (frames.length > 1) this.#stream.cork();
    for (const frame of frames) this.#outbox.push(frame);
    if (frames.length > 1) this.#stream.uncork();
    if (this.bufferedBytes > this.#ports.limits.queuedBytesMax) this.#reset("too much waits to be sent");
    else if (this.#isBlocked() && !this.#stream.isPaused()) this.#stream.pause();
  }

  /** Listens to the client no more, until `release`; what it says waits on its own side. */
  hold(): void {
    this.#isHeld = true;
    if (!this.#stream.destroyed) this.#stream.pause();
  }

  release(): void {
    this.#isHeld = false;
    if (this.#last === undefined && !this.#closed) this.#resume();
  }

  /** Ends the call after what was sent; nothing is called back from here on. */
  end(code: StatusCode, details = ""): void {
    if (this.#last !== undefined || this.#closed) return;
    clearTimeout(this.#deadline);
    this.#listener = nobody;
    this.#last = { code, details };
    this.#inbox.length = 0;
    // What the client still says is thrown away, so that it can close its side.
    if (this.#stream.isPaused()) this.#stream.resume();
    if (this.bufferedBytes === 0) this.#sendStatus();
  }

  /** Ends the call for a reason that lies with this server or the connection: the client is to come again. */
  cancel(code: StatusCode, reason: string): void {
    this.#refuse(code, reason);
  }

  /** Once a sweep: cuts off who takes nothing, sends nothing, or does not go. */
  sweep(): void {
    const { limits } = this.#ports;
    this.#sweeps += 1;
    if (this.#outbox.sweep(limits.yieldSweeps) > limits.writeSweepsMax) {
      this.#reset("the client has stopped reading");
    } else if (this.#last !== undefined) {
      if (this.bufferedBytes > 0) return;
      this.#endedSweeps += 1;
      if (this.#endedSweeps > limits.endedSweepsMax) this.#stream.close(constants.NGHTTP2_NO_ERROR);
    } else if (!this.#hasMessage && this.#sweeps > limits.firstMessageSweepsMax) {
      this.#refuse(status.DEADLINE_EXCEEDED, "no message came");
    } else if (this.#reading.prefixBytes > 0 && !this.#isBlocked()) {
      this.#receivingSweeps += 1;
      const lengthBytes = this.#reading.length ?? 0;
      const sweepsMax = limits.firstMessageSweepsMax + lengthBytes / RECEIVE_BYTES_PER_SWEEP_MIN;
      if (this.#receivingSweeps > sweepsMax) this.#refuse(status.DEADLINE_EXCEEDED, "a message did not come whole");
    }
  }

  #take(piece: Buffer): void {
    if (this.#last !== undefined) return;
    const { messages, refusal } = readMessages(this.#reading, piece, this.#ports.limits.messageBytesMax);
    if (messages.length > 0) this.#receivingSweeps = 0;
    this.#inbox.push(...messages);
    if (!this.#count(this.#reading.room?.length ?? 0)) {
      this.#refuse(status.RESOURCE_EXHAUSTED, "too many long messages are being received at the moment");
      return;
    }
    this.#deliver();
    if (refusal === undefined) return;
    const [code, details] = refusals[refusal];
    this.#refuse(code, details);
  }

  /** Room of an incomplete message counts for all calls together, but for the little that every call may have. */
  #count(roomBytes: number): boolean {
    const bytes = roomBytes > CHUNK_BYTES ? roomBytes : 0;
    const more = bytes - this.#receivingBytes;
    if (more > 0 && !this.#ports.receiving.take(more)) return false;
    if (more < 0) this.#ports.receiving.give(-more);
    this.#receivingBytes = bytes;
    return true;
  }

  /** Calls the listener with what came, as far as the client is listened to. */
  #deliver(): void {
    if (!this.#hasListened) return;
    try {
      while (this.#inbox.length > 0 && !this.#isBlocked()) {
        const message = this.#inbox.shift();
        this.#hasMessage = true;
        if (message !== undefined) this.#listener.message(message);
      }
      if (this.#clientIsDone && this.#inbox.length === 0) {
        this.#clientIsDone = false;
        this.#listener.halfClosed();
      }
    } catch {
      this.#refuse(status.INTERNAL, "the request could not be answered");
    }
  }

  #isBlocked(): boolean {
    return this.#isHeld || this.bufferedBytes > CHUNK_BYTES;
  }

  /** Everything was sent: the status follows, or the client is listened to again. */
  #resume(): void {
    if (this.#last !== undefined) {
      this.#sendStatus();
      return;
    }
    try {
      this.#listener.drained?.();
    } catch {
      this.#refuse(status.INTERNAL, "the request could not be answered");
      return;
    }
    this.#deliver();
    if (!this.#isBlocked() && this.#stream.isPaused()) this.#stream.resume();
  }

  #sendStatus(): void {
    if (this.#stream.destroyed || this.#stream.closed || this.#last === undefined) return;
    const trailers = statusTrailers(this.#last.code, this.#last.details);
    if (!this.#hasResponded) {
      this.#stream.respond({ ...responseHeaders, ...trailers }, { endStream: true });
      return;
    }
    this.#stream.once("wantTrailers", () => {
      if (!this.#stream.destroyed && !this.#stream.closed) this.#stream.sendTrailers(trailers);
    });
    this.#stream.end();
  }

  /** Ends the call against the will of both sides. */
  #refuse(code: StatusCode, details: string): void {
    if (this.#last !== undefined || this.#closed) return;
    const listener = this.#listener;
    this.end(code, details);
    tell(listener, details);
  }

  /** Without a status, because it would have to wait behind what the client does not read. */
  #reset(reason: string): void {
    const listener = this.#listener;
    this.#listener = nobody;
    this.#last ??= { code: status.RESOURCE_EXHAUSTED, details: reason };
    this.#outbox.close();
    // Clients read this code as RESOURCE_EXHAUSTED.
    this.#stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    tell(listener, reason);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#deadline);
    const listener = this.#listener;
    this.#listener = nobody;
    this.#inbox.length = 0;
    this.#count(0);
    this.#outbox.close();
    this.#ports.closed(this);
    tell(listener, "the connection was closed");
  }
}

/** Nothing is left to end when the listener fails here. */
function tell(listener: CallListener, reason: string): void {
  try {
    listener.cancelled(reason);
  } catch {
    // The call is over, and the listener has failed at forgetting it.
  }
}
