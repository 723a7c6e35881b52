/**
 * What a stream waits for at this moment, for people who ask.
 *
 * It is said when somebody looks and not as it changes: during a push every stream waits for something else
 * every few milliseconds, and hardly anybody looks. Only that a wait is overdue is an event.
 */
import type { SnapshotVersion } from "../snapshot/snapshot.ts";
import { layerStanding, missingLayerText } from "./missing-layer.ts";
import { describeWait } from "./progress.ts";
import type { StreamState } from "./stream-state.ts";

/** One stream on its way to a snapshot. */
export interface StreamWait {
  readonly streamId: number;
  readonly snapshotVersion: SnapshotVersion;
  /** Such as `ACK of clusters (shop)`. */
  readonly waitingFor: string;
  /** When the step that waits began. */
  readonly sinceMs: number;
  /** When it counts as overdue. */
  readonly deadlineAtMs: number;
  readonly overdue: boolean;
}

/** What keeps the stream from its next step; undefined when it has arrived. */
export function currentWait(state: StreamState): StreamWait | undefined {
  const { snapshot, phase, phaseSinceMs, overdue } = state.sequencer;
  if (snapshot === undefined) return undefined;
  const lacksLayer = phase === "settled" && layerStanding(state) === "missing";
  if (phase === "settled" && !lacksLayer) return undefined;
  return {
    streamId: state.streamId,
    snapshotVersion: snapshot.version,
    waitingFor: lacksLayer ? missingLayerText : describeWait(state),
    sinceMs: phaseSinceMs,
    deadlineAtMs: phaseSinceMs + snapshot.updates.deadlineMs,
    overdue: overdue || lacksLayer,
  };
}
