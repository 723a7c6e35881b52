/**
 * What the serving thread and the building thread say to each other.
 *
 * Documents and snapshots cross as differences: each side remembers what the other already has.
 */
import type { MessagePort } from "node:worker_threads";
import type { RegistryUpdate } from "../config/registry.ts";
import type { PackedEntries } from "../config/registry-change.ts";
import type { Document, SourceProblem } from "../config/source.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { NodeGroup } from "../model/intent.ts";
import type { Split } from "../model/intent-split.ts";
import type { InstanceProblem, RefusedInstances } from "../model/read-instance.ts";
import type { SecretValidity } from "../model/validity.ts";
import type { LiveWeights } from "../model/live-weights.ts";
import type { DescriptorSet } from "../model/private-types.ts";
import type { SplitCopying } from "../rollout/split-standing.ts";
import type { PackedResources } from "../snapshot/packed-resources.ts";
import type { GroupName, SnapshotCause } from "../snapshot/snapshot.ts";
import type { SnapshotChange } from "../snapshot/snapshot-change.ts";

/** Serving → building: everything that changed since the request before. */
export interface BuildRequest {
  readonly buildId: number;
  readonly config: DocumentsChange;
  /** The files that documents name. */
  readonly files: DocumentsChange;
  /** Which of these files were read; a build that names another asks for it. */
  readonly filesRead: readonly string[];
  readonly cause: SnapshotCause;
  /** What has registered in etcd; undefined where there is no etcd. */
  readonly registry: (Omit<RegistryUpdate, "upserted"> & { readonly upserted: PackedEntries }) | undefined;
  readonly splits: SplitsInput;
}

/** What was set of the weights of splits. */
export interface SplitsInput {
  readonly live: readonly LiveWeights[];
  /** Why that is not known; undefined when it is. */
  readonly failure: string | undefined;
}

/** A split of a build; the weights of its backends are those of the file. */
export interface BuiltSplit extends Split {
  /** Those whose nodes share requests by it. */
  readonly groups: readonly string[];
  /** The number of the change that is in it; 0 when the file's weights are. */
  readonly liveNumber: number;
  readonly copying: SplitCopying;
  /** Those whose requests it shares, sorted by name; of very many the first. */
  readonly rules: readonly SplitRule[];
}

/** A rule of a route of HTTP. */
export interface SplitRule {
  /** As Envoys name it: `shop/main`. */
  readonly name: string;
  /** `routes.yaml:12`. */
  readonly at: string;
}

/** A set of documents, by what is new in it. */
export interface DocumentsChange {
  /** All paths, sorted, with the hash of what they hold. */
  readonly paths: readonly { readonly path: string; readonly hash: string }[];
  /** The documents that the building thread does not have yet. */
  readonly documents: readonly Document[];
  readonly problems: readonly SourceProblem[];
}

/** What the building thread is started with. */
export interface BuildWorkerStart {
  /** Where it puts resource parts. */
  readonly parts: MessagePort;
  /** Where it is asked to explain requests. */
  readonly explain: MessagePort;
  /** Private types beside the Envoy API. */
  readonly sets: readonly DescriptorSet[];
}

/**
 * Building → serving, on a channel of its own: new resources of a build, all there before its `built`. The
 * serving thread takes them off when it has time, while replies reach it at once.
 */
export interface ResourcePart {
  readonly group: GroupName;
  readonly packed: PackedResources;
}

/** Building → serving, in this order. */
export type BuildReply =
  | { readonly kind: "ready" }
  | {
      readonly kind: "built";
      readonly buildId: number;
      readonly groups: readonly NodeGroup[];
      /** The `upserted` lists are empty: they are in the parts. */
      readonly changes: readonly SnapshotChange[];
      readonly warnings: readonly Diagnostic[];
      readonly buildMs: number;
      /** When the certificates of its secrets are valid. */
      readonly validities: readonly SecretValidity[];
      readonly splits: readonly BuiltSplit[];
      /** Keys of etcd that are no instances, and were not told yet. */
      readonly refusedInstances: readonly InstanceProblem[];
      /** All of them, told or not. */
      readonly refusedNow: RefusedInstances;
      /** The prefixes of etcd that it names, when it was given more. */
      readonly fewerPrefixes: readonly string[] | undefined;
    }
  /** The same build is asked for again, with all of these: files, and prefixes of etcd. */
  | {
      readonly kind: "needs";
      readonly buildId: number;
      readonly paths: readonly string[];
      readonly prefixes: readonly string[];
    }
  | { readonly kind: "refused"; readonly buildId: number; readonly diagnostics: readonly Diagnostic[] }
  /** The bytes for the disk, by group; small ones come before `built`, big ones after it. */
  | {
      readonly kind: "persisted";
      readonly buildId: number;
      readonly group: GroupName;
      readonly version: string;
      readonly bytes: Uint8Array;
    };
