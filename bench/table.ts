/**
 * Results as text: columns that a terminal shows and a page quotes.
 */
import type { BigRow } from "./big.ts";
import type { EtcdFlapRow, EtcdLatencyRow, EtcdLoadRow, EtcdRows } from "./etcd.ts";
import type { ModelRow } from "./model.ts";
import type { PushRow } from "./push.ts";
import type { ToldRow } from "./told-fleet.ts";
import type { TightenRow } from "./tighten.ts";

/** One column: what stands above it, and its text in each row. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
}

const pushColumns: readonly Column<PushRow>[] = [
  { title: "case", cell: (row) => row.case },
  { title: "nodes", cell: (row) => String(row.nodes) },
  { title: "services", cell: (row) => String(row.services) },
  { title: "p50 ms", cell: (row) => tenths(row.p50Ms) },
  { title: "p99 ms", cell: (row) => tenths(row.p99Ms) },
  { title: "max ms", cell: (row) => tenths(row.maxMs) },
  { title: "build ms", cell: (row) => tenths(row.buildMs) },
  { title: "CPU ms", cell: (row) => tenths(row.cpuMs) },
  { title: "loop CPU ms", cell: (row) => tenths(row.loopCpuMs) },
  { title: "loop waited ms", cell: (row) => tenths(row.loopWaitedMs) },
  { title: "responses", cell: (row) => tenths(row.responsesPerChange) },
  { title: "loop p99 ms", cell: (row) => tenths(row.loopDelayP99Ms) },
  { title: "loop max ms", cell: (row) => tenths(row.loopDelayMaxMs) },
];

const bigColumns: readonly Column<BigRow>[] = [
  { title: "nodes", cell: (row) => String(row.nodes) },
  { title: "services", cell: (row) => String(row.services) },
  { title: "file MiB", cell: (row) => tenths(row.fileMib) },
  { title: "save to last ACK ms", cell: (row) => row.savedToAckedMs.toFixed(0) },
  { title: "build ms", cell: (row) => row.buildMs.toFixed(0) },
  { title: "CPU ms", cell: (row) => row.cpuMs.toFixed(0) },
  { title: "loop CPU ms", cell: (row) => row.loopCpuMs.toFixed(0) },
  { title: "responses", cell: (row) => String(row.responses) },
  { title: "loop p99 ms", cell: (row) => tenths(row.loopDelayP99Ms) },
  { title: "loop max ms", cell: (row) => tenths(row.loopDelayMaxMs) },
  { title: "RSS MiB", cell: (row) => row.rssMib.toFixed(0) },
  { title: "RSS peak MiB", cell: (row) => row.rssPeakMib.toFixed(0) },
];

const modelColumns: readonly Column<ModelRow>[] = [
  { title: "services", cell: (row) => String(row.services) },
  { title: "files", cell: (row) => String(row.files) },
  { title: "MiB", cell: (row) => tenths(row.mib) },
  { title: "API CPU ms", cell: (row) => row.apiMs.toFixed(0) },
  { title: "parse CPU ms", cell: (row) => row.parseMs.toFixed(0) },
  { title: "build CPU ms", cell: (row) => row.buildMs.toFixed(0) },
  { title: "cold CPU ms", cell: (row) => row.coldMs.toFixed(0) },
  { title: "wall ms", cell: (row) => row.coldWallMs.toFixed(0) },
  { title: "peak MiB", cell: (row) => row.coldPeakMib.toFixed(0) },
  { title: "endpoint edit CPU ms", cell: (row) => tenths(row.serviceEditMs) },
  { title: "route edit CPU ms", cell: (row) => tenths(row.routeEditMs) },
  { title: "peak after MiB", cell: (row) => row.peakMib.toFixed(0) },
  { title: "loop p99/max ms, load", cell: (row) => `${tenths(row.loadLoop.p99Ms)}/${tenths(row.loadLoop.maxMs)}` },
  { title: "edits", cell: (row) => `${tenths(row.editLoop.p99Ms)}/${tenths(row.editLoop.maxMs)}` },
  { title: "server peak MiB", cell: (row) => row.serverPeakMib.toFixed(0) },
];

const tightenColumns: readonly Column<TightenRow>[] = [
  { title: "Envoy", cell: (row) => row.envoy },
  { title: "changes", cell: (row) => String(row.changes) },
  { title: "p50 ms", cell: (row) => tenths(row.p50Ms) },
  { title: "p99 ms", cell: (row) => tenths(row.p99Ms) },
  { title: "max ms", cell: (row) => tenths(row.maxMs) },
];

const etcdLatencyColumns: readonly Column<EtcdLatencyRow>[] = [
  { title: "case", cell: (row) => row.case },
  { title: "nodes", cell: (row) => String(row.nodes) },
  { title: "changes", cell: (row) => String(row.changes) },
  { title: "p50 ms", cell: (row) => tenths(row.p50Ms) },
  { title: "p99 ms", cell: (row) => tenths(row.p99Ms) },
  { title: "max ms", cell: (row) => tenths(row.maxMs) },
];

const etcdFlapColumns: readonly Column<EtcdFlapRow>[] = [
  { title: "instances", cell: (row) => String(row.instances) },
  { title: "services", cell: (row) => String(row.services) },
  { title: "nodes", cell: (row) => String(row.nodes) },
  { title: "changes/s", cell: (row) => tenths(row.changesPerSecond) },
  { title: "builds/s", cell: (row) => tenths(row.buildsPerSecond) },
  { title: "pushes/s a node", cell: (row) => tenths(row.responsesPerSecondAndNode) },
  { title: "CDS responses", cell: (row) => String(row.clusterResponses) },
  { title: "CPU %", cell: (row) => tenths(row.cpuPercent) },
  { title: "loop CPU %", cell: (row) => tenths(row.loopCpuPercent) },
  { title: "loop p99 ms", cell: (row) => tenths(row.loopDelayP99Ms) },
  { title: "loop max ms", cell: (row) => tenths(row.loopDelayMaxMs) },
  { title: "RSS peak MiB", cell: (row) => row.rssPeakMib.toFixed(0) },
];

const etcdLoadColumns: readonly Column<EtcdLoadRow>[] = [
  { title: "start with", cell: (row) => row.case },
  { title: "services", cell: (row) => String(row.services) },
  { title: "instances", cell: (row) => String(row.instances) },
  { title: "ready ms", cell: (row) => row.readyMs.toFixed(0) },
  { title: "build ms", cell: (row) => row.buildMs.toFixed(0) },
  { title: "CPU ms", cell: (row) => row.cpuMs.toFixed(0) },
  { title: "RSS MiB", cell: (row) => row.rssMib.toFixed(0) },
  { title: "RSS peak MiB", cell: (row) => row.rssPeakMib.toFixed(0) },
];

const toldColumns: readonly Column<ToldRow>[] = [
  { title: "case", cell: (row) => row.case },
  { title: "prefix", cell: (row) => row.prefix },
  { title: "replicas", cell: (row) => String(row.replicas) },
  { title: "nodes", cell: (row) => String(row.nodes) },
  { title: "seconds", cell: (row) => tenths(row.seconds) },
  { title: "writes/s", cell: (row) => tenths(row.writesPerSecond) },
  { title: "KiB/s", cell: (row) => tenths(row.kibPerSecond) },
  { title: "largest KiB", cell: (row) => tenths(row.largestKib) },
  { title: "CPU %", cell: (row) => tenths(row.cpuPercent) },
];

/** Save → last acknowledgement. */
export function pushTable(rows: readonly PushRow[]): string {
  const table = layOut(pushColumns, rows);
  const notes = [
    `${rows[0]?.changes ?? 0} changes a row. Times from just before the save to the last node's last acknowledgement;`,
    "build, CPU, waited and responses are means for one change: CPU of the whole server, loop CPU of its event loop alone,",
    "waited how long the event loop could have run and had no core, which on a busy machine is most of the difference.",
    "An in-place write has to be left alone for 150 ms before it counts as finished; a rename is finished at once.",
  ];
  return `${table}\n${notes.join("\n")}\n`;
}

