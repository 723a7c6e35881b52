/**
 * The gRPC server: aggregated discovery in both variants, for as many nodes as come.
 *
 * `publish` gives it the newest snapshots; before the first one every stream is answered UNAVAILABLE, never
 * with an empty response, because to Envoy an empty response means "delete everything".
 */
import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import type { ServerDuplexStream } from "@grpc/grpc-js";
import { AggregatedDiscoveryServiceService } from "../gen/envoy/service/discovery/v3/ads.ts";
import type { NodeGroup } from "../model/intent.ts";
import type { GroupName, Snapshot, TypeTable } from "../snapshot/snapshot.ts";
import type { Clock } from "../support/clock.ts";
import { brand } from "../support/brand.ts";
import { FairwayError } from "../support/fairway-error.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import { AdsStream } from "./ads-stream.ts";
import { matchGroup } from "./match-group.ts";
import { OpenStreams } from "./open-streams.ts";
import { createRejectionMemory } from "./rejection-memory.ts";
import { createSharedResponses } from "./shared-responses.ts";
import type { NodeIdentity, StreamEvent } from "./stream-event.ts";
import type { StreamState, Variant } from "./stream-state.ts";

/** grpc-js' default of 4 MiB cuts off an Envoy that reconnects with many held versions (envoy#46072). */
const RECEIVE_BYTES_MAX = 32 * 1024 * 1024;

/**
 * A push serves streams for this long before the event loop gets a turn: fifty small pushes take less, one
 * first push of five thousand services takes more.
 */
const FAN_OUT_MS_MAX = 5;

/** A client that is gone without a word is noticed after these two together. */
const KEEPALIVE_TIME_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;

/** How long open calls may take to end before the sockets are closed. */
const SHUTDOWN_MS = 2_000;

/** Who gets what. */
export interface Assignment {
  readonly groups: readonly Pick<NodeGroup, "name" | "match">[];
  /** By group; a group that has gone from the config keeps its last snapshot here while nodes use it. */
  readonly snapshots: ReadonlyMap<GroupName, Snapshot>;
}

/** What the server is handed. */
export interface AdsServerOptions {
  readonly clock: Clock;
  /** Sent in every response: replica and build. */
  readonly identifier: string;
  /** The tables of a type in the group's snapshots, newest first: what a client that comes back may hold. */
  earlier(group: GroupName, typeUrl: string): readonly TypeTable[];
  emit(events: readonly StreamEvent[]): void;
}

/** The server; `listen` once, `publish` often, `close` at the end. */
export class AdsServer {
  readonly #options: AdsServerOptions;
  readonly #server: Server;
  readonly #streams = new OpenStreams<AdsStream>();
  readonly #rejections = createRejectionMemory();
  readonly #shared = createSharedResponses();
  #assignment: Assignment | undefined;
  #streamIds = 0;
  #generation = 0;

  constructor(options: AdsServerOptions) {
    this.#options = options;
    this.#server = new Server({
      "grpc.max_receive_message_length": RECEIVE_BYTES_MAX,
      "grpc.keepalive_time_ms": KEEPALIVE_TIME_MS,
      "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
      "grpc.keepalive_permit_without_calls": 1,
    });
    const { streamAggregatedResources, deltaAggregatedResources } = AggregatedDiscoveryServiceService;
    this.#server.addService(
      { sotw: passBytes(streamAggregatedResources), delta: passBytes(deltaAggregatedResources) },
      {
        sotw: (call: ServerDuplexStream<Buffer, Buffer>) => this.#accept("sotw", call),
        delta: (call: ServerDuplexStream<Buffer, Buffer>) => this.#accept("delta", call),
      },
    );
  }

  /** Binds `host:port`; resolves to the bound port. */
  async listen(address: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (cause, port) => {
        if (cause === null) resolve(port);
        else reject(listenError(address, cause));
      });
    });
  }

  /** Streams open now. */
  get streamsCount(): number {
    return this.#streams.size;
  }

  /** What `look` finds in each open stream of a node; it must neither change nor keep the state. */
  inspect<Found>(nodeId: string, look: (state: StreamState) => Found): readonly Found[] {
    return this.#streams.of(nodeId).flatMap((stream) => stream.inspect(look));
  }

  /** Makes this the newest state; resolves when every open stream was offered it. */
  async publish(assignment: Assignment): Promise<void> {
    this.#assignment = assignment;
    this.#generation += 1;
    const generation = this.#generation;
    let turnStartedMs = this.#options.clock.monotonicMs();
    for (const stream of this.#streams.all()) {
      const { node, group } = stream;
      if (node === undefined || group === undefined) continue;
      const assigned = this.#assign(node);
      const snapshot = assigned.ok ? assigned.value.snapshot : assignment.snapshots.get(group);
      if (snapshot !== undefined) stream.offer(snapshot);
      if (this.#options.clock.monotonicMs() - turnStartedMs < FAN_OUT_MS_MAX) continue;
      await new Promise(setImmediate);
      turnStartedMs = this.#options.clock.monotonicMs();
      // A newer state has come meanwhile and serves the rest.
      if (generation !== this.#generation) return;
    }
  }

  /** Ends all streams, so that their Envoys go to another replica, and stops listening. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.tryShutdown(() => resolve()));
    for (const stream of this.#streams.all()) stream.end(status.UNAVAILABLE, "the control plane is shutting down");
    const forced = setTimeout(() => this.#server.forceShutdown(), SHUTDOWN_MS);
    await closed;
    clearTimeout(forced);
  }

  #accept(variant: Variant, call: ServerDuplexStream<Buffer, Buffer>): void {
    this.#streamIds += 1;
    const stream = new AdsStream(this.#streamIds, variant, call, {
      clock: this.#options.clock,
      identifier: this.#options.identifier,
      assign: (node) => this.#assign(node),
      earlier: (group, typeUrl) => this.#options.earlier(group, typeUrl),
      rejectionsOf: (nodeId) => this.#rejections.of(nodeId),
      shared: this.#shared,
      emit: (events) => this.#options.emit(events),
      identified: (identified) => this.#streams.identified(identified),
      ended: (ended) => this.#streams.delete(ended),
    });
    this.#streams.add(stream);
  }

  #assign(node: NodeIdentity): Result<{ readonly group: GroupName; readonly snapshot: Snapshot }, string> {
    if (this.#assignment === undefined) {
      return err("the control plane has no valid snapshot yet and is not ready to serve");
    }
    const matched = matchGroup(node, this.#assignment.groups);
    if (!matched.ok) return matched;
    const group = brand<GroupName>(matched.value);
    const snapshot = this.#assignment.snapshots.get(group);
    return snapshot === undefined ? err(`group "${group}" has no valid snapshot yet`) : ok({ group, snapshot });
  }
}

/** The same method with messages left as bytes: requests are decoded in the stream, responses are framed once. */
function passBytes<Method extends { readonly path: string }>(method: Method) {
  const same = (bytes: Buffer): Buffer => bytes;
  return {
    path: method.path,
    requestStream: true as const,
    responseStream: true as const,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

function listenError(address: string, cause: Error): FairwayError {
  const taken = cause.message.includes("EADDRINUSE");
  return taken
    ? new FairwayError("PORT_IN_USE", `xDS cannot listen on ${address}: it is in use; choose another with --xds`, {
        cause,
      })
    : new FairwayError("LISTEN_FAILED", `xDS cannot listen on ${address}: ${cause.message}`, { cause });
}
