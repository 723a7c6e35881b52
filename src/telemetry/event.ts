/**
 * Everything that happens, as one union of facts: log lines, metrics and the timeline are folds over it.
 *
 * Stages return or report events; they never log or count. What happens on streams comes from `xds/`, what
 * happens around load reports from `evidence/`, the rest is raised where the stages are put together.
 */
import type { PushMark } from "../config/etcd-documents.ts";
import type { LoadEvent } from "../evidence/load-event.ts";
import type { TrafficEvent } from "../evidence/traffic-event.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { RolloutMove } from "../rollout/rollout-moves.ts";
import type { SplitChange } from "../rollout/split-document.ts";
import type { TableDiff } from "../snapshot/diff.ts";
import type { Confirmation } from "../snapshot/confirmation.ts";
import type { RemovalFinding } from "../snapshot/removal-guard.ts";
import type { GroupName, SnapshotVersion } from "../snapshot/snapshot.ts";
import type { NewerSchema } from "../store/schema-guard.ts";
import type { DoorEvent, StreamEvent } from "../xds/stream-event.ts";

interface AtTime {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** What becomes of the config. */
export type BuildEvent =
  | (AtTime & {
      readonly kind: "config-accepted";
      readonly group: GroupName;
      readonly snapshotVersion: SnapshotVersion;
      readonly cause: string;
      readonly buildMs: number;
      /** How long before `atMs` the first change was noticed; convergence is measured from there. */
      readonly noticedAgoMs: number;
      /** Against the snapshot before; names are not logged. */
      readonly changes: readonly TableDiff[];
    })
  | (AtTime & { readonly kind: "config-refused"; readonly cause: string; readonly diagnostics: readonly Diagnostic[] })
  /** It could not be read whole, and goes on by itself, or with the next push: nobody has written anything wrong. */
  | (AtTime & { readonly kind: "config-waiting"; readonly cause: string; readonly diagnostics: readonly Diagnostic[] })
  /** What was waited for has come, and changed nothing. */
  | (AtTime & { readonly kind: "config-arrived"; readonly cause: string })
  /** A config that was refused, or stood in for by the last known good, can be used again and changed nothing. */
  | (AtTime & { readonly kind: "config-mended"; readonly cause: string })
  | (AtTime & {
      readonly kind: "config-held";
      readonly group: GroupName;
      readonly snapshotVersion: SnapshotVersion;
      readonly findings: readonly RemovalFinding[];
      /** What `fairway confirm` needs to find this server; absent where it needs nothing. */
      readonly serverFlag?: string;
    })
  | (AtTime & {
      readonly kind: "config-confirmed";
      readonly group: GroupName;
      readonly snapshotVersion: SnapshotVersion;
      readonly by: Confirmation;
    })
  /** The files no longer ask for what was held. */
  | (AtTime & {
      readonly kind: "config-hold-withdrawn";
      readonly group: GroupName;
      readonly snapshotVersion: SnapshotVersion;
    })
  /** Problems that did not keep the config from being accepted, without those that were told with the build before. */
  | (AtTime & { readonly kind: "source-warning"; readonly diagnostics: readonly Diagnostic[] });

/** How far what is known of some prefixes can be relied on, when that is another than before. */
export type EtcdContactEvent = AtTime & { readonly kind: "etcd-contact"; readonly prefixes: readonly string[] } & (
    | { readonly contact: "followed" }
    /**
     * An outage, and what it affects; told again with all of it when more has joined, or when it is seen that one turns
     * the other down. `older`: etcd answers, with a revision that has gone back; `other`: it is another cluster.
     */
    | { readonly contact: "lost" | "older" | "other"; readonly reason: string }
    /** The outage is over, for all that it has affected; one that was short was not told before. */
    | { readonly contact: "back"; readonly reason: string; readonly lastedMs: number }
  );

/** What becomes of etcd and of what registers there. */
export type EtcdEvent =
  | EtcdContactEvent
  /** Another replica has served a newer state of a group than this one has. */
  | (AtTime & {
      readonly kind: "replica-lagging";
      readonly group: GroupName;
      readonly reason: string;
    })
  | (AtTime & { readonly kind: "replica-caught-up"; readonly group: GroupName })
  /** Another replica shares the etcd now, or does so no more: it has ended, or its lease has. */
  | (AtTime & { readonly kind: "replica-joined" | "replica-left"; readonly replica: string })
  /** A newer Fairway has written to etcd what this one does not know, so it writes nothing there; absent when that is over. */
  | (AtTime & { readonly kind: "etcd-schema"; readonly newer: NewerSchema | undefined })
  /** A push has died half way, so nobody takes over what is in etcd. */
  | (AtTime & PushMark & { readonly kind: "etcd-push-unfinished" })
  /** Another push has put that right. */
  | (AtTime & { readonly kind: "etcd-push-ended" })
  /** A key is no instance; it is left out, and its service keeps the others. */
  | (AtTime & {
      readonly kind: "instance-refused";
      readonly key: string;
      readonly revision: number;
      readonly message: string;
    })
  /** Something registers below prefixes that no service of the config has; each is told once. */
  | (AtTime & { readonly kind: "instances-unnamed"; readonly prefixes: readonly string[] });

/** Somebody has set the weights of a split, or their lease is over. */
export type SplitEvent = AtTime & {
  readonly kind: "split-changed";
  readonly split: string;
  readonly change: SplitChange;
};

/** A rollout goes on, waits, or is over. */
export type RolloutEvent = AtTime & {
  readonly kind: "rollout-changed";
  readonly rollout: string;
  readonly phase: string;
  /** Somebody has to look. */
  readonly isTrouble: boolean;
  readonly text: string;
};

/** This replica has moved a rollout on. */
export type RolloutMovedEvent = AtTime & {
  readonly kind: "rollout-moved";
  readonly rollout: string;
  readonly split: string;
  readonly moves: readonly RolloutMove[];
};

/** It could not, and tries again; why is a warning. */
export type RolloutFailedEvent = AtTime & { readonly kind: "rollout-failed"; readonly rollout: string };

/** What becomes of the state on disk. */
export type StateEvent =
  | (AtTime & { readonly kind: "lkg-promoted"; readonly group: GroupName; readonly snapshotVersion: SnapshotVersion })
  | (AtTime & {
      readonly kind: "lkg-loaded";
      readonly group: GroupName;
      readonly snapshotVersion: SnapshotVersion;
      /** Why the config itself was not used. */
      readonly reason: string;
      /** It is what was served last, whether it has proven itself or not. */
      readonly isNewest: boolean;
    })
  | (AtTime & { readonly kind: "state-write-failed"; readonly message: string });

/** What Envoys need to get in at the xDS port; where it is nothing, they come in plain text. */
export type AskedFor = "TLS" | "client certificates" | "checked node ids";

/** What becomes of the server. */
export type ServerEvent =
  | (AtTime & {
      readonly kind: "serving";
      readonly xdsAddress: string;
      readonly xdsAsksFor: readonly AskedFor[];
      readonly adminAddress: string;
      readonly pid: number;
    })
  /** Connections to the xDS port from now on get another certificate. */
  | (AtTime & {
      readonly kind: "xds-certificate-renewed";
      readonly validUntilMs: number;
      readonly isValidNow: boolean;
    })
  /** The files of the xDS port have changed and cannot be used. */
  | (AtTime & { readonly kind: "xds-certificate-kept"; readonly mistakes: readonly string[] })
  | (AtTime & { readonly kind: "stopping"; readonly reason: string })
  /** What deserves a line and is no other event; `suppressedCount` are those that were held back before it. */
  | (AtTime & { readonly kind: "warning"; readonly text: string; readonly suppressedCount?: number })
  | DoorEvent;

/** Any of them. */
export type FairwayEvent =
  | StreamEvent
  | LoadEvent
  | TrafficEvent
  | BuildEvent
  | EtcdEvent
  | SplitEvent
  | RolloutEvent
  | RolloutMovedEvent
  | RolloutFailedEvent
  | StateEvent
  | ServerEvent;
