/**
 * The running control plane: source → builder → publication → disk → nodes, put together.
 *
 * Everything that decides is in the pure stages; this class owns the lifetimes and carries values from one
 * to the next. Inputs are taken one after the other, so a decision is never made on a state that another
 * one is about to replace.
 */
import { DirectorySource } from "../config/directory-source.ts";
import { ReferencedFiles, referencedFiles } from "../config/referenced-files.ts";
import type { RegistryRevisions } from "../config/registry.ts";
import type { Source, SourceProblem, SourceState } from "../config/source.ts";
import type { EtcdPort } from "../etcd/etcd-port.ts";
import type { AskedRequest } from "../explain/asked-request.ts";
import { LoadReports } from "../evidence/load-reports.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { FleetSummary } from "../fleet/fleet-summary.ts";
import { createFleet, step as stepFleet } from "../fleet/fleet.ts";
import { isAccepted } from "../fleet/convergence.ts";
import { LoadReportingServiceDefinition } from "../gen/envoy/service/load_stats/v3/lrs.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { NodeGroup } from "../model/intent.ts";
import { newWarnings } from "../model/new-warnings.ts";
import type { Publication, PublicationDecision, PublicationInput } from "../snapshot/publication.ts";
import { emptyPublication, publish } from "../snapshot/publication.ts";
import { diffSnapshots } from "../snapshot/diff.ts";
import type { GroupName, Snapshot, TypeTable } from "../snapshot/snapshot.ts";
import type { GenerationStore } from "../store/generation-store.ts";
import type { Clock } from "../support/clock.ts";
import type { Result } from "../support/result.ts";
import type { FairwayEvent } from "../telemetry/event.ts";
import type { DescriptorSet } from "../model/private-types.ts";
import type { AdsTransport } from "../xds/ads-server.ts";
import { AdsServer } from "../xds/ads-server.ts";
import type { InspectQuery, InspectedPage } from "../xds/inspect-stream.ts";
import { inspectStream, mergePages } from "../xds/inspect-stream.ts";
import { refusalOfNode } from "../xds/verify-node.ts";
import type { StreamWait } from "../xds/stream-wait.ts";
import { currentWait } from "../xds/stream-wait.ts";
import type { BuildOutcome } from "./builder.ts";
import { Builder } from "./builder.ts";
import { protoFiles } from "./envoy-api-file.ts";
import type { EtcdInput } from "./replica-standing.ts";
import type { ExplainedFacts } from "./explain-client.ts";
import type { SavedState } from "./saved-snapshots.ts";
import { SavedSnapshots, standIn } from "./saved-snapshots.ts";
import type { PastSnapshot } from "./shared-history.ts";
import { SharedState } from "./shared-state.ts";

/** Earlier snapshots whose resources a returning node may still hold. */
const EARLIER_SNAPSHOTS_MAX = 10;

/** What it is built from. */
export interface ControlPlaneOptions {
  readonly source: Source;
  /** Where instances register and more is shared; absent where there is none. */
  readonly etcd?: EtcdPort | undefined;
  /** The config in etcd, when some comes from there. */
  readonly etcdConfig?: EtcdInput | undefined;
  readonly store: GenerationStore;
  readonly clock: Clock;
  readonly identifier: string;
  readonly soakMs: number;
  /** How nodes connect. */
  readonly transport?: AdsTransport | undefined;
  /** How often nodes are asked to report the load on their clusters. */
  readonly loadIntervalMs: number;
  /** For what deserves a line in the log and is no event. */
  readonly onWarning?: ((text: string) => void) | undefined;
  /** Private types beside the Envoy API. */
  readonly sets?: readonly DescriptorSet[];
  /** `registryRevisions` may be others than before. */
  readonly onRegistryProgress?: (() => void) | undefined;
  /** Log, metrics and timeline. */
  record(event: FairwayEvent): void;
}

