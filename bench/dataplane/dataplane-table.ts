/**
 * The results of the data plane as tables.
 */
import { layOut } from "../table.ts";
import type { Column } from "../table.ts";
import type { CompareRow } from "./compare.ts";
import type { PolicyRow } from "./policies.ts";
import type { TailRow } from "./tail.ts";
import type { ThreadsRow } from "./threads.ts";

/** All that was measured; what was not asked for is absent. */
export interface DataplaneRows {
  readonly compare?: readonly CompareRow[];
  readonly threads?: readonly ThreadsRow[];
  readonly tail?: readonly TailRow[];
  readonly policies?: readonly PolicyRow[];
}

const compareColumns: readonly Column<CompareRow>[] = [
  { title: "configuration", cell: (row) => row.config },
  { title: "CPU us", cell: (row) => row.cpuUs.toFixed(1) },
  { title: "x minimal", cell: (row) => row.timesMinimal.toFixed(3) },
  { title: "least", cell: (row) => row.timesMinimalLeast.toFixed(3) },
  { title: "most", cell: (row) => row.timesMinimalMost.toFixed(3) },
  { title: "p50 ms", cell: (row) => hundredths(row.p50Ms) },
  { title: "p99 ms", cell: (row) => hundredths(row.p99Ms) },
  { title: "p99.9 ms", cell: (row) => hundredths(row.p999Ms) },
  { title: "late p99 ms", cell: (row) => hundredths(row.lateP99Ms) },
  { title: "n", cell: (row) => String(row.pairs) },
];

const threadsColumns: readonly Column<ThreadsRow>[] = [
  { title: "--concurrency", cell: (row) => String(row.concurrency) },
  { title: "cores", cell: (row) => row.cores },
  { title: "CPU us", cell: (row) => row.cpuUs.toFixed(1) },
  { title: "p50 ms", cell: (row) => hundredths(row.p50Ms) },
  { title: "p99 ms", cell: (row) => hundredths(row.p99Ms) },
  { title: "p99.9 ms", cell: (row) => hundredths(row.p999Ms) },
  { title: "max ms", cell: (row) => hundredths(row.maxMs) },
  { title: "n", cell: (row) => String(row.rounds) },
];

const tailColumns: readonly Column<TailRow>[] = [
  { title: "third endpoint", cell: (row) => row.third },
  { title: "protection", cell: (row) => row.protection },
  { title: "p50 ms", cell: (row) => hundredths(row.p50Ms) },
  { title: "p99 ms", cell: (row) => hundredths(row.p99Ms) },
  { title: "p99.9 ms", cell: (row) => hundredths(row.p999Ms) },
  { title: "max ms", cell: (row) => hundredths(row.maxMs) },
  { title: "sent", cell: (row) => String(row.sent) },
  { title: "failed", cell: (row) => String(row.failed) },
  { title: "failed before", cell: (row) => String(row.leadFailed) },
  { title: "n", cell: (row) => String(row.rounds) },
];

const policyColumns: readonly Column<PolicyRow>[] = [
  { title: "policy", cell: (row) => (row.base === "" ? row.policy : `${row.policy} (to ${row.base})`) },
  { title: "CPU us", cell: (row) => row.cpuUs.toFixed(1) },
  { title: "added us", cell: (row) => signed(row.addedUs, 1) },
  { title: "from", cell: (row) => signed(row.addedUsLow, 1) },
  { title: "to", cell: (row) => signed(row.addedUsHigh, 1) },
  { title: "added %", cell: (row) => signed(row.addedPercent, 0) },
  { title: "p50 ms", cell: (row) => hundredths(row.p50Ms) },
  { title: "p99 ms", cell: (row) => hundredths(row.p99Ms) },
  { title: "n", cell: (row) => String(row.rounds) },
];

const compareNotes = [
  "CPU: processor time of the whole Envoy for one request, the median of n pairs. x minimal: the median of the pairs' quotients.",
  "p50, p99, p99.9: at a fixed rate, from the moment at which a request was due; medians of n. late: what of it the client was late.",
];
const tailNotes = [
  "Times: medians of n rounds. sent, failed: of all rounds together.",
  "failed before: in the two seconds before measuring, in which the endpoint is ejected.",
];
const policyNotes = [
  "added: to a request without any policy, or to another case, in the same round; the median of n.",
  "from, to: in half of the n rounds it was between these. none-again has no policy either.",
];

/** A table for each part that was measured. */
export function dataplaneTables({ compare, threads, tail, policies }: DataplaneRows): string {
  const tables = [
    compare === undefined ? [] : [noted(layOut(compareColumns, compare), compareNotes)],
    threads === undefined ? [] : [noted(layOut(threadsColumns, threads), [])],
    tail === undefined ? [] : [noted(layOut(tailColumns, tail), tailNotes)],
    policies === undefined ? [] : [noted(layOut(policyColumns, policies), policyNotes)],
  ];
  return tables.flat().join("\n");
}

function noted(table: string, notes: readonly string[]): string {
  return notes.length === 0 ? table : `${table}\n${notes.join("\n")}\n`;
}

function hundredths(value: number): string {
  return value.toFixed(2);
}

/** With its sign, and never as minus nothing. */
function signed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : value > 0 ? `+${text}` : text;
}
