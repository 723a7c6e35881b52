/**
 * One gRPC call of a discovery service: the shell around `step`.
 *
 * It decodes and bounds what comes in, gives it to the state machine at once, writes what comes out, and
 * sets a timer for what is due later. A failure in here ends this stream and no other.
 */
import type { CallListener, GrpcCall } from "../grpc/call.ts";
import type { Peer } from "../grpc/peer.ts";
import { SMALL_BYTES_MAX } from "../grpc/limits.ts";
import type { StatusCode } from "../grpc/status.ts";
import { status } from "../grpc/status.ts";
import type { GroupName, Snapshot, TypeTable } from "../snapshot/snapshot.ts";
import type { Clock } from "../support/clock.ts";
import type { Result } from "../support/result.ts";
import type { Backlog, Receiver } from "./backlog.ts";
import type { RequestDecoder } from "./decode-request.ts";
import { frameResponse } from "./frame.ts";
import type { Refusal } from "./judge-request.ts";
import { holdsNothing } from "./known-versions.ts";
import { judgeHoldings, judgeRequest } from "./judge-request.ts";
import type { NodeProblem } from "./read-node.ts";
import { readNode } from "./read-node.ts";
import type { SharedResponses } from "./shared-responses.ts";
import type { NodeIdentity, StreamEvent } from "./stream-event.ts";
import type { Demand, Rejections, Response, StreamInput, StreamState, Variant } from "./stream-state.ts";
import { createStream } from "./stream-state.ts";
import { step } from "./stream.ts";

/** A timer is never set for longer; it just fires and is set again. */
const TIMER_MS_MAX = 60_000;

/** Why a node has no snapshot: it belongs to no group, or its group has none yet. */
export interface Unassigned {
  readonly reason: string;
  readonly isTooEarly: boolean;
}

/** What a stream needs of the server it belongs to. */
export interface AdsStreamPorts {
  readonly clock: Clock;
  /** Why this node must not be believed, if so. */
  verify(node: NodeIdentity, peer: Peer): string | undefined;
  /** The group of a node and what it is to have, or why there is nothing for it. */
  assign(node: NodeIdentity): Result<{ readonly group: GroupName; readonly snapshot: Snapshot }, Unassigned>;
  earlier(group: GroupName, typeUrl: string): readonly TypeTable[];
  rejectionsOf(nodeId: string): Rejections;
  readonly shared: SharedResponses;
  readonly decoder: RequestDecoder;
  readonly backlog: Backlog;
  /** The states of the other streams of its node that have a part in its changes. */
  companionsOf(stream: AdsStream): readonly StreamState[];
  /** Something happened on it that its companions may have waited for. */
  stepped(stream: AdsStream): void;
  emit(events: readonly StreamEvent[]): void;
  /** A stream of that address does not say whose it is. */
  turnedAway(problem: NodeProblem, peer: string): void;
  /** Its node is known now; returns why the node must not have one more stream. */
  identified(stream: AdsStream): string | undefined;
  /** Whether its first request may be answered now, or `admitted` will be called, or why neither. */
  admit(stream: AdsStream, options: { readonly holdsNothing: boolean }): Result<"now" | "later", Refusal>;
  /** Why this first request of a type is for another replica to answer. */
  doubt(stream: AdsStream, demand: Demand): Refusal | undefined;
  /** It has what it asked for first. */
  settled(stream: AdsStream): void;
  /** The stream is over and must be forgotten. */
  ended(stream: AdsStream): void;
  readonly identifier: string;
}

/** What the method that was called says. */
export interface StreamKind {
  readonly variant: Variant;
  /** The only type of the stream; undefined when it may ask for all. */
  readonly typeUrl: string | undefined;
}

/** One stream; it ends itself when the client goes. */
export class AdsStream implements CallListener, Receiver {
  readonly streamId: number;
  readonly #kind: StreamKind;
  readonly #call: GrpcCall;
  readonly #ports: AdsStreamPorts;
  #node: NodeIdentity | undefined;
  #group: GroupName | undefined;
  #state: StreamState | undefined;
  /** The first request, while others are served before. */
  #waiting: Demand | undefined;
  /** When the machine is to be stepped again. */
  #wakeAtMs: number | undefined;
  /** Fires at `#timerAtMs`, which is not after `#wakeAtMs`. */
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = 0;
  #isSettled = false;
  #ended = false;

  constructor(streamId: number, kind: StreamKind, call: GrpcCall, ports: AdsStreamPorts) {
    this.streamId = streamId;
    this.#kind = kind;
    this.#call = call;
    this.#ports = ports;
  }

  message(bytes: Buffer): void {
    this.#ports.backlog.accept(this, bytes);
  }

  receive(bytes: Buffer): void {
    this.#guarded(() => this.#receive(bytes));
  }

