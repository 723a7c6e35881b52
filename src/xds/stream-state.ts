/**
 * What one ADS stream remembers, and what goes in and comes out of its state machine.
 *
 * The state is owned by one stream: `step` (in stream.ts) changes it in place and returns it, so nobody may
 * keep an older one. Nothing here reads a clock or a socket; every input carries its time.
 */
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import type { Snapshot, SnapshotVersion, TypeTable } from "../snapshot/snapshot.ts";
import type { ResourceType } from "../snapshot/type-url.ts";
import { resourceType, resourceTypes } from "../snapshot/type-url.ts";
import type { Brand } from "../support/brand.ts";
import type { Held } from "./holding.ts";
import { Holding } from "./holding.ts";
import type { NameSet } from "./name-pool.ts";
import type { Sequencer } from "./sequencer.ts";
import { createSequencer } from "./sequencer.ts";
import type { SharedResponses } from "./shared-responses.ts";
import { createSharedResponses } from "./shared-responses.ts";
import type { StreamEvent } from "./stream-event.ts";
import type { Subscription } from "./subscription.ts";
import { createSubscription } from "./subscription.ts";
import type { View } from "./view.ts";

export type Nonce = Brand<"Nonce">;
export type Variant = "sotw" | "delta";

/** A response that the client has neither acknowledged nor rejected; at most one per type. */
export interface InFlight {
  /** Perhaps the same object as on other streams. */
  readonly response: Response;
  readonly sentAtMs: number;
  /** With this response the client holds all of this view; undefined when more is to follow. */
  readonly completes: View | undefined;
  /** What it makes of a client that holds exactly `from` and wants these names. */
  readonly step: (ExactStep & { readonly names: NameSet; readonly wildcard: boolean }) | undefined;
}

/** From one view to another, with nothing left out. */
export interface ExactStep {
  readonly from: View;
  readonly to: View;
}

/** One type on one stream; types are independent of each other. */
export interface TypeState {
  readonly type: ResourceType;
  readonly subscription: Subscription;
  readonly held: Holding;
  /** Names that the client was told do not exist, so that it is told once. */
  readonly missing: Set<ResourceName>;
  /** To be sent although the version is the one held. */
  readonly forced: Set<ResourceName>;
  /** VHDS: route configurations of which the first word was said (`first-hosts.ts`). */
  readonly begun: Set<ResourceName>;
  /** VHDS: there may be one of which it was not. */
  wordDue: boolean;
  inFlight: InFlight | undefined;
  /** SotW: the nonce of a response of which the client wants nothing any more; it may answer it or not. */
  abandoned: Nonce | undefined;
  /** The nonce of the newest response, acknowledged or not. */
  lastNonce: Nonce | undefined;
  /** Its place among all responses of the server: a shared one that is older is not sent here. */
  lastSequence: number;
  /** A response is due even if it is empty: the first answer to a wildcard. */
  owed: boolean;
  /** SotW full-state types: the version of the last response the client acknowledged. */
  confirmedVersion: string | undefined;
  /** SotW full-state types: the view that would make the response that was rejected as a whole. */
  refusedView: View | undefined;
  /** SotW full-state types: the client holds what we do not know, and has not acknowledged a response yet. */
  resumesUnknown: boolean;
  /** Rejections since the last acknowledgement, or since there is other content. */
  rejectionsInARow: number;
  /** The view for which nothing was left to send: while it is offered there is nothing to compare. */
  cleanFor: View | undefined;
}

/** One stream. */
export interface StreamState {
  readonly streamId: number;
  readonly nodeId: string;
  readonly variant: Variant;
  /** By type URL, in the order in which additions are sent. */
  readonly types: Map<string, TypeState>;
  readonly sequencer: Sequencer;
  /** The client held nothing when it connected: there is no old traffic to protect. */
  fresh: boolean;
  /** It said that it held something, which may be more than we know. */
  resumed: boolean;
  readonly shared: SharedResponses;
  /** Clusters that were sent before any endpoints were asked for: they wait for theirs. At most `AWAITED_MAX`. */
  awaited: readonly Response[];
  /** Rejected content of this node, by type and name, from this and earlier streams: never sent again. */
  readonly rejections: Rejections;
  /** The last snapshot for which `synced` was said. */
  syncedVersion: SnapshotVersion | undefined;
  /** The other streams of its node that its gates have to look at: where types come on streams of their own. */
  readonly companions: () => readonly StreamState[];
  /** The last `gate` event said that the wait is overdue. */
  overdueSaid: boolean;
  /** By type URL when the last heartbeat was sent; undefined as long as nothing had an end. */
  beats: Map<string, number> | undefined;
}

/** By type URL. */
export type Rejections = Map<string, TypeRejections>;

/** What a node has rejected of one type. */
export interface TypeRejections {
  /** By name, newest first. */
  readonly resources: Map<ResourceName, readonly Rejection[]>;
  /** What the node had accepted last under each of these names. */
  readonly lastGood: Map<ResourceName, Resource>;
  /** Sent in a rejected response and perhaps applied: a delta client does not name these when it comes back. */
  readonly unlisted: Set<ResourceName>;
  /** SotW full-state types: versions of responses that were rejected without a name, newest first. */
  wholeVersions: readonly string[];
  /** The last answer was a rejection: what the client says it holds may be mixed with parts of that response. */
  uncertain: boolean;
}

