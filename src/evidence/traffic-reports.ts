/**
 * The metrics service of OpenTelemetry: each Envoy sends every few seconds what it has counted of its requests.
 *
 * Every call is one report of one node, which names itself in the attributes of its resource. The node is verified as
 * on its stream of discovery; what it says is kept in the ledger until it says more.
 * https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/collector/metrics/v1/metrics_service.proto
 */
import type { CallListener, GrpcCall } from "../grpc/call.ts";
import { frameMessage } from "../grpc/message-frames.ts";
import { takeOneRequest } from "../grpc/one-request.ts";
import type { Peer } from "../grpc/peer.ts";
import { status } from "../grpc/status.ts";
import type { Clock } from "../support/clock.ts";
import { ID_CHARS_MAX } from "../xds/read-node.ts";
import type { MetricsExport } from "./metrics-export.ts";
import { decodeMetricsExport } from "./metrics-export.ts";
import type { Refusal } from "./refusal-log.ts";
import { RefusalLog } from "./refusal-log.ts";
import type { TrafficEvent } from "./traffic-event.ts";
import type { TrafficLimits } from "./traffic-ledger.ts";
import { TrafficLedger } from "./traffic-ledger.ts";
import { isTrafficStatistic, trafficOf } from "./traffic-statistics.ts";

/** The method of the service. */
export const trafficReportsPath = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/** Attributes of the resource in which an Envoy says who it is; `fairway bootstrap` writes them. */
export const nodeIdAttribute = "service.instance.id";
export const nodeClusterAttribute = "service.name";

export interface TrafficReportsOptions {
  readonly clock: Clock;
  readonly limits?: TrafficLimits;
  /** Why this peer must not speak for this node. */
  refusalOf?(node: { readonly id: string; readonly cluster: string }, peer: Peer): string | undefined;
  emit(event: TrafficEvent): void;
}

/** `answer` is the method of the service. */
export class TrafficReports {
  readonly ledger: TrafficLedger;
  readonly #options: TrafficReportsOptions;
  readonly #refusals: RefusalLog;
  #reportsCount = 0;

  constructor(options: TrafficReportsOptions) {
    this.#options = options;
    this.#refusals = new RefusalLog(options.clock, (event) => options.emit(event));
    this.ledger = new TrafficLedger(options.clock, options.limits);
  }

  /** All reports since the start that were not refused. */
  get reportsCount(): number {
    return this.#reportsCount;
  }

  /** Takes a new call. */
  answer(call: GrpcCall): CallListener {
    return takeOneRequest(call, (bytes) => {
      const refusal = this.#take(bytes, call.peer);
      if (refusal !== undefined) {
        this.#refusals.tell(refusal, call.peer);
        call.end(refusal.code, refusal.reason);
        return;
      }
      // An empty ExportMetricsServiceResponse: all of it was taken.
      call.send(frameMessage(new Uint8Array()));
      call.end(status.OK);
    });
  }

  #take(bytes: Uint8Array, peer: Peer): Refusal | undefined {
    const report = readExport(bytes);
    if (report === undefined) {
      return { code: status.INVALID_ARGUMENT, reason: "the message is no ExportMetricsServiceRequest" };
    }
    const nodeId = report.resource.get(nodeIdAttribute) ?? "";
    const cluster = report.resource.get(nodeClusterAttribute) ?? "";
    if (nodeId === "") {
      const reason = `the resource has no ${nodeIdAttribute}, which is the node's id; make the bootstrap anew with fairway bootstrap`;
      return { code: status.INVALID_ARGUMENT, reason };
    }
    if (nodeId.length > ID_CHARS_MAX || cluster.length > ID_CHARS_MAX) {
      const reason = `${nodeIdAttribute} and ${nodeClusterAttribute} may have at most ${ID_CHARS_MAX} characters`;
      return { code: status.INVALID_ARGUMENT, reason };
    }
    const unverified = this.#options.refusalOf?.({ id: nodeId, cluster }, peer);
    if (unverified !== undefined) return { code: status.PERMISSION_DENIED, reason: unverified, nodeId };
    const { countedAtMs, startedAtMs } = report;
    if (!this.ledger.record(nodeId, { countedAtMs, startedAtMs, clusters: trafficOf(report.metrics) })) {
      return { code: status.RESOURCE_EXHAUSTED, reason: "too many nodes report their traffic", nodeId };
    }
    this.#reportsCount += 1;
    return undefined;
  }
}

/** Undefined when the bytes are no export. */
function readExport(bytes: Uint8Array): MetricsExport | undefined {
  try {
    return decodeMetricsExport(bytes, isTrafficStatistic);
  } catch {
    return undefined;
  }
}
