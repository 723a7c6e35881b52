/**
 * Envoy's client status service (CSDS) over gRPC: who has what of which resource, for tools that speak it.
 *
 * A stream gets as many responses to a request as it takes, a fetch exactly one. Answers are made piece by
 * piece between other work, and no faster than the client reads.
 */
import { setImmediate as turn } from "node:timers/promises";
import type { CallListener, GrpcCall } from "../grpc/call.ts";
import { frameMessage } from "../grpc/message-frames.ts";
import type { Peer } from "../grpc/peer.ts";
import { status } from "../grpc/status.ts";
import { ClientStatusRequest } from "../gen/envoy/service/status/v3/csds.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { NodeIdentity } from "../xds/stream-event.ts";
import type { ClientStatusQuery, ClientStatusSource } from "./client-status.ts";
import { clientStatusPages } from "./client-status.ts";
import { selectNodes } from "./match-nodes.ts";

export interface ClientStatusOptions {
  readonly source: ClientStatusSource;
  /** Whether this peer may see what this node has. */
  maySee(node: NodeIdentity, peer: Peer): boolean;
}

/** Answers that are being made at a time, over all calls. */
const ANSWERS_MAX = 4;
/** Of one answer, in all its responses. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** When so much waits to be read, no more is made until all of it has left. */
const UNREAD_BYTES_MAX = 1024 * 1024;

const tooMuch = "name fewer nodes with node_matchers, or leave out what resources hold with exclude_resource_contents";

/** `stream` and `fetch` are the methods of the service. */
export class ClientStatusService {
  readonly #options: ClientStatusOptions;
  #answersCount = 0;

  constructor(options: ClientStatusOptions) {
    this.#options = options;
  }

  /** Every request is answered in full before the next one. */
  stream(call: GrpcCall): CallListener {
    const answering = new Answering(call);
    return answering.listener((bytes) => this.#answer(answering, bytes, { responsesMax: Infinity }));
  }

  /** One request, one response. */
  fetch(call: GrpcCall): CallListener {
    const answering = new Answering(call);
    return answering.listener(async (bytes) => {
      await this.#answer(answering, bytes, { responsesMax: 1 });
      answering.end(status.OK);
    });
  }

  async #answer(answering: Answering, bytes: Buffer, limits: { readonly responsesMax: number }): Promise<void> {
    const query = this.#read(bytes, answering.peer);
    if (!query.ok) return answering.end(status.INVALID_ARGUMENT, query.error);
    if (this.#answersCount >= ANSWERS_MAX) {
      return answering.end(status.RESOURCE_EXHAUSTED, "other questions are being answered; ask again in a moment");
    }
    this.#answersCount += 1;
    try {
      await this.#send(answering, query.value, limits);
    } finally {
      this.#answersCount -= 1;
    }
  }

  async #send(
    answering: Answering,
    query: ClientStatusQuery,
    { responsesMax }: { readonly responsesMax: number },
  ): Promise<void> {
    const responses: Buffer[] = [];
    let bytes = 0;
    for (const page of clientStatusPages(this.#options.source, query)) {
      if (answering.isOver) return;
      if (page !== undefined) {
        responses.push(frameMessage(page));
        bytes += page.byteLength;
        if (responses.length > responsesMax) {
          return answering.end(
            status.RESOURCE_EXHAUSTED,
            `this is too much for one response: ${tooMuch}, or use the stream`,
          );
        }
        if (bytes > ANSWER_BYTES_MAX) return answering.end(status.RESOURCE_EXHAUSTED, `this is too much: ${tooMuch}`);
      }
      // The only response of a fetch is held back until it is known to be all.
      if (responsesMax > 1) for (const response of responses.splice(0)) await answering.send(response);
      await turn();
    }
    for (const response of responses) await answering.send(response);
  }

  #read(bytes: Buffer, peer: Peer): Result<ClientStatusQuery, string> {
    let request: ClientStatusRequest;
    try {
      request = ClientStatusRequest.decode(bytes);
    } catch {
      return err("the message is no ClientStatusRequest");
    }
    const selected = selectNodes(request.nodeMatchers);
    if (!selected.ok) return selected;
    const { source, maySee } = this.#options;
    const nodes = source.nodes().filter((node) => selected.value(node) && maySee(node, peer));
    return ok({ nodes, withContents: !request.excludeResourceContents });
  }
}

/** One call whose requests are answered one after the other. */
class Answering {
  isOver = false;
  readonly #call: GrpcCall;
  #work: Promise<void> = Promise.resolve();
  #waitingCount = 0;
  #goOn: () => void = () => undefined;

  constructor(call: GrpcCall) {
    this.#call = call;
  }

  get peer(): Peer {
    return this.#call.peer;
  }

  listener(answer: (bytes: Buffer) => Promise<void>): CallListener {
    return {
      message: (bytes) => {
        this.#waitingCount += 1;
        if (this.#waitingCount > ANSWERS_MAX) return this.end(status.RESOURCE_EXHAUSTED, "await the answers first");
        this.#enqueue(async () => {
          await answer(bytes);
          this.#waitingCount -= 1;
        });
      },
      halfClosed: () => this.#enqueue(async () => this.end(status.OK)),
      cancelled: () => {
        this.isOver = true;
        this.#goOn();
      },
      drained: () => this.#goOn(),
    };
  }

  /** Sends as soon as the client has read what was sent before. */
  async send(frame: Buffer): Promise<void> {
    if (!this.isOver && this.#call.bufferedBytes > UNREAD_BYTES_MAX) {
      await new Promise<void>((resolve) => (this.#goOn = resolve));
    }
    if (!this.isOver) this.#call.send(frame);
  }

  end(code: (typeof status)[keyof typeof status], details = ""): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#call.end(code, details);
    this.#goOn();
  }

  /** The text of an internal error stays inside: it may quote a resource. */
  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work
      .then(() => (this.isOver ? undefined : work()))
      .catch(() => this.end(status.INTERNAL, "the request could not be answered"));
  }
}
