/**
 * Envoy's access log service: while a rollout is on, Envoys tell which of their requests failed or were slow, and a
 * sample of the others.
 *
 * A stream comes from one worker of one Envoy, whose first message says which node it is; the node is verified as on its
 * stream of discovery. Nothing is answered. What is lost is lost: a report is a matter of shares and not of single
 * requests.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/accesslog/v3/als.proto
 */
import type { CallListener, GrpcCall } from "../grpc/call.ts";
import { frameMessage } from "../grpc/message-frames.ts";
import type { Peer } from "../grpc/peer.ts";
import { status } from "../grpc/status.ts";
import type { Clock } from "../support/clock.ts";
import { routeReportsLogName } from "../translate/route-reports.ts";
import { readNode } from "../xds/read-node.ts";
import type { NodeIdentity } from "../xds/stream-event.ts";
import type { AccessMessage } from "./access-entries.ts";
import { decodeAccessMessage } from "./access-entries.ts";
import type { Refusal } from "./refusal-log.ts";
import { RefusalLog } from "./refusal-log.ts";
import { RouteLedger } from "./route-ledger.ts";
import type { TrafficEvent } from "./traffic-event.ts";

/** The method of the service. */
export const routeReportsPath = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";

/** Each worker of each Envoy has one. */
const STREAMS_MAX = 50_000;

/**
 * So much is decoded in a second, which is 20,000 requests and takes a fifth of it at most; what comes beyond is left
 * out whole, of both versions alike, so that a flood of errors does not hold up those who wait for configuration.
 */
const BYTES_PER_SECOND_MAX = 8 * 1024 * 1024;

export interface RouteReportsOptions {
  readonly clock: Clock;
  /** Another one at each start. */
  readonly id: string;
  readonly streamsMax?: number;
  readonly bytesPerSecondMax?: number;
  /** Why this peer must not speak for this node. */
  refusalOf?(node: NodeIdentity, peer: Peer): string | undefined;
  emit(event: TrafficEvent): void;
}

/** `answer` is the method of the service. */
export class RouteReports {
  readonly ledger: RouteLedger;
  readonly #options: RouteReportsOptions;
  readonly #refusals: RefusalLog;
  readonly #streamsMax: number;
  readonly #bytesMax: number;
  #streamsCount = 0;
  #entriesCount = 0;
  #leftOutCount = 0;
  #secondAtMs = -Infinity;
  #bytesInSecond = 0;

  constructor(options: RouteReportsOptions) {
    const { streamsMax = STREAMS_MAX, bytesPerSecondMax = BYTES_PER_SECOND_MAX, id } = options;
    this.#options = options;
    this.#refusals = new RefusalLog(options.clock, (event) => options.emit(event));
    this.#streamsMax = streamsMax;
    this.#bytesMax = bytesPerSecondMax;
    this.ledger = new RouteLedger(id);
  }

  get streamsCount(): number {
    return this.#streamsCount;
  }

  /** Requests that were told, since the start. */
  get entriesCount(): number {
    return this.#entriesCount;
  }

  /** Messages that came in too great a hurry. */
  get leftOutCount(): number {
    return this.#leftOutCount;
  }

  /** Takes a new call. */
  answer(call: GrpcCall): CallListener {
    let isOpen = false;
    let hasEnded = false;
    const finish = (): void => {
      hasEnded = true;
      if (isOpen) this.#streamsCount -= 1;
      isOpen = false;
    };
    return {
      message: (bytes) => {
        if (hasEnded || (isOpen && this.#isTooMuch(bytes.length))) return;
        const message = readMessage(bytes);
        const refusal = this.#refusalOf(message, { call, isFirst: !isOpen });
        if (refusal !== undefined) {
          this.#refusals.tell(refusal, call.peer);
          finish();
          call.end(refusal.code, refusal.reason);
          return;
        }
        if (!isOpen) this.#streamsCount += 1;
        isOpen = true;
        this.#entriesCount += message?.entries.length ?? 0;
        this.ledger.record(message?.entries ?? []);
      },
      halfClosed: () => {
        finish();
        call.send(frameMessage(new Uint8Array()));
        call.end(status.OK);
      },
      cancelled: finish,
    };
  }

  #refusalOf(
    message: AccessMessage | undefined,
    { call, isFirst }: { readonly call: GrpcCall; readonly isFirst: boolean },
  ): Refusal | undefined {
    if (message === undefined) {
      return { code: status.INVALID_ARGUMENT, reason: "the message is no StreamAccessLogsMessage" };
    }
    if (!isFirst) return undefined;
    const { identifier } = message;
    if (identifier?.logName !== routeReportsLogName) {
      const reason = `only the log \`${routeReportsLogName}\` is taken here, which groups with \`routeReports\` have; other access logs need a receiver of their own`;
      return { code: status.INVALID_ARGUMENT, reason };
    }
    const node = readNode(identifier.node);
    if (!node.ok) return { code: status.INVALID_ARGUMENT, reason: node.error };
    const { id: nodeId } = node.value;
    const unverified = this.#options.refusalOf?.(node.value, call.peer);
    if (unverified !== undefined) return { code: status.PERMISSION_DENIED, reason: unverified, nodeId };
    if (this.#streamsCount < this.#streamsMax) return undefined;
    const reason = `at most ${this.#streamsMax} streams can tell of requests`;
    return { code: status.RESOURCE_EXHAUSTED, reason, nodeId };
  }

  /** The rest of a second in which there was enough goes unread, and all of it while nobody asks. */
  #isTooMuch(bytes: number): boolean {
    if (!this.ledger.isWatching) return true;
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#secondAtMs >= 1_000) {
      this.#secondAtMs = nowMs;
      this.#bytesInSecond = 0;
    }
    this.#bytesInSecond += bytes;
    if (this.#bytesInSecond <= this.#bytesMax) return false;
    this.#leftOutCount += 1;
    return true;
  }
}

/** Undefined when the bytes are no message. */
function readMessage(bytes: Uint8Array): AccessMessage | undefined {
  try {
    return decodeAccessMessage(bytes);
  } catch {
    return undefined;
  }
}