/** One rejected content. */
export interface Rejection {
  readonly version: string;
  /** Blamed together because the node named none; see `isRejected`. */
  readonly together: BlamedTogether | undefined;
}

/** Resources that were rejected together, while it is found out which of them is bad; see bisect.ts. */
export interface BlamedTogether {
  readonly typeUrl: string;
  /** Those that were not acquitted. */
  readonly versions: Map<ResourceName, string>;
  /** Names of each response that was rejected: at least one of them is bad, be the others acquitted. */
  readonly rejected: readonly ReadonlySet<ResourceName>[];
  /** Among these one is bad, if that is certain. */
  focus: Set<ResourceName>;
  isCertain: boolean;
  /** Offered nevertheless, to see what the node says; empty when there were enough trials. */
  trying: ReadonlySet<ResourceName>;
  trialsLeft: number;
  /** What the node said when it rejected them first. */
  readonly message: string;
  /** Whether a view holds all of them, computed once for each view. */
  checkedFor: View | undefined;
  isWhole: boolean;
}

/** A request, as the protocol means it; the shell has decoded and bounded it. */
export type Demand =
  | {
      readonly variant: "sotw";
      readonly typeUrl: string;
      readonly names: readonly string[];
      readonly versionInfo: string;
      readonly nonce: string;
      readonly error: string | undefined;
    }
  | {
      readonly variant: "delta";
      readonly typeUrl: string;
      readonly subscribe: readonly string[];
      readonly unsubscribe: readonly string[];
      readonly initialVersions: ReadonlyMap<string, string>;
      readonly nonce: string;
      readonly error: string | undefined;
    };

/** What can happen to a stream. */
export type StreamInput =
  | {
      readonly kind: "request";
      readonly demand: Demand;
      readonly atMs: number;
      /** The tables of this type in the group's snapshots, newest first: what a client that comes back may hold. */
      readonly earlier: (typeUrl: string) => readonly TypeTable[];
    }
  | { readonly kind: "snapshot"; readonly snapshot: Snapshot; readonly atMs: number }
  | { readonly kind: "tick"; readonly atMs: number };

/** A response to send; the shell frames it. Immutable: many streams may be given the same one. */
export interface Response {
  readonly typeUrl: string;
  readonly nonce: Nonce;
  readonly versionInfo: string;
  readonly resources: readonly Resource[];
  readonly removed: readonly ResourceName[];
  /** The client has all of it, and is told that it has not ended: in delta without content. */
  readonly isHeartbeat?: true;
}

/** What a step did. */
export interface StreamOutcome {
  readonly state: StreamState;
  readonly responses: readonly Response[];
  readonly events: readonly StreamEvent[];
  /** Give a `tick` at this time, if nothing else happens before. */
  readonly wakeAtMs: number | undefined;
}

const noCompanions: readonly StreamState[] = [];

function alone(): readonly StreamState[] {
  return noCompanions;
}

/** A stream before its first request. */
export function createStream(options: {
  readonly streamId: number;
  readonly nodeId: string;
  readonly variant: Variant;
  readonly rejections?: Rejections;
  /** What the streams of a server have in common; a stream without others may go without. */
  readonly shared?: SharedResponses;
  readonly companions?: () => readonly StreamState[];
}): StreamState {
  return {
    streamId: options.streamId,
    nodeId: options.nodeId,
    variant: options.variant,
    types: new Map(),
    sequencer: createSequencer(),
    fresh: true,
    resumed: false,
    shared: options.shared ?? createSharedResponses(),
    companions: options.companions ?? alone,
    awaited: [],
    rejections: options.rejections ?? new Map(),
    syncedVersion: undefined,
    overdueSaid: false,
    beats: undefined,
  };
}

/** The state of a type, created at its first request; undefined when xDS does not deliver the type. */
export function typeStateOf(state: StreamState, typeUrl: string): TypeState | undefined {
  const existing = state.types.get(typeUrl);
  if (existing !== undefined) return existing;
  const type = resourceType(typeUrl);
  if (type === undefined) return undefined;
  const subscription = createSubscription();
  const created: TypeState = {
    type,
    subscription,
    held: new Holding(subscription),
    missing: new Set(),
    forced: new Set(),
    begun: new Set(),
    wordDue: type.onDemand,
    inFlight: undefined,
    abandoned: undefined,
    lastNonce: undefined,
    lastSequence: 0,
    owed: false,
    confirmedVersion: undefined,
    refusedView: undefined,
    resumesUnknown: false,
    rejectionsInARow: 0,
    cleanFor: undefined,
  };
  const others = [...state.types.values()];
  state.types.clear();
  for (const each of [...others, created].sort(inOrderOfAdditions)) state.types.set(each.type.typeUrl, each);
  return created;
}

function inOrderOfAdditions(a: TypeState, b: TypeState): number {
  return resourceTypes.indexOf(a.type) - resourceTypes.indexOf(b.type);
}

/** The types this stream has asked for, in the order in which additions are sent. */
export function subscribedTypes(state: StreamState): Iterable<TypeState> {
  return state.types.values();
}

/** The version under which the client holds something. */
export function heldVersion(held: Held | undefined): string | undefined {
  return held === undefined || typeof held === "string" ? held : held.version;
}
