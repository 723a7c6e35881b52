/**
 * The comparison as a table: the servers of one case below each other, and how many times Fairway's cost each needs.
 */
import { layOut } from "../table.ts";
import type { Column } from "../table.ts";
import type { XdsRow } from "./cell.ts";

/** A row with how its processor time compares with Fairway's in the same run. */
export interface ComparedRow extends XdsRow {
  /** Processor time divided by Fairway's; absent where Fairway was not measured. */
  readonly timesFairway: number | undefined;
}

const titles: Readonly<Record<string, string>> = {
  "first-sync": "first sync",
  cluster: "one cluster changed",
  endpoints: "one endpoint list changed",
  "all-endpoints": "all endpoint lists changed",
  reconnect: "all reconnect, versions held",
  refused: "one cluster refused",
  tls: "TLS: all connect at once",
  "tls-again": "TLS: all come back at once",
  "endpoints-alone": "one endpoint list, no bad readers",
  "endpoints-beside-never-read": "one endpoint list, 50 that never read",
  "all-endpoints-alone": "all endpoint lists, no bad readers",
  "all-endpoints-beside-never-read": "all endpoint lists, 50 that never read",
};

const columns: readonly Column<ComparedRow>[] = [
  { title: "case", cell: (row) => titles[row.case] ?? row.case },
  { title: "xDS", cell: (row) => row.variant },
  { title: "streams", cell: (row) => String(row.streams) },
  { title: "clusters", cell: (row) => String(row.clusters) },
  { title: "server", cell: (row) => row.server },
  { title: "CPU ms", cell: (row) => rounded(row.cpuMs) },
  { title: "x Fairway", cell: (row) => rounded(row.timesFairway) },
  { title: "fixed CPU ms", cell: (row) => rounded(row.fixedCpuMs) },
  { title: "p50 ms", cell: (row) => rounded(row.p50Ms) },
  { title: "p99 ms", cell: (row) => rounded(row.p99Ms) },
  { title: "max ms", cell: (row) => rounded(row.maxMs) },
  { title: "KB/stream", cell: (row) => rounded(row.bytesPerStream / 1_000) },
  { title: "responses", cell: (row) => rounded(row.responsesPerStream) },
  { title: "RSS KiB/stream", cell: (row) => rounded(row.rssPerStreamKib) },
  { title: "heap", cell: (row) => rounded(row.heapPerStreamKib) },
  { title: "peak MiB", cell: (row) => row.peakMib.toFixed(0) },
  { title: "loop max ms", cell: (row) => rounded(row.loopMaxMs) },
  { title: "n", cell: (row) => String(row.repetitions) },
];

const notes = [
  "CPU: processor time of the whole server for one change, until it is at rest again; the median of n.",
  "x Fairway: the same divided by Fairway's. fixed: what it costs with one stream, with making the snapshot ready.",
  "p50, p99, max: from handing over the snapshot to a stream's last acknowledgement, over all streams and repetitions;",
  "of a first sync from the first connection on, of a reconnect until nothing happens any more.",
  "RSS: what a stream adds to a server with the same snapshot and none; heap: what of it is in use, sockets left out.",
  "Peak: the most memory of the whole server during the case.",
];

/** Puts the servers of a case next to each other and compares them. */
export function compareRows(rows: readonly XdsRow[]): readonly ComparedRow[] {
  const cases = Map.groupBy(rows, (row) => [row.case, row.variant, row.streams, row.clusters].join(" "));
  return [...cases.values()].flatMap((ofCase) => {
    const fairway = ofCase.find(({ server }) => server === "fairway");
    return ofCase.map((row) => ({
      ...row,
      timesFairway: fairway === undefined ? undefined : row.cpuMs / fairway.cpuMs,
    }));
  });
}

/** The table with its notes. */
export function xdsTable(rows: readonly ComparedRow[]): string {
  return `${layOut(columns, rows)}\n${notes.join("\n")}\n`;
}

/** Two digits that mean something, whatever the size. */
function rounded(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "-";
  return value.toFixed(Math.abs(value) < 9.95 ? 2 : Math.abs(value) < 99.5 ? 1 : 0);
}