/** Starts once, closes once. */
export class ControlPlane {
  readonly server: AdsServer;
  readonly loads: LoadReports;
  readonly #options: ControlPlaneOptions;
  readonly #builder: Builder;
  readonly #files: ReferencedFiles;
  readonly #shared: SharedState | undefined;
  /** Builds of which the outcome has not been decided on yet. */
  #undecided = 0;
  readonly #saved: SavedSnapshots;
  #config: SourceState | undefined;
  #fleet: Fleet = createFleet();
  #publication: Publication = emptyPublication;
  #restored: SavedState = { served: [], lastKnownGood: [], groups: [] };
  #work: Promise<void> = Promise.resolve();
  #closing = false;
  #isServing = false;

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
    const { clock } = options;
    this.#shared = options.etcd && this.#share(options.etcd);
    this.server = new AdsServer({
      clock,
      identifier: options.identifier,
      transport: options.transport,
      protoFiles,
      earlier: (group, typeUrl) => this.#earlier(group, typeUrl),
      replicas: this.#shared?.replicas,
      emit: (events) => {
        for (const event of events) this.#record(event);
      },
    });
    this.loads = new LoadReports({
      clock,
      settings: { intervalMs: options.loadIntervalMs, clusters: "all", endpoints: false },
      ...(options.transport?.verifiesNode === true ? { refusalOf: refusalOfNode } : {}),
      emit: (event) => this.#record(event),
    });
    const { fullName, methods } = LoadReportingServiceDefinition;
    this.server.register(`/${fullName}/${methods.streamLoadStats.name}`, (call) => this.loads.answer(call));
    this.#files = new ReferencedFiles({
      clock,
      open: (paths) => new DirectorySource({ ...referencedFiles(paths), clock, onWarning: options.onWarning }),
      onChange: (change) => {
        if (this.#config !== undefined) this.#takeSource({ ...this.#config, ...change });
      },
    });
    this.#builder = new Builder({
      clock,
      files: this.#files,
      registry: this.#shared?.registry,
      sets: options.sets ?? [],
      onOutcome: (outcome) => {
        this.#undecided += 1;
        this.#enqueue(async () => {
          await this.#takeOutcome(outcome);
          this.#undecided -= 1;
          this.#shared?.replicas.reached();
        });
      },
      onPersisted: (persisted) => {
        const served = this.#publication.served.get(persisted.group)?.version === persisted.version;
        this.#saved.keep(persisted, served);
      },
    });
    this.#saved = new SavedSnapshots({
      store: options.store,
      clock,
      soakMs: options.soakMs,
      isAccepted: (group) => isAccepted(this.#fleet, group),
      emit: (event) => this.#record(event),
    });
  }

  /** Whether nodes are answered: the first snapshots were handed to the server. */
  get isServing(): boolean {
    return this.#isServing;
  }

  get fleet(): Fleet {
    return this.#fleet;
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

  /** Up to which revisions of etcd what registered is known here, and acknowledged by all nodes. */
  get registryRevisions(): { readonly known: RegistryRevisions; readonly acknowledged: RegistryRevisions } {
    return this.#shared?.revisions ?? { known: new Map(), acknowledged: new Map() };
  }

  get publication(): Publication {
    return this.#publication;
  }

  /** Reads the disk, then the source. Nothing is served before the first build, or the last known good instead of it. */
  async start(): Promise<void> {
    this.#shared?.registry.readAhead();
    this.#restored = await this.#saved.load();
    const remembered = this.#restored.served;
    this.#publication = publish(this.#publication, { kind: "remembered", snapshots: remembered }).state;
    await this.#options.source.start((state) => this.#takeSource(state));
  }

  /** What is known of etcd has become newer, with or without a change. */
  inputReached(): void {
    this.#shared?.replicas.reached();
  }

  /** Releases a change that the guard holds; false when no group holds this version. */
  async confirm(version: string): Promise<boolean> {
    return new Promise((resolve) => {
      this.#enqueue(async () => {
        const { decisions } = await this.#publish({ kind: "confirmed", version }, undefined);
        resolve(decisions.length > 0);
      });
    });
  }

  /** What an Envoy with this snapshot does with a request; the building thread finds out. */
  explain(asked: AskedRequest, snapshot: Snapshot): Promise<Result<ExplainedFacts, string>> {
    return this.#builder.explain(asked, snapshot);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#options.source.close();
    await this.#files.close();
    this.#shared?.closeInputs();
    await this.#builder.close();
    await this.#work;
    await this.server.close();
    await this.#shared?.close();
    await this.#saved.close();
  }

  #share(etcd: EtcdPort): SharedState {
    const { clock, identifier, etcdConfig, onWarning } = this.#options;
    return new SharedState({
      etcd,
      config: etcdConfig,
      clock,
      identifier,
      fleet: () => this.#fleet,
      served: () => this.#publication.served,
      isSettled: () => this.#undecided === 0 && this.#builder.isIdle,
      onInstances: (change) => {
        if (this.#config !== undefined) this.#takeSource({ ...this.#config, ...change });
      },
      onStanding: () => this.server.replicasChanged(),
      onWarning: (text) => onWarning?.(text),
      onProgress: () => this.#options.onRegistryProgress?.(),
      record: (event) => this.#record(event),
    });
  }

  #takeSource(state: SourceState): void {
    this.#config = state;
    if (!this.#closing) this.#builder.build(state);
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

  async #takeOutcome(outcome: BuildOutcome): Promise<void> {
    const atMs = this.#options.clock.monotonicMs();
    const { state } = outcome;
    this.#shared?.replicas.built(outcome.kind === "built" ? outcome.snapshots : undefined, outcome.etcd);
    if (outcome.kind === "built") {
      const { groups, snapshots, warnings, buildMs, refusedInstances, covered } = outcome;
      this.#shared?.built({ snapshots, buildMs, covered });
      for (const problem of refusedInstances) this.#record({ kind: "instance-refused", atMs, ...problem });
      const fresh = newWarnings(this.#publication.warnings, warnings);
      if (fresh.length > 0) this.#record({ kind: "source-warning", atMs, diagnostics: fresh });
      const wasRefused = this.#publication.refused !== undefined;
      const { decisions } = await this.#publish({ kind: "built", groups, snapshots, warnings, atMs }, outcome);
      // Otherwise nothing would say that the refusal is over.
      if (wasRefused && decisions.length === 0) this.#record({ kind: "config-mended", atMs, cause: state.cause });
      this.#options.onRegistryProgress?.();
      return;
    }
    const diagnostics = outcome.kind === "refused" ? outcome.diagnostics : [failureDiagnostic(outcome.error, state)];
    await this.#publish({ kind: "refused", diagnostics, cause: state.cause, atMs }, undefined);
    this.#record({ kind: "config-refused", atMs, cause: state.cause, diagnostics });
    if (this.#publication.served.size === 0 && this.#restored.lastKnownGood.length > 0) {
      await this.#fallBack(diagnostics);
    }
  }

  async #fallBack(diagnostics: readonly Diagnostic[]): Promise<void> {
    const { groups } = this.#restored;
    const { snapshots, isNewest } = standIn(this.#restored, diagnostics);
    this.#publication = publish(this.#publication, { kind: "fallback", groups, snapshots }).state;
    const reason = diagnostics[0]?.message ?? "the config cannot be built";
    for (const snapshot of snapshots) {
      const atMs = this.#options.clock.monotonicMs();
      const facts = { group: snapshot.group, snapshotVersion: snapshot.version };
      this.#record({ kind: "lkg-loaded", atMs, ...facts, reason, isNewest });
      this.#fleet = stepFleet(this.#fleet, { kind: "published", snapshot, atMs });
    }
    await this.#push(this.#publication.groups);
  }

  /** Decides, saves, reports and pushes. */
  async #publish(
    input: PublicationInput,
    build: (BuildOutcome & { readonly kind: "built" }) | undefined,
  ): Promise<{ readonly decisions: readonly PublicationDecision[] }> {
    const before = this.#publication;
    const { state, decisions } = publish(before, input);
    this.#publication = state;
    // The last known good is of no revision, and marks nothing.
    if (input.kind === "built" || input.kind === "confirmed") this.#shared?.decided();
    const accepted = decisions.flatMap((decision) =>
      decision.kind === "accepted" || decision.kind === "confirmed" ? [decision.snapshot] : [],
    );
    const regrouped = !sameGroups(before.groups, state.groups);
    if (accepted.length > 0 || regrouped) await this.#saved.served(accepted, state.groups);
    for (const decision of decisions) this.#report(decision, build);
    if (accepted.length > 0 || regrouped) await this.#push(before.groups);
    this.#shared?.history.served(accepted);
    return { decisions };
  }

  async #push(groupsBefore: readonly NodeGroup[]): Promise<void> {
    const { groups, served } = this.#publication;
    for (const { name } of groupsBefore) {
      if (groups.some((group) => group.name === name)) continue;
      const group = name as GroupName;
      this.#fleet = stepFleet(this.#fleet, { kind: "group-removed", group, atMs: this.#options.clock.monotonicMs() });
    }
    for (const { name } of groups) {
      // A group that comes back with the content it had is no new decision, and is current again all the same.
      const snapshot = served.get(name as GroupName);
      if (snapshot === undefined || groupsBefore.some((group) => group.name === name)) continue;
      this.#fleet = stepFleet(this.#fleet, { kind: "published", snapshot, atMs: this.#options.clock.monotonicMs() });
    }
    const pushed = this.server.publish({ groups, snapshots: served });
    this.#isServing = served.size > 0;
    await pushed;
  }

  #report(decision: PublicationDecision, build: (BuildOutcome & { readonly kind: "built" }) | undefined): void {
    const atMs = this.#options.clock.monotonicMs();
    if (decision.kind === "held" || decision.kind === "hold-withdrawn") {
      const { snapshot, findings } = decision.held;
      const facts = { atMs, group: snapshot.group, snapshotVersion: snapshot.version };
      if (decision.kind === "hold-withdrawn") this.#record({ kind: "config-hold-withdrawn", ...facts });
      else this.#record({ kind: "config-held", ...facts, findings });
      return;
    }
    const { snapshot, before } = decision;
    const facts = { atMs, group: snapshot.group, snapshotVersion: snapshot.version };
    if (decision.kind === "confirmed") this.#record({ kind: "config-confirmed", ...facts });
    this.#fleet = stepFleet(this.#fleet, { kind: "published", snapshot, atMs });
    const changes = diffSnapshots(before, snapshot);
    const noticedAgoMs = build === undefined ? 0 : atMs - build.state.noticedAtMs;
    const buildMs = build?.buildMs ?? 0;
    const cause = snapshot.cause.text;
    this.#record({ kind: "config-accepted", ...facts, cause, buildMs, noticedAgoMs, changes });
  }

  #record(event: FairwayEvent): void {
    if ("streamId" in event) {
      this.#fleet = stepFleet(this.#fleet, event);
      if (event.kind !== "sent" && event.kind !== "acked") this.#options.onRegistryProgress?.();
      this.#shared?.fleets.changed();
    }
    this.#options.record(event);
  }

  #earlier(group: GroupName, typeUrl: string): readonly TypeTable[] {
    const snapshots: readonly Snapshot[] = this.#publication.history.get(group) ?? [];
    return snapshots.slice(0, EARLIER_SNAPSHOTS_MAX).flatMap((snapshot) => snapshot.tables.get(typeUrl) ?? []);
  }
}

function sameGroups(a: readonly NodeGroup[], b: readonly NodeGroup[]): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** A build that died has no line to blame; the newest change is the best place to look. */
function failureDiagnostic(error: Error, state: SourceState): Diagnostic {
  const problem: SourceProblem | undefined = state.problems[0];
  return {
    code: "source-unreadable",
    severity: "error",
    message: error.message,
    at: { file: problem?.path ?? state.cause, line: 1, column: 1 },
    hint: "undo the last change, or split it up; what was served before stays",
  };
}