/** One large file. */
export function bigTable(rows: readonly BigRow[]): string {
  return layOut(bigColumns, rows);
}

/** Files → resources. */
export function modelTable(rows: readonly ModelRow[]): string {
  const notes = [
    "CPU: processor time of all threads of a fresh process; medians of three processes, edits the median of many.",
    "Loop: how late the event loop of a running server ran while all files came at once, and while one was saved ten times.",
  ];
  return `${layOut(modelColumns, rows)}\n${notes.join("\n")}\n`;
}

/** Save → in force. */
export function tightenTable(rows: readonly TightenRow[]): string {
  return layOut(tightenColumns, rows);
}

/** Registration → last acknowledgement, many of them, a start with all there is, and what replicas tell each other. */
export function etcdTable({ latency, flaps, loads, told }: EtcdRows): string {
  const tables = [
    latency.length > 0 ? [layOut(etcdLatencyColumns, latency)] : [],
    flaps.length > 0 ? [layOut(etcdFlapColumns, flaps)] : [],
    loads.length > 0 ? [layOut(etcdLoadColumns, loads)] : [],
    told.length > 0 ? [layOut(toldColumns, told)] : [],
  ];
  return tables.flat().join("\n");
}

/** Words to the left, numbers to the right; "-" stands for a number that there is not. */
export function layOut<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const lines = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ cell }) => cell(row)))];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  const isNumber = columns.map((_, index) =>
    lines.slice(1).every((line) => /^(?:[-+]?[\d.]+|-)$/.test(line[index] ?? "")),
  );
  return lines
    .map((line) => {
      const cells = line.map((cell, index) => {
        const width = widths[index] ?? 0;
        return isNumber[index] === true ? cell.padStart(width) : cell.padEnd(width);
      });
      return `${cells.join("  ").trimEnd()}\n`;
    })
    .join("");
}

function tenths(value: number): string {
  return value.toFixed(1);
}
