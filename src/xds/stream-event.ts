/**
 * What happens on an xDS stream, as facts for everybody to the right: fleet, telemetry, admin.
 *
 * The stream machines return these; they never log or count.
 */
import type { Place } from "../model/diagnostic.ts";
import type { GroupName, SnapshotVersion } from "../snapshot/snapshot.ts";

/** What a client says of itself in its first message, bounded by `read-node.ts`. */
export interface NodeIdentity {
  readonly id: string;
  readonly cluster: string;
  readonly locality: { readonly region: string; readonly zone: string; readonly subZone: string };
  /** Flattened to dotted paths, scalars only. */
  readonly metadata: ReadonlyMap<string, string | number | boolean>;
  readonly userAgent: string;
}

/** Facts every event carries. */
interface OnStream {
  readonly streamId: number;
  readonly nodeId: string;
  readonly atMs: number;
}

/** A resource that a node refused, and the line that caused it. */
export interface RejectedResource {
  readonly typeUrl: string;
  readonly name: string;
  readonly version: string;
  readonly at: Place | undefined;
}

/** Streams were refused before they had said whose they are; at once or since the last time. */
export interface StreamsTurnedAway {
  readonly kind: "streams-turned-away";
  readonly atMs: number;
  readonly reason: string;
  readonly count: number;
  /** The address of the last of them. */
  readonly peer: string | undefined;
}

/** Connections got no further than TLS; at once or since the last time. */
export interface HandshakesFailed {
  readonly kind: "handshakes-failed";
  readonly atMs: number;
  readonly reason: string;
  readonly count: number;
  /** The address of the last of them, where it is known. */
  readonly peer: string | undefined;
}

/** What is told of those that nobody knows yet. */
export type DoorEvent = StreamsTurnedAway | HandshakesFailed;

export type StreamEvent =
  | (OnStream & {
      readonly kind: "stream-opened";
      readonly variant: "sotw" | "delta";
      readonly node: NodeIdentity;
      readonly group: GroupName | undefined;
      /** It brings no versions, as an Envoy that has just been started. */
      readonly startsEmpty?: boolean;
      readonly peer: string;
    })
  | (OnStream & {
      readonly kind: "stream-refused";
      readonly reason: string;
      /** Whether nothing is wrong with the node: there is nothing to serve yet. */
      readonly isTooEarly: boolean;
      /** As it says of itself; where it comes from is what an impostor cannot choose. */
      readonly node: NodeIdentity;
      readonly peer: string;
    })
  | (OnStream & { readonly kind: "stream-closed"; readonly reason: string })
  /** A change of the config put the node into another group; what follows on the stream is that group's. */
  | (OnStream & { readonly kind: "stream-moved"; readonly group: GroupName })
  | (OnStream & {
      readonly kind: "subscribed";
      readonly typeUrl: string;
      readonly wildcard: boolean;
      readonly namesCount: number;
    })
  | (OnStream & {
      readonly kind: "sent";
      readonly variant: "sotw" | "delta";
      readonly typeUrl: string;
      readonly nonce: string;
      /** The snapshot that this response moves the node towards. */
      readonly snapshotVersion: SnapshotVersion;
      /** SotW: the response's version_info. Delta: its system_version_info. */
      readonly versionInfo: string;
      readonly resourcesCount: number;
      readonly removedCount: number;
      readonly bytes: number;
    })
  | (OnStream & {
      readonly kind: "acked";
      readonly typeUrl: string;
      readonly nonce: string;
      readonly versionInfo: string;
      readonly roundTripMs: number;
    })
  | (OnStream & {
      readonly kind: "rejected";
      readonly typeUrl: string;
      readonly nonce: string;
      readonly versionInfo: string;
      /** Envoy's own words, cut at 2,000 characters. */
      readonly message: string;
      /** The resources named in the message, or all of the response when none is. */
      readonly resources: readonly RejectedResource[];
    })
  /** Of several resources that were rejected together, one is known to be bad: the others were accepted without it. */
  | (OnStream & {
      readonly kind: "rejection-narrowed";
      readonly typeUrl: string;
      /** Envoy's words when it rejected them, cut at 2,000 characters. */
      readonly message: string;
      readonly resources: readonly RejectedResource[];
    })
  /** A gate of the sequencer: what the node is waited for. `state: "overdue"` is sent once, when the deadline passes. */
  | (OnStream & {
      readonly kind: "gate";
      readonly snapshotVersion: SnapshotVersion;
      readonly state: "waiting" | "passed" | "overdue";
      readonly waitingFor: string;
    })
  /** The node has acknowledged everything it subscribes to of this snapshot; removals may still be in their grace. */
  | (OnStream & { readonly kind: "synced"; readonly snapshotVersion: SnapshotVersion });
