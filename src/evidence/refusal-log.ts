/**
 * What was refused to those who report, told to the log once for each node and reason: they try again every few seconds.
 */
import type { Peer } from "../grpc/peer.ts";
import type { Clock } from "../support/clock.ts";
import type { StatusCode } from "../grpc/status.ts";
import type { TrafficEvent } from "./traffic-event.ts";

/** Why a report is not taken. */
export interface Refusal {
  readonly code: StatusCode;
  readonly reason: string;
  readonly nodeId?: string;
}

/** Reasons that were told to the log; more are told again. */
const REFUSALS_KEPT = 1_000;

export class RefusalLog {
  readonly #told = new Set<string>();
  readonly #clock: Clock;
  readonly #emit: (event: TrafficEvent) => void;

  constructor(clock: Clock, emit: (event: TrafficEvent) => void) {
    this.#clock = clock;
    this.#emit = emit;
  }

  tell({ reason, nodeId = "" }: Refusal, { address: peer }: Peer): void {
    const key = `${nodeId} ${reason}`;
    if (this.#told.has(key)) return;
    if (this.#told.size >= REFUSALS_KEPT) this.#told.clear();
    this.#told.add(key);
    this.#emit({ kind: "traffic-report-refused", atMs: this.#clock.monotonicMs(), nodeId, peer, reason });
  }
}
