/**
 * The load reporting service (LRS): Envoys say every few seconds how many requests went to which cluster.
 *
 * Each stream is told what to report, again when that changes, and what comes is added up in the ledger.
 * A failure in one stream ends this stream and no other.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/load_stats/v3/lrs.proto
 */
import type { CallListener, GrpcCall } from "../grpc/call.ts";
import { frameMessage } from "../grpc/message-frames.ts";
import type { Peer } from "../grpc/peer.ts";
import { status } from "../grpc/status.ts";
import type { Clock } from "../support/clock.ts";
import { readNode } from "../xds/read-node.ts";
import type { NodeIdentity } from "../xds/stream-event.ts";
import type { LoadEvent } from "./load-event.ts";
import type { LoadLedger } from "./load-ledger.ts";
import { changeSpan, closeNode, createLedger, openNode, recordLoad } from "./load-ledger.ts";
import type { LoadReport } from "./load-report.ts";
import { decodeLoadReport } from "./load-report.ts";
import type { LoadSettings } from "./load-settings.ts";
import { encodeLoadSettings } from "./load-settings.ts";

/** As many nodes as the fleet keeps. */
const STREAMS_MAX = 10_000;

export interface LoadReportsOptions {
  readonly clock: Clock;
  readonly settings: LoadSettings;
  readonly streamsMax?: number;
  /** Why this peer must not speak for this node. */
  refusalOf?(node: NodeIdentity, peer: Peer): string | undefined;
  emit(event: LoadEvent): void;
}

/** `answer` is the method of the service. */
export class LoadReports {
  readonly ledger: LoadLedger;
  readonly #options: LoadReportsOptions;
  /** Those that were told what to report. */
  readonly #calls = new Set<GrpcCall>();
  #settings: LoadSettings;
  #asking: Buffer;
  #reportsCount = 0;

  constructor(options: LoadReportsOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#asking = frameMessage(encodeLoadSettings(options.settings));
    this.ledger = createLedger(options.settings.intervalMs);
  }

  /** What nodes are asked for. */
  get settings(): LoadSettings {
    return this.#settings;
  }

  /** Nodes that report now, and all reports since the start. */
  get streamsCount(): number {
    return this.#calls.size;
  }

  get reportsCount(): number {
    return this.#reportsCount;
  }

  /** Asks for something else from now on; every open stream is told at once. */
  configure(settings: LoadSettings): void {
    this.#settings = settings;
    this.#asking = frameMessage(encodeLoadSettings(settings));
    changeSpan(this.ledger, settings.intervalMs);
    for (const call of this.#calls) call.send(this.#asking);
    const { intervalMs, clusters, endpoints } = settings;
    const clustersCount = clusters === "all" ? clusters : clusters.length;
    this.#emit({ kind: "load-settings-changed", atMs: this.#now(), intervalMs, clustersCount, endpoints });
  }

  /** Takes a new call. */
  answer(call: GrpcCall): CallListener {
    let nodeId: string | undefined;
    const finish = (reason: string) => {
      this.#calls.delete(call);
      if (nodeId === undefined) return;
      closeNode(this.ledger, nodeId);
      this.#emit({ kind: "load-stream-closed", atMs: this.#now(), nodeId, reason });
      nodeId = undefined;
    };
    const refuse = (code: (typeof status)[keyof typeof status], reason: string) => {
      finish(reason);
      call.end(code, reason);
    };
    return {
      message: (bytes) => {
        const isFirst = nodeId === undefined;
        const report = readReport(bytes, isFirst);
        if (report === undefined) return refuse(status.INVALID_ARGUMENT, "the message is no LoadStatsRequest");
        if (nodeId === undefined) {
          const node = readNode(report.node);
          if (!node.ok) return refuse(status.INVALID_ARGUMENT, node.error);
          const unverified = this.#options.refusalOf?.(node.value, call.peer);
          if (unverified !== undefined) {
            const { address: peer } = call.peer;
            const refused = { nodeId: node.value.id, peer, reason: unverified };
            this.#emit({ kind: "load-stream-refused", atMs: this.#now(), ...refused });
            return refuse(status.PERMISSION_DENIED, unverified);
          }
          const { streamsMax = STREAMS_MAX } = this.#options;
          if (this.#calls.size >= streamsMax) {
            return refuse(status.RESOURCE_EXHAUSTED, `at most ${streamsMax} nodes can report their load`);
          }
          nodeId = node.value.id;
          this.#open(call, nodeId);
        }
        // The first message says who speaks, and what was counted comes with the next.
        if (isFirst && report.clusters.length === 0) return;
        if (report.clusters.length > 0) this.#reportsCount += 1;
        const wallMs = this.#options.clock.nowMs();
        recordLoad(this.ledger, nodeId, { clusters: report.clusters, atMs: this.#now(), wallMs });
      },
      halfClosed: () => {
        finish("the client ended the stream");
        call.end(status.OK);
      },
      cancelled: finish,
    };
  }

  #open(call: GrpcCall, nodeId: string): void {
    const atMs = this.#now();
    openNode(this.ledger, nodeId, atMs);
    this.#emit({ kind: "load-stream-opened", atMs, nodeId, peer: call.peer.address });
    this.#calls.add(call);
    call.send(this.#asking);
  }

  #now(): number {
    return this.#options.clock.monotonicMs();
  }

  #emit(event: LoadEvent): void {
    this.#options.emit(event);
  }
}

/** Undefined when the bytes are no report; only the first of a stream is asked for its node. */
function readReport(bytes: Uint8Array, withNode: boolean): LoadReport | undefined {
  try {
    return decodeLoadReport(bytes, { withNode });
  } catch {
    return undefined;
  }
}
