/**
 * The xDS server: aggregated discovery and the service of each type, in both variants, for as many nodes as come.
 *
 * `publish` gives it the newest snapshots; before the first one every stream is answered UNAVAILABLE, never
 * with an empty response, because to Envoy an empty response means "delete everything".
 */
import type { CallListener, GrpcCall } from "../grpc/call.ts";
import { nobody } from "../grpc/call.ts";
import type { Method } from "../grpc/connection.ts";
import type { GrpcAddress, GrpcTls } from "../grpc/grpc-server.ts";
import type { HandshakeFailure } from "../grpc/failed-handshake.ts";
import { GrpcServer } from "../grpc/grpc-server.ts";
import type { GrpcLimits } from "../grpc/limits.ts";
import { status } from "../grpc/status.ts";
import type { NodeGroup } from "../model/intent.ts";
import type { GroupName, Snapshot, TypeTable } from "../snapshot/snapshot.ts";
import { present } from "../support/assert.ts";
import type { Clock } from "../support/clock.ts";
import { brand } from "../support/brand.ts";
import { FairwayError } from "../support/fairway-error.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import { Admission } from "./admission.ts";
import type { Unassigned } from "./ads-stream.ts";
import type { AdsStreamPorts, StreamKind } from "./ads-stream.ts";
import { AdsStream } from "./ads-stream.ts";
import { Backlog } from "./backlog.ts";
import { Companions } from "./companions.ts";
import { createRequestDecoder } from "./decode-request.ts";
import type { DescriptorFiles } from "./descriptor-files.ts";
import { HealthService } from "./health-service.ts";
import type { Refusal } from "./judge-request.ts";
import { matchGroup } from "./match-group.ts";
import { OpenStreams } from "./open-streams.ts";
import { reflectionMethods } from "./reflection-service.ts";
import type { Replicas } from "./replica-gate.ts";
import { ReplicaGate } from "./replica-gate.ts";
import { createRejectionMemory } from "./rejection-memory.ts";
import { discoveryMethods } from "./services.ts";
import { createSharedResponses } from "./shared-responses.ts";
import type { DoorEvent, NodeIdentity, StreamEvent } from "./stream-event.ts";
import { StreamRate } from "./stream-rate.ts";
import { refusalOfNode } from "./verify-node.ts";
import type { StreamState } from "./stream-state.ts";
import type { TurnedAwayReason } from "./turned-away.ts";
import { TurnedAway } from "./turned-away.ts";

/**
 * A push serves streams for this long before the event loop gets a turn: fifty small pushes take less, one
 * first push of five thousand services takes more.
 */
const FAN_OUT_MS_MAX = 5;

/** Envoys are sent to other replicas within this, and then have a moment to close their side. */
const SHUTDOWN_SPREAD_MS = 5_000;
const SHUTDOWN_GRACE_MS = 2_000;

/** An Envoy without ADS opens a stream for the endpoints of each of its clusters. */
const STREAMS_OF_NODE_MAX = 5_000;
const STREAMS_MAX = 100_000;

/** Who gets what. */
export interface Assignment {
  readonly groups: readonly Pick<NodeGroup, "name" | "match">[];
  /** By group; a group that has gone from the config keeps its last snapshot here while nodes use it. */
  readonly snapshots: ReadonlyMap<GroupName, Snapshot>;
}

/** How nodes connect; without any of it they do so in plain text, and are believed. */
export interface AdsTransport {
  readonly tls?: GrpcTls | undefined;
  /** A node must have a certificate with its id or its cluster; needs a client CA. */
  readonly verifiesNode?: boolean | undefined;
  readonly connectionAgeMsMax?: number | undefined;
  /** A test makes them small. */
  readonly limits?: Partial<GrpcLimits>;
}

/** What the server is handed. */
export interface AdsServerOptions {
  readonly clock: Clock;
  /** Sent in every response: replica and build. */
  readonly identifier: string;
  readonly transport?: AdsTransport | undefined;
  /** The proto files of the services, for reflection; loaded when somebody asks. Without them there is none. */
  readonly protoFiles?: (() => DescriptorFiles) | undefined;
  /** The tables of a type in the group's snapshots, newest first: what a client that comes back may hold. */
  earlier(group: GroupName, typeUrl: string): readonly TypeTable[];
  emit(events: readonly (StreamEvent | DoorEvent)[]): void;
  /** What is known of the other replicas; absent where there is nobody to ask. */
  readonly replicas?: Replicas | undefined;
  /** Open at a time; a test makes it small. */
  readonly streamsMax?: number;
}

