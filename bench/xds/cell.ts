/**
 * One cell of the comparison: a fleet of one size, a config of one size, one server; all cases one after the other.
 */
import { spread } from "../percentile.ts";
import type { Change } from "./orders.ts";
import { Session } from "./session.ts";
import type { Changed, Peer, SessionOptions, Spread } from "./session.ts";

/** What can happen. */
export const cellCases = ["first-sync", "cluster", "endpoints", "all-endpoints", "reconnect", "refused"] as const;
export type CaseName = (typeof cellCases)[number];

/** What to measure. */
export interface Cell {
  readonly streams: number;
  readonly clusters: number;
  readonly variant: "delta" | "sotw";
  readonly cases: readonly CaseName[];
  /** Most repetitions of a change. */
  readonly changes: number;
}

/** One row of the table: a case of one server. */
export interface XdsRow {
  readonly case: string;
  readonly variant: "delta" | "sotw";
  readonly streams: number;
  readonly clusters: number;
  readonly server: Peer;
  readonly repetitions: number;
  /** Medians over the repetitions, of the whole server. */
  readonly cpuMs: number;
  /** The same for one stream, and what making the snapshot ready cost: what does not grow with the fleet. */
  readonly fixedCpuMs?: number;
  /** Over all streams and repetitions. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly bytesPerStream: number;
  readonly responsesPerStream: number;
  /** What each stream adds to the memory of a server that has the snapshot and no stream. */
  readonly rssPerStreamKib?: number;
  /** The same of the heap alone: what the server remembers of a stream, without freed memory that it keeps. */
  readonly heapPerStreamKib?: number;
  readonly peakMib: number;
  readonly loopMaxMs?: number | undefined;
}

/** Changes before a measurement, so that code is compiled and memory is there. */
const WARM_UPS = 3;
const ONE_STREAM_CHANGES = 5;

/** A slow server is not asked to repeat what has taken so long already. */
const REPEAT_MS_MAX = 8_000;

/** To change everything is slow; the median of three says enough. */
const ALL_CHANGES_MAX = 3;

/** These cases are changes of that name; the others are not repeated. */
const isChange = (name: CaseName): name is CaseName & Change["what"] =>
  name === "cluster" || name === "endpoints" || name === "all-endpoints";

/** Measures one server in one cell. */
export async function measureCell(
  cell: Cell,
  options: Omit<SessionOptions, "clusters" | "variant">,
  say: (text: string) => void,
): Promise<readonly XdsRow[]> {
  await using session = await Session.open({ ...options, clusters: cell.clusters, variant: cell.variant });
  const rows: XdsRow[] = [];
  const add = (name: CaseName, measured: readonly Spread[], more: Partial<XdsRow> = {}) => {
    const row = rowOf(cell, { name, server: options.peer }, measured, more);
    say(
      `  ${options.peer}: ${name}, ${row.cpuMs.toFixed(0)} ms of CPU, p99 ${row.p99Ms.toFixed(0)} ms, ${measured.length} times`,
    );
    rows.push(row);
  };
  const wants = (name: CaseName) => cell.cases.includes(name);

  const changes = cell.cases.filter(isChange);
  const fixed = await measureOneStream(session, changes);
  await session.disconnect();
  const empty = await session.memory();
  const first = await session.connect(cell.streams);
  const synced = await session.memory();
  const perStream = {
    rssPerStreamKib: ((synced.nowMib - empty.nowMib) * 1_024) / cell.streams,
    heapPerStreamKib: (synced.heapBytes - empty.heapBytes) / 1_024 / cell.streams,
  };
  if (wants("first-sync")) add("first-sync", [first], perStream);
  for (const name of changes) {
    const most = name === "all-endpoints" ? Math.min(cell.changes, ALL_CHANGES_MAX) : cell.changes;
    add(name, await repeat(session, name, most), { fixedCpuMs: fixed.get(name) ?? Number.NaN });
  }
  if (wants("reconnect")) add("reconnect", [await session.reconnect(cell.streams)]);
  if (wants("refused")) add("refused", [await session.change("refused-cluster")]);
  return rows;
}

/** The cost of each change for a single stream, with that of making the snapshot ready. */
async function measureOneStream(
  session: Session,
  changes: readonly (CaseName & Change["what"])[],
): Promise<ReadonlyMap<CaseName, number>> {
  const fixed = new Map<CaseName, number>();
  await session.connect(1);
  for (const what of changes) {
    if (what !== "all-endpoints") await repeat(session, what, WARM_UPS);
    const most = what === "all-endpoints" ? 1 : ONE_STREAM_CHANGES;
    const measured = await repeat(session, what, most);
    fixed.set(what, median(measured.map(({ cpuMs, buildCpuMs }) => cpuMs + buildCpuMs)));
  }
  return fixed;
}

async function repeat(session: Session, what: Change["what"], most: number): Promise<readonly Changed[]> {
  const measured: Changed[] = [];
  const startedAtMs = performance.now();
  while (measured.length < most && performance.now() - startedAtMs < REPEAT_MS_MAX) {
    measured.push(await session.change(what));
  }
  return measured;
}

/** A row of at least one repetition. */
export function rowOf(
  cell: Pick<Cell, "streams" | "clusters" | "variant">,
  of: { readonly name: string; readonly server: Peer },
  measured: readonly Spread[],
  more: Partial<XdsRow> = {},
): XdsRow {
  const loopMaxMs = measured.flatMap((each) => each.loopMaxMs ?? []);
  return {
    case: of.name,
    variant: cell.variant,
    streams: cell.streams,
    clusters: cell.clusters,
    server: of.server,
    repetitions: measured.length,
    cpuMs: median(measured.map(({ cpuMs }) => cpuMs)),
    ...spread(measured.flatMap(({ timesMs }) => timesMs)),
    bytesPerStream: median(measured.map(({ report }) => report.bytes)) / cell.streams,
    responsesPerStream: median(measured.map(({ report }) => report.responses)) / cell.streams,
    peakMib: Math.max(...measured.map(({ peakMib }) => peakMib)),
    loopMaxMs: loopMaxMs.length === 0 ? undefined : Math.max(...loopMaxMs),
    ...more,
  };
}

/** The middle value, or the mean of the two in the middle. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}
