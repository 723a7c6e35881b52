/**
 * The service to which Envoys export their statistics: OpenTelemetry's metrics service, on the port of xDS.
 *
 * An export is a call of its own, and says who sends it in the attributes of its resource, which the bootstrap sets. A
 * call that fails costs nothing: the next one has the same counters, grown.
 * https://opentelemetry.io/docs/specs/otlp/#otlpgrpc
 */
import type { CallListener, GrpcCall } from "../grpc/call.ts";
import { frameMessage } from "../grpc/message-frames.ts";
import type { Peer } from "../grpc/peer.ts";
import { status } from "../grpc/status.ts";
import type { Clock } from "../support/clock.ts";
import type { NodeIdentity } from "../xds/stream-event.ts";
import { readMetrics } from "./read-metrics.ts";
import { TrafficLedger } from "./traffic-ledger.ts";

/** `/package.Service/Method`. */
export const metricsExportPath = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/** How an Envoy says who it is; the bootstrap writes them. */
export const nodeIdAttribute = "service.instance.id";
export const nodeClusterAttribute = "service.name";

export interface TrafficReportsOptions {
  readonly clock: Clock;
  /** Why this peer must not speak for this node. */
  refusalOf?(node: Pick<NodeIdentity, "id" | "cluster">, peer: Peer): string | undefined;
  readonly onWarning: (text: string) => void;
}

/** An ExportMetricsServiceResponse without a word: everything was taken. */
const accepted = frameMessage(new Uint8Array());

/** `answer` is the method of the service. */
export class TrafficReports {
  readonly ledger = new TrafficLedger();
  readonly #options: TrafficReportsOptions;
  #reportsCount = 0;

  constructor(options: TrafficReportsOptions) {
    this.#options = options;
  }

  /** Since the start. */
  get reportsCount(): number {
    return this.#reportsCount;
  }

  /** Takes a new call. */
  answer(call: GrpcCall): CallListener {
    let isAnswered = false;
    const refuse = (code: (typeof status)[keyof typeof status], reason: string): void => {
      isAnswered = true;
      this.#options.onWarning(`statistics from ${call.peer.address} are refused: ${reason}`);
      call.end(code, reason);
    };
    return {
      message: (bytes) => {
        if (isAnswered) return;
        const exported = read(bytes, this.ledger);
        if (exported === undefined) {
          return refuse(status.INVALID_ARGUMENT, "the message is no ExportMetricsServiceRequest");
        }
        const id = exported.attributes.get(nodeIdAttribute) ?? "";
        if (id === "") {
          return refuse(status.INVALID_ARGUMENT, `the resource has no ${nodeIdAttribute}; make the bootstrap anew`);
        }
        const cluster = exported.attributes.get(nodeClusterAttribute) ?? "";
        const unverified = this.#options.refusalOf?.({ id, cluster }, call.peer);
        if (unverified !== undefined) return refuse(status.PERMISSION_DENIED, unverified);
        this.#reportsCount += 1;
        this.ledger.record(id, exported, this.#options.clock.nowMs());
        isAnswered = true;
        call.send(accepted);
        call.end(status.OK);
      },
      halfClosed: () => {
        if (!isAnswered) call.end(status.INVALID_ARGUMENT, "there is no message");
        isAnswered = true;
      },
      cancelled: () => undefined,
    };
  }
}

function read(bytes: Uint8Array, ledger: TrafficLedger): ReturnType<typeof readMetrics> | undefined {
  try {
    return readMetrics(bytes, (name) => ledger.isFollowed(name));
  } catch {
    return undefined;
  }
}
