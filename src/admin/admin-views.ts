/**
 * What the admin server asks of the rest: read models, and the one thing that it may do.
 *
 * The server owns no state. Whoever puts Fairway together answers these; a test answers them from memory.
 */
import type { Explanation } from "../explain/explanation.ts";
import type { LoadSettings } from "../evidence/load-settings.ts";
import type { LoadPage, LoadQuery } from "../evidence/load-view.ts";
import type { Convergence } from "../fleet/convergence.ts";
import type { NodeQuery } from "../fleet/list-nodes.ts";
import type { ReplicaRecord } from "../fleet/replica-record.ts";
import type { PlacedNode } from "../fleet/whole-fleet.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { RefusedInstances, UnnamedInstances } from "../model/read-instance.ts";
import type { AskedWeights, NotChanged } from "../rollout/change-split.ts";
import type { RolloutViews } from "../rollout/rollout-views.ts";
import type { SplitDocument } from "../rollout/split-document.ts";
import type { SplitStanding } from "../rollout/split-standing.ts";
import type { Confirmation } from "../snapshot/confirmation.ts";
import type { RemovalFinding } from "../snapshot/removal-guard.ts";
import type { Resource } from "../snapshot/resource.ts";
import type { GroupName, Snapshot, SnapshotVersion } from "../snapshot/snapshot.ts";
import type { Result } from "../support/result.ts";
import type { LoopDelay } from "../telemetry/loop-delay.ts";
import type { InspectQuery, InspectedPage } from "../xds/inspect-stream.ts";
import type { TimelineEntry } from "../telemetry/timeline.ts";

/** A change that the removal guard holds back. */
export interface HeldChange {
  readonly snapshot: Snapshot;
  readonly sinceMs: number;
  readonly findings: readonly RemovalFinding[];
}

/** One group of nodes and what it is given. */
export interface GroupView {
  readonly name: GroupName;
  /** Absent until there is a first valid snapshot. */
  readonly current: Snapshot | undefined;
  /** Where the current one came from. */
  readonly source: "config" | "last-known-good";
  /** Newest first; the current one is the first. */
  readonly history: readonly PastSnapshot[];
  readonly held: HeldChange | undefined;
  readonly convergence: Convergence | undefined;
}

/** The config as it is now cannot be used, and since when. */
export interface RefusedConfig {
  readonly sinceMs: number;
  readonly diagnostics: readonly Diagnostic[];
}

/** Whether Envoys are served; with reasons it is `ready` and degraded, or not ready. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

/** A request that somebody asks about. */
export interface ExplainAsked {
  readonly method: string;
  readonly url: string;
  /** `name: value`. */
  readonly headers: readonly string[];
  readonly node: string | undefined;
  readonly group: string | undefined;
}

/** Why there is no explanation: the question is wrong, or nobody can answer now. */
export interface NotExplained {
  readonly kind: "question" | "unavailable";
  readonly message: string;
}

/** What is confirmed, and by whom. */
export interface AskedConfirmation {
  readonly version: string;
  /** As it calls itself. */
  readonly actor: string;
  readonly reason?: string | undefined;
  /** On this replica only, also when the others cannot be told. */
  readonly isLocal: boolean;
}

/** Why nothing was released. */
export type NotConfirmed =
  /** Nothing is held, or what is held is something else. */
  | {
      readonly kind: "not-held";
      readonly held: readonly { readonly group: GroupName; readonly version: SnapshotVersion }[];
    }
  /** The other replicas cannot be told. */
  | { readonly kind: "unavailable"; readonly message: string };

/** A snapshot as a list shows it. */
export interface PastSnapshot extends Pick<Snapshot, "version" | "cause"> {
  /** Who has let it through, when the guard held it. */
  readonly confirmed?: Confirmation | undefined;
}

/** The nodes of this replica, or those of all. */
export type Scope = "local" | "fleet";

/** What the replicas that share an etcd say of themselves. */
export type ReplicaList = readonly (ReplicaRecord & { readonly id: string; readonly isSelf: boolean })[];

export interface AdminViews extends RolloutViews {
  /** Sorted by name; the scope is that of the convergence. */
  groups(scope: Scope): readonly GroupView[];
  /** Absent while the config is valid. */
  refused(): RefusedConfig | undefined;
  /** Of the config that was taken over last. */
  warnings(): readonly Diagnostic[];
  /** The snapshots of that version, current, past or held: several when groups have equal content. */
  snapshots(version: string): Promise<readonly Snapshot[]>;
  /** A resource as proto3 JSON, its secrets redacted. */
  renderResource(resource: Resource): unknown;
  nodes(query: NodeQuery, scope: Scope): { readonly nodes: readonly PlacedNode[]; readonly next: string | undefined };
  node(id: string): PlacedNode | undefined;
  /** Of a node with an open stream, asked of the stream; undefined when there is none. */
  nodeResources(id: string, query: InspectQuery): InspectedPage | undefined;
  ready(): Readiness;
  /** From the snapshot that is served. */
  explain(asked: ExplainAsked): Promise<Result<Explanation, NotExplained>>;
  /** All that share the etcd, or why they are not known; none without etcd. */
  replicas(): Promise<Result<ReplicaList, string>>;
  /** What registers in etcd and is no instance. */
  refusedInstances(): RefusedInstances;
  unnamedInstances(): UnnamedInstances;
  /** What happened after the event with this id, oldest first. */
  events(after: number): readonly TimelineEntry[];
  /** Releases every held change of that version; the groups that it was released for. */
  confirm(asked: AskedConfirmation): Promise<Result<readonly GroupName[], NotConfirmed>>;
  /** What nodes report of the load on their clusters; undefined when the node that is asked about reports nothing. */
  load(query: LoadQuery): LoadPage | undefined;
  loadSettings(): LoadSettings;
  /** Asks every node that reports for something else, at once. */
  configureLoad(settings: LoadSettings): void;
  /** Sorted by name. */
  splits(): readonly SplitStanding[];
  changeSplit(name: string, asked: AskedWeights): Promise<Result<SplitDocument, NotChanged>>;
  /** On the clock that records are written by: milliseconds since 1970. */
  nowMs(): number;
  /** In the Prometheus text format. */
  metrics(): Promise<string>;
  loopDelay(): LoopDelay;
}