/** The server; `listen` once, `publish` often, `close` at the end. */
export class AdsServer {
  readonly #options: AdsServerOptions;
  readonly #server: GrpcServer;
  readonly #streams = new OpenStreams<AdsStream>();
  readonly #companions = new Companions(this.#streams);
  readonly #rejections = createRejectionMemory();
  readonly #shared = createSharedResponses();
  readonly #decoder = createRequestDecoder();
  readonly #health = new HealthService();
  readonly #rate = new StreamRate();
  readonly #turnedAway: TurnedAway<TurnedAwayReason>;
  readonly #handshakes: TurnedAway<HandshakeFailure>;
  readonly #admission: Admission;
  readonly #backlog: Backlog;
  readonly #gate: ReplicaGate<AdsStream> | undefined;
  readonly #ports: AdsStreamPorts;
  #assignment: Assignment | undefined;
  #streamIds = 0;
  #generation = 0;
  #isClosing = false;

  constructor(options: AdsServerOptions) {
    this.#options = options;
    this.#server = new GrpcServer({
      ...options.transport,
      onFailedHandshake: ({ reason, peer }) => this.#handshakes.add(reason, peer),
    });
    this.#admission = new Admission(options.clock);
    this.#backlog = new Backlog(options.clock);
    const { clock, replicas } = options;
    if (replicas !== undefined) {
      this.#gate = new ReplicaGate<AdsStream>({ clock, replicas, pass: (stream) => this.#pass(stream) });
    }
    const nowMs = () => options.clock.monotonicMs();
    this.#turnedAway = new TurnedAway({
      nowMs,
      tell: (refusals) => options.emit([{ kind: "streams-turned-away", ...refusals }]),
    });
    this.#handshakes = new TurnedAway({
      nowMs,
      tell: (refusals) => options.emit([{ kind: "handshakes-failed", ...refusals }]),
    });
    this.#ports = this.#portsOfStreams();
    for (const { path, variant, typeUrl } of discoveryMethods) {
      this.register(path, (call) =>
        variant === "poll" ? refusePolling(call) : this.#accept({ variant, typeUrl }, call),
      );
    }
    for (const [path, method] of this.#health.methods) this.register(path, method);
    if (options.protoFiles !== undefined) this.#reflect(options.protoFiles);
  }

  /** Another service beside discovery, on the same port; all are registered before `listen`. */
  register(path: string, method: Method): void {
    this.#server.register(path, method);
    this.#health.add(path);
  }

  #reflect(load: () => DescriptorFiles): void {
    let loaded: DescriptorFiles | undefined;
    const source = { services: () => this.#health.services, files: () => (loaded ??= load()) };
    for (const [path, method] of reflectionMethods(source)) this.register(path, method);
  }

  /** Binds `host:port`, or `unix:` and a path; resolves to the bound port. */
  async listen(address: string): Promise<number> {
    try {
      return await this.#server.listen(readAddress(address));
    } catch (cause) {
      throw listenError(address, cause);
    }
  }

  /** Takes renewed certificates for the connections to come. */
  renewTls(tls: GrpcTls): void {
    this.#server.renewTls(tls);
  }

  /** Streams open now. */
  get streamsCount(): number {
    return this.#streams.size;
  }

  /** The nodes that have a stream, sorted by id, as the newest stream of each says. */
  nodes(): readonly NodeIdentity[] {
    const byId = new Map<string, NodeIdentity>();
    for (const { node } of this.#streams.all()) if (node !== undefined) byId.set(node.id, node);
    return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** What `look` finds in each open stream of a node; it must neither change nor keep the state. */
  inspect<Found>(nodeId: string, look: (state: StreamState) => Found): readonly Found[] {
    return this.#streams.of(nodeId).flatMap((stream) => stream.inspect(look));
  }

  /** Makes this the newest state; resolves when every open stream was offered it. */
  async publish(assignment: Assignment): Promise<void> {
    this.#assignment = assignment;
    this.#generation += 1;
    this.#health.set(assignment.snapshots.size > 0 && !this.#isClosing);
    const generation = this.#generation;
    this.#backlog.open();
    try {
      await this.#offerToAll(assignment, generation);
    } finally {
      // A newer state that has come meanwhile keeps it open.
      if (generation === this.#generation) this.#backlog.close();
    }
  }

  async #offerToAll(assignment: Assignment, generation: number): Promise<void> {
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

  /** The other replicas have served something new, or what is known of them has changed. */
  replicasChanged(): void {
    this.#gate?.changed();
  }

  /** Ends all streams, so that their Envoys go to another replica, and stops listening. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#health.set(false);
    this.#turnedAway.close();
    this.#handshakes.close();
    await this.#server.close({
      reason: "the control plane is shutting down",
      spreadMs: SHUTDOWN_SPREAD_MS,
      graceMs: SHUTDOWN_GRACE_MS,
    });
  }

  #accept(kind: StreamKind, call: GrpcCall): CallListener {
    const isTooMany = this.#streams.size >= (this.#options.streamsMax ?? STREAMS_MAX);
    if (isTooMany || !this.#rate.take(this.#options.clock.monotonicMs())) {
      const reason = isTooMany ? "there are too many streams" : "too many streams are being opened";
      this.#turnedAway.add(reason, call.peer.address);
      call.end(status.UNAVAILABLE, reason);
      return nobody;
    }
    this.#streamIds += 1;
    const stream = new AdsStream(this.#streamIds, kind, call, this.#ports);
    this.#streams.add(stream);
    this.#companions.opened(stream);
    return stream;
  }

  /** The same for all streams. */
  #portsOfStreams(): AdsStreamPorts {
    const { clock, identifier, transport } = this.#options;
    return {
      clock,
      identifier,
      verify: (node, peer) => (transport?.verifiesNode === true ? refusalOfNode(node, peer) : undefined),
      assign: (node) => this.#assign(node),
      earlier: (group, typeUrl) => this.#options.earlier(group, typeUrl),
      rejectionsOf: (nodeId) => this.#rejections.of(nodeId),
      shared: this.#shared,
      decoder: this.#decoder,
      backlog: this.#backlog,
      companionsOf: (of) => this.#companions.of(of),
      stepped: (stepped) => this.#companions.stepped(stepped),
      emit: (events) => this.#options.emit(events),
      turnedAway: (problem, peer) => this.#turnedAway.add(problem, peer),
      identified: (stream) =>
        this.#streams.identified(stream) <= STREAMS_OF_NODE_MAX ? undefined : "this node has too many streams",
      admit: (stream, options) =>
        this.#gate?.enter(stream, options) === "later" ? ok("later") : this.#admit(stream, options),
      doubt: ({ node, group }, demand) =>
        node === undefined || group === undefined
          ? undefined
          : this.#gate?.doubt({ nodeId: node.id, group }, demand, () => this.#options.earlier(group, demand.typeUrl)),
      settled: (stream) => this.#admission.leave(stream),
      ended: (stream) => {
        this.#gate?.leave(stream);
        this.#admission.leave(stream);
        this.#streams.delete(stream);
        this.#companions.closed(stream);
      },
    };
  }

  #admit(stream: AdsStream, options: { readonly holdsNothing: boolean }): Result<"now" | "later", Refusal> {
    const admitted = this.#admission.enter(stream, options);
    const reason = "too many nodes wait for their first configuration";
    return admitted === "refused" ? err({ code: status.UNAVAILABLE, reason }) : ok(admitted);
  }

  /** It has waited for what other replicas have served; those that hold nothing seldom do. */
  #pass(stream: AdsStream): void {
    const admitted = this.#admit(stream, { holdsNothing: false });
    if (!admitted.ok) stream.end(admitted.error.code, admitted.error.reason);
    else if (admitted.value === "now") stream.admitted();
  }

  #assign(node: NodeIdentity): Result<{ readonly group: GroupName; readonly snapshot: Snapshot }, Unassigned> {
    if (this.#assignment === undefined) {
      return tooEarly("the control plane has no valid snapshot yet and is not ready to serve");
    }
    const matched = matchGroup(node, this.#assignment.groups);
    if (!matched.ok) return err({ reason: matched.error, isTooEarly: false });
    const group = brand<GroupName>(matched.value);
    const snapshot = this.#assignment.snapshots.get(group);
    return snapshot === undefined ? tooEarly(`group "${group}" has no valid snapshot yet`) : ok({ group, snapshot });
  }
}

function tooEarly(reason: string): Result<never, Unassigned> {
  return err({ reason, isTooEarly: true });
}

/** Who polls learns of a change late and acknowledges nothing, so no change could be made safe. */
function refusePolling(call: GrpcCall): CallListener {
  call.end(status.UNIMPLEMENTED, "resources are not fetched but streamed: use api_type GRPC or DELTA_GRPC");
  return nobody;
}

function readAddress(text: string): GrpcAddress {
  const [, path] = /^unix:(.+)$/.exec(text) ?? [];
  if (path !== undefined) return { path };
  const [, v6, host, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text) ?? [];
  return { host: present(v6 ?? host, "the options were checked"), port: Number(port) };
}

function listenError(address: string, cause: unknown): FairwayError {
  const words = cause instanceof Error ? cause.message : String(cause);
  return words.includes("EADDRINUSE")
    ? new FairwayError("PORT_IN_USE", `xDS cannot listen on ${address}: it is in use; choose another with --xds`, {
        cause,
      })
    : new FairwayError("LISTEN_FAILED", `xDS cannot listen on ${address}: ${words}`, { cause });
}
