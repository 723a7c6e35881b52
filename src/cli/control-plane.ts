/**
 * The running control plane: source → builder → publisher → nodes, put together.
 *
 * Everything that decides is in the pure stages; this class owns the lifetimes, and carries values from one to the next.
 * What is built is taken one after the other, so a decision is never made on a state that another one is about to
 * replace.
 */
import { setTimeout as elapsed } from "node:timers/promises";
import type { Source, SourceState } from "../config/source.ts";
import type { Contact } from "../etcd/follow-prefix.ts";
import type { AskedRequest } from "../explain/asked-request.ts";
import type { LoadReports } from "../evidence/load-reports.ts";
import type { RouteReports } from "../evidence/route-reports.ts";
import type { TrafficReports } from "../evidence/traffic-reports.ts";
import type { TrafficReader } from "../evidence/traffic-view.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { FleetSummary } from "../fleet/fleet-summary.ts";
import { isAccepted } from "../fleet/convergence.ts";
import type { Publication, PublicationInput } from "../snapshot/publication.ts";
import type { GroupName, Snapshot } from "../snapshot/snapshot.ts";
import type { GenerationStore } from "../store/generation-store.ts";
import type { StateStore } from "../store/state-store.ts";
import type { Clock } from "../support/clock.ts";
import type { Result } from "../support/result.ts";
import type { FairwayEvent } from "../telemetry/event.ts";
import type { RefusedInstances, UnnamedInstances } from "../model/read-instance.ts";
import type { SecretValidity } from "../model/validity.ts";
import type { DescriptorSet } from "../model/private-types.ts";
import type { AdsTransport } from "../xds/ads-server.ts";
import { AdsServer } from "../xds/ads-server.ts";
import type { InspectQuery, InspectedPage } from "../xds/inspect-stream.ts";
import { inspectStream, mergePages } from "../xds/inspect-stream.ts";
import type { StreamWait } from "../xds/stream-wait.ts";
import { currentWait } from "../xds/stream-wait.ts";
import type { BuildOutcome } from "./builder.ts";
import { Builder } from "./builder.ts";
import { Confirmations } from "./confirmations.ts";
import { protoFiles } from "./envoy-api-file.ts";
import type { ExplainedFacts } from "./explain-client.ts";
import { listenForReports } from "./listen-for-reports.ts";
import { LiveSplits, inputOfSplits } from "./live-splits.ts";
import { NamedContent } from "./named-content.ts";
import { Publisher } from "./publisher.ts";
import { SavedSnapshots } from "./saved-snapshots.ts";
import { ServedConfig } from "./served-config.ts";
import { ValidityTimer } from "./validity-timer.ts";
import type { PastSnapshot } from "./shared-history.ts";
import type { RegistryPositions, SharedEtcd } from "./shared-state.ts";
import { SharedState } from "./shared-state.ts";

/** Without the weights that were set nothing is built; the last known good must not wait for etcd for long. */
const SPLITS_MS_MAX = 2_000;

/** Each list of what is refused has as many. */
const REFUSED_LISTED_MAX = 100;

/** What it is built from. */
export interface ControlPlaneOptions {
  readonly source: Source;
  /** Where instances register and more is shared; absent where there is none. */
  readonly etcd?: SharedEtcd | undefined;
  readonly store: GenerationStore;
  readonly clock: Clock;
  readonly identifier: string;
  /** As whom the other replicas know this one; the identifier where it has no others. */
  readonly replica?: string;
  readonly soakMs: number;
  /** How nodes connect. */
  readonly transport?: AdsTransport | undefined;
  /** How often nodes are asked to report the load on their clusters. */
  readonly loadIntervalMs: number;
  /** For what deserves a line in the log and is no event. */
  readonly onWarning?: ((text: string) => void) | undefined;
  /** Where live state is kept; with etcd it is there, and this is not used. Without either no weights can be set. */
  readonly state?: StateStore | undefined;
  /** Private types beside the Envoy API. */
  readonly sets?: readonly DescriptorSet[];
  /** How a prefix of etcd is now; undefined when it is followed no more. */
  readonly onEtcdContact?: ((prefix: string, contact: Contact | undefined) => void) | undefined;
  /** `registryPositions` may be others than before. */
  readonly onRegistryProgress?: (() => void) | undefined;
  /** Log, metrics and timeline. */
  record(event: FairwayEvent): void;
}

