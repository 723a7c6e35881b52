/**
 * The closing table: what was changed, how fast it arrived, and what it cost.
 */
import type { DemoRecord, Scene } from "./act.ts";

/** Prints the table; the result is the number of failed requests, of which there must be none. */
export function showSummary({ stage, terminal, record }: Scene): number {
  const rows: [string, string][] = [
    ["changes made", `${record.changes}, and one refused`],
    ["save → acknowledged", ackText(record)],
  ];
  let failed = record.extra.failed;
  const failures = [...record.failures];
  for (const { nodeId, traffic } of stage.edges) {
    const report = traffic.report();
    failed += report.failed;
    failures.push(...report.failures.map((text) => `${nodeId}: ${text}`));
    const latency = `p50 ${report.latencyMs.p50.toFixed(1)} ms, p99 ${report.latencyMs.p99.toFixed(1)} ms`;
    rows.push([`traffic, ${nodeId}`, `${count(report.sent)} requests, ${count(report.failed)} failed, ${latency}`]);
  }
  rows.push(["requests of steps", `${count(record.extra.sent)} sent, ${count(record.extra.failed)} failed`]);
  rows.push([
    "bursts",
    `${count(record.bursts.sent)} sent, ${count(record.bursts.refused)} refused by the circuit breaker, as meant`,
  ]);
  terminal.print();
  for (const [name, text] of rows) terminal.print(`   ${name.padEnd(24)}${text}`);
  const verdict = terminal.paint(failed === 0 ? "good" : "bad", count(failed));
  terminal.print(`   ${terminal.paint("strong", "requests failed".padEnd(24))}${verdict}`);
  for (const text of failures.slice(0, FAILURES_SHOWN)) terminal.print(terminal.paint("bad", `     ${text}`));
  return failed;
}

const FAILURES_SHOWN = 20;

function ackText({ ackTimesMs }: DemoRecord): string {
  const sorted = ackTimesMs.toSorted((a, b) => a - b);
  const at = (percent: number): string => {
    const index = Math.min(sorted.length - 1, Math.ceil((percent / 100) * sorted.length) - 1);
    return `${(sorted[Math.max(0, index)] ?? 0).toFixed(0)} ms`;
  };
  return `p50 ${at(50)}, p99 ${at(99)} (${sorted.length} acknowledgements)`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}
