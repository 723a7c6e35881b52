/**
 * Where intent comes from: bytes and a revision, never meaning.
 *
 * A source reports whole states, not changes: whoever listens may skip any number of them and still be
 * right with the last one. A source that cannot read its input reports `problems` and the documents it
 * last read well, so that the build refuses the state and what is served stays as it was.
 */
import type { Positions } from "../etcd/positions.ts";

/** One document as it was read: for a directory a file, for etcd a key. */
export interface Document {
  /** What people see in diagnostics: a path relative to where Fairway was started, or `etcd:<key>@<revision>`. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Hash of the bytes; equal hashes let later stages reuse their work. */
  readonly hash: string;
}

/** Why a part of the input could not be read. */
export interface SourceProblem {
  readonly code: SourceProblemCode;
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
}

/** What can go wrong between a disk and the bytes; each has a row in docs/diagnostics.md. */
export type SourceProblemCode =
  | "source-missing"
  | "source-unreadable"
  | "source-not-regular"
  | "source-outside-root"
  | "source-too-large"
  | "source-too-many"
  | "etcd-unreachable"
  | "etcd-empty"
  | "etcd-push-unfinished"
  | "etcd-missing"
  | "secret-missing";

/** Everything that a source holds at one moment. */
export interface SourceState {
  /** Grows with each state of this source. */
  readonly revision: number;
  /** Sorted by path. */
  readonly documents: readonly Document[];
  readonly problems: readonly SourceProblem[];
  /** Monotonic time at which the first of the changes in this state was noticed; measures save → ACK. */
  readonly noticedAtMs: number;
  /** What changed since the state before, for people: `routes.yaml`, or `3 files`. */
  readonly cause: string;
  /** The last change of etcd that is in it, see `Progress`; absent where nothing comes from there. */
  readonly etcd?: Positions;
  /** Not the newest: what these groups are served by, to be built anew while the newest is refused or held. */
  readonly standsInFor?: readonly string[];
}

/** A place that intent is read from and watched. */
export interface Source {
  /** Reads everything, then calls `listener` with the first state and each later one. */
  start(listener: (state: SourceState) => void): Promise<void>;
  close(): Promise<void>;
}
