/**
 * The last things that happened, for people: what changed and what went wrong, oldest first.
 *
 * A bounded ring. Whoever follows it asks for what came after the last id it saw. The same refusal by many
 * nodes is one entry that counts them; an entry that counts on gets a new id, so that followers see it again.
 */
import type { DoorEvent } from "../xds/stream-event.ts";
import { describeEvent, isRoutine } from "./describe-event.ts";
import type { EventLevel } from "./describe-event.ts";
import type { FairwayEvent } from "./event.ts";

/** One entry. */
export interface TimelineEntry {
  /** Grows; also over a changed count. */
  readonly id: number;
  readonly atMs: number;
  readonly kind: FairwayEvent["kind"];
  readonly level: EventLevel;
  readonly text: string;
  /** How often it happened, to this node and others. */
  readonly count: number;
}

export interface Timeline {
  record(event: FairwayEvent): void;
  /** The entries with a greater id, oldest first. */
  after(id: number): readonly TimelineEntry[];
}

/** A day of a busy config repository, and less than a megabyte. */
const TIMELINE_ENTRIES_MAX = 1_000;
/** An entry that is longer says no more to a person; the log has it in full. */
const TEXT_LENGTH_MAX = 500;

/** A timeline in which nothing has happened. */
export function createTimeline(entriesMax: number = TIMELINE_ENTRIES_MAX): Timeline {
  // By what makes two entries the same; a map keeps the order of insertion.
  const entries = new Map<string, TimelineEntry>();
  let lastId = 0;
  return {
    record(event) {
      if (!isForPeople(event)) return;
      lastId += 1;
      const key = sameness(event) ?? `${event.kind} ${lastId}`;
      const count = (entries.get(key)?.count ?? 0) + (isSum(event) ? event.count : 1);
      const { level, text } = describeEvent(isSum(event) ? { ...event, count } : event);
      entries.delete(key);
      entries.set(key, {
        id: lastId,
        atMs: event.atMs,
        kind: event.kind,
        level,
        text: text.length > TEXT_LENGTH_MAX ? `${text.slice(0, TEXT_LENGTH_MAX)}…` : text,
        count,
      });
      const oldest = entries.keys().next();
      if (entries.size > entriesMax && !oldest.done) entries.delete(oldest.value);
    },
    after(id) {
      return [...entries.values()].filter((entry) => entry.id > id);
    },
  };
}

const comingsAndGoings: ReadonlySet<FairwayEvent["kind"]> = new Set([
  "stream-opened",
  "stream-moved",
  "stream-closed",
  "load-stream-opened",
  "load-stream-closed",
]);

/** Comings and goings of nodes and every message would push out what matters; the fleet shows those. */
function isForPeople(event: FairwayEvent): boolean {
  return !isRoutine(event) && !comingsAndGoings.has(event.kind);
}

/** One event for many refusals. */
function isSum(event: FairwayEvent): event is DoorEvent {
  return event.kind === "streams-turned-away" || event.kind === "handshakes-failed";
}

/** Events with the same text here share an entry. */
function sameness(event: FairwayEvent): string | undefined {
  if (event.kind === "rejected") {
    const names = event.resources.slice(0, 3).map(({ name, version }) => `${name}@${version}`);
    return JSON.stringify([event.kind, event.typeUrl, event.versionInfo, ...names]);
  }
  if (
    event.kind === "stream-refused" ||
    event.kind === "load-stream-refused" ||
    event.kind === "traffic-report-refused"
  )
    return JSON.stringify([event.kind, event.nodeId, event.reason]);
  if (isSum(event)) return JSON.stringify([event.kind, event.reason]);
  if (event.kind === "gate") return JSON.stringify([event.kind, event.snapshotVersion]);
  return undefined;
}
