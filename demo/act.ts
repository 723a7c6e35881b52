/**
 * One act of the demo: an edit of a file, the acknowledgements that follow, and what real traffic shows.
 *
 * The record keeps what the closing table needs.
 */
import { setTimeout as pause } from "node:timers/promises";
import { acknowledgements, wantedVersions } from "./acknowledgements.ts";
import { editFile, type Edit } from "./config-files.ts";
import { labelsBetween } from "./kit/load-report.ts";
import type { Stage } from "./stage.ts";
import type { Terminal } from "./terminal.ts";

/** What the closing table counts. */
export interface DemoRecord {
  changes: number;
  readonly ackTimesMs: number[];
  /** Requests of single steps, beside the steady traffic. */
  readonly extra: { sent: number; failed: number };
  /** Requests that a circuit breaker was meant to refuse, and did. */
  readonly bursts: { sent: number; refused: number };
  readonly failures: string[];
}

/** What every step is given. */
export interface Scene {
  readonly stage: Stage;
  readonly terminal: Terminal;
  readonly record: DemoRecord;
  /** How long shares are measured. */
  readonly measureMs: number;
}

/** How a change is written. */
export interface Change {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A row is a name and two cells within 100 columns. */
const NAME_WIDTH = 20;
const CELL_WIDTH = 36;

/** Makes the edit, shows it, waits for both Envoys and shows how long they took. */
export async function changeConfig(scene: Scene, change: Change): Promise<Edit> {
  const { stage, terminal, record } = scene;
  const before = await wantedVersions(stage.fairway);
  const edit = await editFile(stage.configDir, change.file, change);
  const times = await acknowledgements(stage.fairway, before, edit.savedAtMs);
  showEdit(terminal, edit);
  record.changes += 1;
  record.ackTimesMs.push(...times.values());
  const cells = stage.edges.map(({ nodeId }) => `${(times.get(nodeId) ?? 0).toFixed(0)} ms`);
  showRow(scene, "save → acknowledged", cells);
  return edit;
}

/** The edit as a small diff. */
export function showEdit(terminal: Terminal, edit: Edit): void {
  terminal.print(`   ${terminal.paint("quiet", `${edit.file}:${edit.line}`)}`);
  for (const line of edit.removed) terminal.print(terminal.paint("removed", `   - ${line}`));
  for (const line of edit.added) terminal.print(terminal.paint("added", `   + ${line}`));
}

/** A named row with one cell for each Envoy. */
export function showRow({ stage, terminal }: Scene, name: string, cells: readonly string[]): void {
  const columns = stage.edges.map(({ nodeId }, index) => {
    const cell = cells[index] ?? "";
    return `${terminal.paint("quiet", nodeId)} ${cell}${" ".repeat(Math.max(0, CELL_WIDTH - nodeId.length - 1 - cell.length))}`;
  });
  terminal.print(`   ${name.padEnd(NAME_WIDTH)} ${columns.join("  ")}`.trimEnd());
}

/** How the steady traffic of each Envoy was answered during the next moments: requests by backend. */
export async function measure(scene: Scene): Promise<readonly Readonly<Record<string, number>>[]> {
  const before = scene.stage.edges.map(({ traffic }) => traffic.report());
  await pause(scene.measureMs);
  return scene.stage.edges.map(({ traffic }, index) => {
    const start = before[index];
    return start === undefined ? {} : labelsBetween(start, traffic.report());
  });
}

/** The share in percent of the backends whose label begins so. */
export function share(counts: Readonly<Record<string, number>>, prefix: string): number {
  let all = 0;
  let some = 0;
  for (const [label, count] of Object.entries(counts)) {
    all += count;
    if (label.startsWith(prefix)) some += count;
  }
  return all === 0 ? 0 : (100 * some) / all;
}

/** The sum of all counts. */
export function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