/** Starts once, closes once. */
export class ControlPlane {
  readonly server: AdsServer;
  readonly loads: LoadReports;
  readonly trafficReports: TrafficReports;
  readonly routeReports: RouteReports;
  /** Of what the guard holds. */
  readonly confirmations: Confirmations;
  readonly #options: ControlPlaneOptions;
  readonly #builder: Builder;
  readonly #named: NamedContent;
  readonly #validity: ValidityTimer;
  readonly #shared: SharedState | undefined;
  /** The weights that were set; absent where there is no state to keep them. */
  readonly splits: LiveSplits | undefined;
  /** The config as far as it is served. */
  readonly servedConfig: ServedConfig;
  /** Builds of which the outcome has not been decided on yet. */
  #undecided = 0;
  readonly #saved: SavedSnapshots;
  readonly #publisher: Publisher;
  #config: SourceState | undefined;
  #work: Promise<void> = Promise.resolve();
  #closing = false;

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
    const { clock } = options;
    this.#named = this.#nameContent();
    this.#shared = options.etcd && this.#share(options.etcd);
    this.splits = this.#followSplits(this.#shared?.store ?? options.state);
    this.confirmations = new Confirmations({
      store: this.#shared?.store,
      clock,
      replica: options.replica ?? options.identifier,
      publication: () => this.publication,
      // Its splits are those in force when it is built once more.
      release: (confirmation) =>
        this.#take({ kind: "confirmed", confirmation }).then(() => this.#buildAgain("a confirmed change")),
    });
    this.server = new AdsServer({
      clock,
      identifier: options.identifier,
      transport: options.transport,
      protoFiles,
      earlier: (group, typeUrl) => this.#publisher.earlier(group, typeUrl),
      replicas: this.#shared?.replicas,
      emit: (events) => {
        for (const event of events) this.#record(event);
      },
    });
    const { loads, traffic, routes } = listenForReports(this.server, {
      ...options,
      record: (event) => this.#record(event),
    });
    this.loads = loads;
    this.trafficReports = traffic;
    this.routeReports = routes;
    this.#validity = new ValidityTimer({ clock, onMoment: () => this.#buildAgain("the validity of a certificate") });
    this.#builder = new Builder({
      clock,
      files: this.#named,
      registry: this.#shared?.registry,
      splits: this.splits,
      sets: options.sets ?? [],
      onOutcome: (outcome) => {
        this.#undecided += 1;
        this.#enqueue(() => this.#decide(outcome));
      },
      onPersisted: (persisted) => {
        const served = this.publication.served.get(persisted.group)?.version === persisted.version;
        this.#saved.keep(persisted, served);
      },
    });
    this.#saved = new SavedSnapshots({
      store: options.store,
      clock,
      soakMs: options.soakMs,
      isAccepted: (group) => isAccepted(this.fleet, group),
      emit: (event) => {
        if (event.kind === "lkg-promoted") this.servedConfig.promoted(event.group, event.snapshotVersion);
        this.#record(event);
      },
    });
    this.servedConfig = new ServedConfig({ write: (key, bytes) => this.#saved.beside(key, bytes) });
    this.#publisher = new Publisher({
      clock,
      server: this.server,
      saved: this.#saved,
      shared: this.#shared,
      onDecided: () => this.confirmations.decided(),
      record: (event) => this.#record(event),
    });
  }

  /** Whether nodes are answered: the first snapshots were handed to the server. */
  get isServing(): boolean {
    return this.#publisher.isServing;
  }

  /** What Envoys last said of requests to clusters. */
  get traffic(): TrafficReader {
    return this.trafficReports.ledger;
  }

  get fleet(): Fleet {
    return this.#publisher.fleet;
  }

  /** What other replicas have told of their nodes. */
  otherFleets(): readonly FleetSummary[] {
    return this.#shared?.fleets.others() ?? [];
  }

  /** What any replica has served to a group, as far as it is kept; newest first. */
  sharedHistory(group: GroupName): readonly PastSnapshot[] {
    return this.#shared?.history.of(group) ?? [];
  }

  /** A snapshot that another replica has served, or this one before it was started anew. */
  async findShared(version: string): Promise<Snapshot | undefined> {
    return this.#shared?.history.find(version);
  }

  /** What the open streams of a node wait for at this moment. */
  readonly waitsOf = (nodeId: string): readonly StreamWait[] =>
    this.server.inspect(nodeId, currentWait).filter((wait) => wait !== undefined);

  /** What an open node has of each resource, and is to have; undefined when it has no stream. */
  inspectNode(nodeId: string, query: InspectQuery): InspectedPage | undefined {
    const pages = this.server.inspect(nodeId, (state) => inspectStream(state, query));
    return pages.length === 0 ? undefined : mergePages(pages, query.limit);
  }

  get registryPositions(): RegistryPositions {
    return this.#shared?.positions ?? { reached: new Map(), acknowledged: new Map(), nodesCount: 0 };
  }

  /** What registers and is no instance: as of the newest build, and what lies too deep to be in one. */
  get refusedInstances(): RefusedInstances {
    const { count, first } = this.#publisher.refusedInstances;
    const deep = this.#shared?.registry.strays.refused;
    if (deep === undefined) return { count, first };
    return { count: count + deep.count, first: [...first, ...deep.first].slice(0, REFUSED_LISTED_MAX) };
  }

  /** What registers and is of no service. */
  get unnamedInstances(): UnnamedInstances {
    return this.#shared?.registry.strays.unnamed ?? { count: 0, prefixes: [] };
  }

  /** When the certificates of the newest build that was not refused are valid. */
  get validities(): readonly SecretValidity[] {
    return this.#publisher.validities;
  }

  get publication(): Publication {
    return this.#publisher.publication;
  }

  /** Reads the disk, then the source. Nothing is served before the first build, or the last known good instead of it. */
  async start(): Promise<void> {
    this.#shared?.registry.readAhead();
    this.servedConfig.restore((await this.#publisher.restore()).configs);
    const inVain = new AbortController();
    await Promise.race([this.splits?.start(), elapsed(SPLITS_MS_MAX, undefined, inVain)]).catch(() => undefined);
    inVain.abort();
    await this.#options.source.start((state) => this.#takeSource(state));
  }

  /** What is known of etcd has become newer, with or without a change. */
  inputReached(): void {
    this.#shared?.replicas.reached();
  }

  /** What an Envoy with this snapshot does with a request; the building thread finds out. */
  explain(asked: AskedRequest, snapshot: Snapshot): Promise<Result<ExplainedFacts, string>> {
    return this.#builder.explain(asked, snapshot);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#options.source.close();
    await this.#named.close();
    this.#validity.close();
    this.confirmations.close();
    this.splits?.close();
    this.#shared?.closeInputs();
    await this.#builder.close();
    await this.#work;
    await this.server.close();
    this.#shared?.close();
    await this.#saved.close();
  }

  #followSplits(store: StateStore | undefined): LiveSplits | undefined {
    if (store === undefined) return undefined;
    const { clock, onWarning } = this.#options;
    return new LiveSplits({
      store,
      clock,
      random: Math.random,
      onChange: (change) => this.#takeWeights(change),
      onChanged: (split, change) => this.#record({ kind: "split-changed", atMs: clock.monotonicMs(), split, change }),
      onWarning: (text) => onWarning?.(text),
      onReached: () => this.inputReached(),
    });
  }

  #nameContent(): NamedContent {
    const { clock, etcd, onWarning } = this.#options;
    return new NamedContent({
      clock,
      etcd: etcd?.port,
      onWarning,
      onChange: (change) => {
        if (this.#config !== undefined) this.#takeSource({ ...this.#config, ...change });
      },
      onContact: (prefix, contact) => this.#options.onEtcdContact?.(prefix, contact),
      onReached: () => this.inputReached(),
    });
  }

  #share(etcd: SharedEtcd): SharedState {
    const { clock, onWarning } = this.#options;
    return new SharedState({
      etcd,
      secrets: this.#named.input,
      // They are kept in what is shared, so they come after it.
      splits: inputOfSplits(() => this.splits),
      clock,
      fleet: () => this.fleet,
      served: () => this.publication.served,
      groups: () => new Set(this.publication.groups.map(({ name }) => name)),
      isSettled: () => this.#undecided === 0 && this.#builder.isIdle,
      onInstances: (change) => {
        if (this.#config !== undefined) this.#takeSource({ ...this.#config, ...change });
      },
      onStanding: () => this.server.replicasChanged(),
      onContact: (prefix, contact) => this.#options.onEtcdContact?.(prefix, contact),
      onWarning: (text) => onWarning?.(text),
      onProgress: () => this.#options.onRegistryProgress?.(),
      record: (event) => this.#record(event),
    });
  }

  /** When what there is to say of it is another thing, although it has not changed. */
  #buildAgain(cause: string): void {
    if (this.#config === undefined) return;
    this.#takeSource({ ...this.#config, cause, noticedAtMs: this.#options.clock.monotonicMs() });
  }

  async #decide(outcome: BuildOutcome): Promise<void> {
    const { kind, state } = outcome;
    const standsIn = state.standsInFor !== undefined;
    // That it cannot be built anew changes nothing: it is served as it is.
    if (!standsIn || kind === "built") await this.#publisher.take(outcome);
    this.#undecided -= 1;
    if (kind === "built") {
      this.#options.onRegistryProgress?.();
      this.#validity.follow(outcome.validities);
      this.splits?.define(outcome.splits);
    }
    this.servedConfig.decided(outcome, this.publication);
    if (!standsIn && !this.servedConfig.isKnown) {
      this.#buildServed({ cause: "the last known good config", noticedAtMs: state.noticedAtMs });
    }
    this.#shared?.replicas.reached();
  }

  /**
   * Weights must be changed also while the config is refused, or some of it is held: the canary that has to go does not
   * wait until somebody has found a missing bracket. So what is served is built with them first.
   */
  #takeWeights(change: Pick<SourceState, "cause" | "noticedAtMs">): void {
    if (this.#config === undefined) return;
    this.#buildServed(change);
    this.#takeSource({ ...this.#config, ...change });
  }

  /** Nothing while the newest config is in force, which is built anyway. */
  #buildServed(change: Pick<SourceState, "cause" | "noticedAtMs">): void {
    const served = this.servedConfig.standIn(this.publication, change);
    if (served !== undefined && !this.#closing) this.#builder.buildAhead(served);
  }

  #takeSource(state: SourceState): void {
    this.#config = state;
    if (!this.#closing) this.#builder.build(state);
  }

  /** Decides on an input that is no build, when those before it are decided. */
  #take(input: PublicationInput): Promise<void> {
    return new Promise((resolve) => this.#enqueue(() => this.#publisher.decide(input).then(() => resolve())));
  }

  /** One thing at a time; a failure in one must not stop the next. */
  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((cause: unknown) => {
      // Nothing in the pipeline is expected to throw: this is a bug, and the process must not live on with it unseen.
      queueMicrotask(() => {
        throw cause;
      });
    });
  }

  #record(event: FairwayEvent): void {
    if ("streamId" in event) {
      this.#publisher.hear(event);
      if (event.kind !== "sent" && event.kind !== "acked") this.#options.onRegistryProgress?.();
      this.#shared?.fleets.changed();
    }
    this.#options.record(event);
  }
}