  halfClosed(): void {
    // What it said before is answered before it ends.
    this.#ports.backlog.takeAll();
    this.#finish("the client ended the stream", () => this.#call.end(status.OK));
  }

  cancelled(reason: string): void {
    this.#finish(reason);
  }

  /** The group that this stream belongs to, once its node is known. */
  get group(): GroupName | undefined {
    return this.#group;
  }

  /** Its service is that of one type. */
  get isOfOneType(): boolean {
    return this.#kind.typeUrl !== undefined;
  }

  get state(): StreamState | undefined {
    return this.#state;
  }

  get node(): NodeIdentity | undefined {
    return this.#node;
  }

  /** What `look` finds in its state, once there is one. */
  inspect<Found>(look: (state: StreamState) => Found): readonly Found[] {
    return this.#state === undefined ? [] : [look(this.#state)];
  }

  /** Offers a newer snapshot, of this stream's group or of the one its node has moved to. */
  offer(snapshot: Snapshot): void {
    this.#guarded(() => {
      const atMs = this.#ports.clock.monotonicMs();
      this.#moveTo(snapshot.group, atMs);
      this.#step({ kind: "snapshot", snapshot, atMs });
    });
  }

  /** Looks again whether what it waits for has happened on another stream. */
  lookAgain(): void {
    if (this.#state === undefined) return;
    const { sequencer, syncedVersion } = this.#state;
    if (sequencer.phase === "settled" && syncedVersion === sequencer.snapshot?.version) return;
    this.#guarded(() => this.#step({ kind: "tick", atMs: this.#ports.clock.monotonicMs() }));
  }

  /** Ends the stream with a status that makes Envoy come back. */
  end(code: StatusCode, reason: string): void {
    this.#finish(reason, () => this.#call.end(code, reason));
  }

  #receive(bytes: Buffer): void {
    if (this.#ended) return;
    const request = this.#ports.decoder.decode(this.#kind.variant, bytes, { withNode: this.#node === undefined });
    const judged = judgeRequest(request, this.#kind.typeUrl);
    if ("refusal" in judged) this.end(judged.refusal.code, judged.refusal.reason);
    else if (this.#state !== undefined) this.#demand(judged.demand);
    else if (request.nodeProblem !== undefined) this.#turnAway(request.nodeProblem);
    else if (this.#open(request.node, judged.demand)) this.#enter(judged.demand);
  }

  /** It is its turn after it had to wait. */
  admitted(): void {
    const first = this.#waiting;
    this.#waiting = undefined;
    if (first === undefined || this.#ended) return;
    this.#guarded(() => this.#begin(first));
    this.#call.release();
  }

  #enter(first: Demand): void {
    const admitted = this.#ports.admit(this, { holdsNothing: holdsNothing(first) });
    if (!admitted.ok) {
      this.end(admitted.error.code, admitted.error.reason);
    } else if (admitted.value === "now") {
      this.#begin(first);
    } else {
      this.#waiting = first;
      this.#call.hold();
    }
  }

  #begin(first: Demand): void {
    this.#demand(first);
    // Of one type nothing more follows that would be worth a place; an Envoy may have thousands of such streams.
    if (this.#kind.typeUrl !== undefined && this.#call.bufferedBytes <= SMALL_BYTES_MAX) this.#settle();
  }

  /** Takes the first message's node; returns false when the stream was refused. */
  #open(raw: Parameters<typeof readNode>[0], first: Demand): boolean {
    const node = readNode(raw);
    if (!node.ok) {
      this.#turnAway(node.error);
      return false;
    }
    const { address: peer } = this.#call.peer;
    const atMs = this.#ports.clock.monotonicMs();
    const facts = { streamId: this.streamId, nodeId: node.value.id, atMs, node: node.value };
    const refuse = (code: StatusCode, reason: string, isTooEarly = false): false => {
      this.#ports.emit([{ kind: "stream-refused", ...facts, reason, isTooEarly, peer }]);
      this.end(code, reason);
      return false;
    };
    const unverified = this.#ports.verify(node.value, this.#call.peer);
    if (unverified !== undefined) return refuse(status.PERMISSION_DENIED, unverified);
    const assigned = this.#ports.assign(node.value);
    if (!assigned.ok) return refuse(status.UNAVAILABLE, assigned.error.reason, assigned.error.isTooEarly);
    this.#node = node.value;
    const excess = this.#ports.identified(this);
    if (excess !== undefined) return refuse(status.RESOURCE_EXHAUSTED, excess);
    this.#group = assigned.value.group;
    this.#state = createStream({
      streamId: this.streamId,
      nodeId: node.value.id,
      variant: this.#kind.variant,
      rejections: this.#ports.rejectionsOf(node.value.id),
      shared: this.#ports.shared,
      companions: () => this.#ports.companionsOf(this),
    });
    const { variant } = this.#kind;
    const startsEmpty = holdsNothing(first);
    this.#ports.emit([{ kind: "stream-opened", ...facts, variant, group: this.#group, peer, startsEmpty }]);
    this.#step({ kind: "snapshot", snapshot: assigned.value.snapshot, atMs });
    return true;
  }

  /** Nobody knows whose stream it is. */
  #turnAway(problem: NodeProblem): void {
    this.#ports.turnedAway(problem, this.#call.peer.address);
    this.end(status.INVALID_ARGUMENT, problem);
  }

  /** Said before the group's snapshot is stepped to, so that what follows counts for the new group. */
  #moveTo(group: GroupName, atMs: number): void {
    if (this.#ended || this.#node === undefined || group === this.#group) return;
    this.#group = group;
    this.#ports.emit([{ kind: "stream-moved", streamId: this.streamId, nodeId: this.#node.id, atMs, group }]);
  }

  #demand(demand: Demand): void {
    const group = this.#group;
    const isFirst = this.#state?.types.has(demand.typeUrl) === false;
    const doubt = isFirst && !this.#ended ? this.#ports.doubt(this, demand) : undefined;
    if (doubt !== undefined) return this.end(doubt.code, doubt.reason);
    this.#step({
      kind: "request",
      demand,
      atMs: this.#ports.clock.monotonicMs(),
      earlier: (typeUrl) => (group === undefined ? [] : this.#ports.earlier(group, typeUrl)),
    });
    const excess = this.#state && judgeHoldings(this.#state, demand.typeUrl);
    if (excess !== undefined) this.end(excess.code, excess.reason);
    this.#ports.stepped(this);
  }

  #step(input: StreamInput): void {
    if (this.#state === undefined || this.#ended) return;
    const { phase } = this.#state.sequencer;
    const outcome = step(this.#state, input);
    this.#state = outcome.state;
    if (phase !== outcome.state.sequencer.phase) this.#ports.stepped(this);
    this.#send(outcome.responses);
    if (outcome.events.length > 0) this.#ports.emit(outcome.events);
    // One that can never have all, because its bootstrap has no runtime layer, is as far as it gets as well.
    const isSettled = outcome.state.sequencer.phase === "settled" && outcome.state.sequencer.snapshot !== undefined;
    if (!this.#isSettled && isSettled && outcome.events.some(({ kind }) => kind === "synced" || kind === "gate")) {
      this.#settle();
    }
    this.#schedule(outcome.wakeAtMs);
  }

  #settle(): void {
    this.#isSettled = true;
    this.#ports.settled(this);
  }

  #send(responses: readonly Response[]): void {
    if (responses.length === 0) return;
    const frames = responses.map((response) => frameResponse(this.#kind.variant, response, this.#ports.identifier));
    this.#call.send(...frames);
  }

  /**
   * Sets a timer for what is due, unless one is set that fires before. A timer that is no longer needed is left
   * alone: it finds nothing to do, and a stream that changes often is spared to set and clear one at each step.
   */
  #schedule(wakeAtMs: number | undefined): void {
    this.#wakeAtMs = wakeAtMs;
    if (wakeAtMs === undefined || (this.#timer !== undefined && this.#timerAtMs <= wakeAtMs)) return;
    clearTimeout(this.#timer);
    const nowMs = this.#ports.clock.monotonicMs();
    const waitMs = Math.min(Math.max(wakeAtMs - nowMs, 0), TIMER_MS_MAX);
    this.#timerAtMs = nowMs + waitMs;
    // One more millisecond, because a timer may fire a fraction early and would spin.
    this.#timer = setTimeout(() => this.#guarded(() => this.#wake()), Math.ceil(waitMs) + 1);
  }

  #wake(): void {
    this.#timer = undefined;
    const atMs = this.#ports.clock.monotonicMs();
    if (this.#wakeAtMs !== undefined && this.#wakeAtMs <= atMs) this.#step({ kind: "tick", atMs });
    else this.#schedule(this.#wakeAtMs);
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (cause) {
      // The text of an internal error stays inside: it may quote a resource.
      this.#finish(`internal error: ${cause instanceof Error ? cause.message : String(cause)}`, () =>
        this.#call.end(status.INTERNAL, "the request could not be answered"),
      );
    }
  }

  #finish(reason: string, last?: () => void): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#ports.ended(this);
    if (this.#node !== undefined && this.#state !== undefined) {
      const atMs = this.#ports.clock.monotonicMs();
      this.#ports.emit([{ kind: "stream-closed", streamId: this.streamId, nodeId: this.#node.id, atMs, reason }]);
    }
    last?.();
  }
}
