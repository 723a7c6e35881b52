/**
 * The log: one line for each event, JSON for machines or a readable form for a terminal.
 *
 * Holds: nothing from outside reaches the output unescaped; a node or a fleet that repeats itself is cut
 * short and counted, because a log that grows with the number of mistakes fills the disk.
 */
import { pino } from "pino";
import type { Diagnostic } from "../model/diagnostic.ts";
import { describeEvent, isRoutine, placeText } from "./describe-event.ts";
import type { EventLevel } from "./describe-event.ts";
import type { FairwayEvent } from "./event.ts";
import { printable } from "./printable.ts";
import { createRateLimit } from "./rate-limit.ts";
import { terminalLine } from "./terminal-line.ts";

export interface LogOptions {
  /** Takes one line with its line end; usually the standard error stream. */
  readonly write: (line: string) => void;
  /** The readable form instead of JSON; `color` adds escape sequences to it. */
  readonly terminal: boolean;
  readonly color: boolean;
  readonly level: EventLevel | "silent";
  /** Draws a diagnostic under its source line. */
  readonly draw: (diagnostic: Diagnostic) => string;
}

/** Writes down what happens. */
export interface Log {
  record(event: FairwayEvent): void;
}

/** One node that says the same again and again; five are enough to see the pattern. */
const PER_NODE = { burst: 5, windowMs: 60_000, keysMax: 10_000 };
/** All nodes together: the whole fleet reconnects at once, or rejects the same version. */
const PER_KIND = { burst: 100, windowMs: 1_000, keysMax: 100 };
/** A broken file can have thousands of problems; the command line shows them all. */
const DRAWN_MAX = 20;

/** A log that writes to `write`. */
export function createLog(options: LogOptions): Log {
  const logger = pino(
    { level: options.level, base: null, timestamp: false, formatters: { level: (label) => ({ level: label }) } },
    { write: (line: string) => options.write(options.terminal ? terminalLine(line, options.color) : safeJson(line)) },
  );
  // The level does not change, and this is asked for every event.
  const tellsRoutine = logger.isLevelEnabled("debug");
  const perNode = createRateLimit(PER_NODE);
  const perKind = createRateLimit(PER_KIND);
  return {
    record(event) {
      if (!tellsRoutine && isRoutine(event)) return;
      const { level, text } = describeEvent(event);
      if (!logger.isLevelEnabled(level)) return;
      let suppressedCount = 0;
      if ("nodeId" in event && level !== "debug") {
        const node = perNode.admit(repetitionKey(event), event.atMs);
        if (!node.admitted) return;
        const kind = perKind.admit(event.kind, event.atMs);
        if (!kind.admitted) return;
        suppressedCount = node.suppressedCount + kind.suppressedCount;
      }
      const { atMs, ...fields } = fieldsOf(event, options.draw);
      const suppressed = suppressedCount > 0 ? { suppressedCount } : {};
      logger[level]({ ...fields, ...suppressed, at: new Date(atMs).toISOString() }, text);
    },
  };
}

/** The event with what pino cannot write as it is, or should not write in full. */
function fieldsOf(event: FairwayEvent, draw: LogOptions["draw"]): { readonly atMs: number } & Record<string, unknown> {
  if (event.kind === "stream-opened" || event.kind === "stream-refused") {
    // The metadata of a node may hold what does not belong in a log.
    const { node, ...rest } = event;
    return { ...rest, cluster: node.cluster, userAgent: node.userAgent };
  }
  if (event.kind === "config-refused" || event.kind === "config-waiting" || event.kind === "source-warning") {
    const shown = event.diagnostics.slice(0, DRAWN_MAX);
    return {
      ...event,
      diagnostics: shown.map(({ code, at, message }) => ({ code, at: placeText(at), message })),
      diagnosticsCount: event.diagnostics.length,
      drawn: shown.map(draw).join("\n"),
    };
  }
  if (event.kind === "config-accepted") {
    const changes = event.changes.map(({ typeUrl, added, changed, removed }) => ({
      typeUrl,
      addedCount: added.length,
      changedCount: changed.length,
      removedCount: removed.length,
    }));
    return { ...event, changes };
  }
  if (event.kind === "warning") {
    // It is the message already.
    const { text: _, ...rest } = event;
    return rest;
  }
  if (event.kind === "rejected") {
    return { ...event, resources: event.resources.slice(0, DRAWN_MAX), resourcesCount: event.resources.length };
  }
  return { ...event };
}

function repetitionKey(event: FairwayEvent & { readonly nodeId: string }): string {
  return `${event.kind} ${"typeUrl" in event ? event.typeUrl : ""} ${event.nodeId}`;
}

/** JSON leaves C1 controls and bidirectional marks as they are; as escapes they read back the same. */
function safeJson(line: string): string {
  return `${printable(line.trimEnd())}\n`;
}
