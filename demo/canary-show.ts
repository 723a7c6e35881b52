/**
 * The demo of rollouts: a good and a bad release, each driven as a CI job would, on three Envoys under traffic.
 *
 * Nobody edits anything: `fairway rollout start … --wait` moves the weights step by step, is told by the Envoys how their
 * requests went, and ends with an exit code. Every request through every Envoy is counted from the first to the last.
 */
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { RolloutJson } from "../src/admin/rollout-schema.ts";
import { setCanaryStage, type CanaryStage, type Slot } from "./canary-stage.ts";
import { followRollout, writeOutput } from "./follow-rollout.ts";
import type { Backend } from "./kit/backend.ts";
import type { LoadReport } from "./kit/load-report.ts";
import { openPage } from "./open-report.ts";
import { wrapped, type Terminal } from "./terminal.ts";

const SPLIT = "shop";
const LIVE_EVERY_MS = 250;
/** Long enough for 600 requests, of which a share of 0.5 % would show. */
const AFTER_MS = 2_000;
/** Of the bad release: a twentieth, which nobody sees with his own eyes. */
const BAD_PERCENT = 5;

/** Like the one in `examples/ci`, for people who watch: to be sure of 97 % takes 300 requests, ten seconds of a tenth. */
const planOf = (canary: Slot, baseline: Slot): string =>
  [
    `canary: ${canary}`,
    `baseline: ${baseline}`,
    "steps:",
    "  - { weight: 10, hold: 4s, maxHold: 60s, minRequests: 100 }",
    "  - { weight: 25, hold: 4s, maxHold: 60s, minRequests: 100 }",
    "  - { weight: 50, hold: 4s, maxHold: 60s, minRequests: 100 }",
    "gates:",
    "  successRate: { objective: 97 }",
    "  latency: { threshold: 300ms, objective: 90 }",
    "",
  ].join("\n");

interface Release {
  readonly label: string;
  readonly slot: Slot;
  readonly exitCode: number | null;
  readonly rollout: RolloutJson;
  readonly backend: Backend;
}

interface Show {
  readonly terminal: Terminal;
  readonly stage: CanaryStage;
  /** What the line at the bottom says beside the traffic. */
  doing: string;
}

/** Shows it; the result is the number of things that did not go as they should. */
export async function showCanary(terminal: Terminal, stack: AsyncDisposableStack): Promise<number> {
  terminal.print(terminal.paint("title", "Fairway: a good and a bad release, from CI, on three Envoys under traffic"));
  const stage = await setCanaryStage(stack);
  const show: Show = { terminal, stage, doing: "" };
  terminal.print(`   a service with two slots: blue has v1 and all requests, green is empty`);
  terminal.print(
    `   fairway serve: xDS on port ${stage.fairway.xdsPort}, admin API on port ${stage.fairway.adminPort}`,
  );
  terminal.print(`   three Envoys ${stage.envoyVersion}, and 100 requests a second through each`);
  const ticker = setInterval(() => terminal.live(liveLine(show)), LIVE_EVERY_MS);
  stack.defer(() => clearInterval(ticker));

  terminal.print();
  terminal.print(terminal.paint("title", "1  v2 is good: it goes from 0 to 100 %, and the job is green"));
  const good = await release(show, { label: "v2", slot: "green" });

  terminal.print();
  terminal.print(
    terminal.paint("title", `2  v3 fails ${BAD_PERCENT} % of its requests: it is taken back, and the job is red`),
  );
  const bad = await release(show, { label: "v3", slot: "blue" });
  await showAfterwards(show, bad);

  const reports = await Promise.all(stage.traffic.map((load) => load.stop()));
  terminal.endLive();
  clearInterval(ticker);
  const wrong = summarise(terminal, reports, { good, bad });
  await showReport(show, [good, bad]);
  return wrong;
}

/** Deploys a version to the slot that has no requests, and rolls it out. */
async function release(show: Show, { label, slot }: { readonly label: string; readonly slot: Slot }): Promise<Release> {
  const { terminal, stage } = show;
  const failure = { answer: 503, percent: BAD_PERCENT } as const;
  const backend = await stage.deploy(slot, label, label === "v3" ? { failure } : {});
  terminal.print(`   ${label} is deployed to ${slot}, which has no requests`);
  const plan = `to-${slot}.yaml`;
  await writeFile(join(stage.root, plan), planOf(slot, slot === "blue" ? "green" : "blue"));
  const args = ["rollout", "start", SPLIT, "--target", label, "--plan", plan, "--actor", "ci", "--wait"];
  const { exitCode, rollout } = await followRollout(stage, [...args, "--timeout", "3m"], {
    terminal,
    target: label,
    onLive: (text) => {
      show.doing = text;
    },
  });
  show.doing = "";
  const paint = exitCode === 0 ? "good" : "bad";
  terminal.print(`   ${terminal.paint(paint, `exit code ${exitCode}`)}: ${outcomeWords(rollout)}`);
  return { label, slot, exitCode, rollout, backend };
}

function outcomeWords({ outcome, phase }: RolloutJson): string {
  return (outcome?.kind ?? phase).replace("-", " ");
}

/** What real requests say once the canary is back at 0 %. */
async function showAfterwards({ terminal, stage }: Show, { label, backend }: Release): Promise<void> {
  const before = { all: sentBy(stage), here: backend.requests };
  await pause(AFTER_MS);
  const all = sentBy(stage) - before.all;
  terminal.print(`   since then ${label} had ${backend.requests - before.here} of ${count(all)} requests`);
}

function sentBy({ traffic }: CanaryStage): number {
  return traffic.reduce((sum, load) => sum + load.report().sent, 0);
}

/** What it cost; the result is the number of things that are not as they should be. */
function summarise(
  terminal: Terminal,
  reports: readonly LoadReport[],
  { good, bad }: { readonly good: Release; readonly bad: Release },
): number {
  const sent = reports.reduce((sum, report) => sum + report.sent, 0);
  const failed = reports.reduce((sum, report) => sum + report.failed, 0);
  const answered = good.backend.failures + bad.backend.failures;
  const lost = failed - answered;
  const slowest = Math.max(...reports.map(({ latencyMs }) => latencyMs.p99));
  const tookMs = bad.rollout.outcome?.tookMs;
  const rows: [string, string][] = [
    ...[good, bad].map(({ label, exitCode, rollout }): [string, string] => [
      `release ${label}`,
      `${outcomeWords(rollout)}, exit code ${exitCode}`,
    ]),
    ["decision → 0 %", `${tookMs ?? "?"} ms, until the last of three Envoys had acknowledged it`],
    ["traffic", `${count(sent)} requests, p99 ${slowest.toFixed(1)} ms`],
    [`answered 503 by ${bad.label}`, `${count(answered)}, before it was taken back`],
  ];
  terminal.print();
  for (const [name, text] of rows) terminal.print(`   ${name.padEnd(NAME_WIDTH)}${text}`);
  const verdict = terminal.paint(lost === 0 ? "good" : "bad", count(lost));
  terminal.print(`   ${terminal.paint("strong", "requests lost".padEnd(NAME_WIDTH))}${verdict}`);
  if (lost !== 0) {
    for (const text of reports.flatMap(({ failures }) => failures))
      terminal.print(terminal.paint("bad", `     ${text}`));
  }
  const isAsMeant = good.exitCode === 0 && bad.exitCode === 3;
  return Math.abs(lost) + (isAsMeant ? 0 : 1);
}

const NAME_WIDTH = 24;

/** The pages are kept when the demo has ended; where nobody can see one, its summary is printed. */
async function showReport({ terminal, stage }: Show, releases: readonly Release[]): Promise<void> {
  const kept = await mkdtemp(join(tmpdir(), "fairway-reports-"));
  terminal.print();
  let last = "";
  for (const { label, rollout } of releases) {
    last = join(kept, `rollout-${label}.html`);
    await writeOutput(stage, [...reportOf(rollout), "-o", "html"], last);
    terminal.print(`   ${`report of ${label}`.padEnd(NAME_WIDTH)}${last}`);
  }
  const { stdout, env, platform } = process;
  if (await openPage(last, { isTerminal: stdout.isTTY, env, platform }))
    return terminal.print("   the last one is opened");
  const shown = releases.at(-1);
  if (shown === undefined) return;
  const file = join(stage.root, "rollout.md");
  await writeOutput(stage, [...reportOf(shown.rollout), "-o", "md"], file);
  const [summary = ""] = (await readFile(file, "utf8")).split("\n<details>");
  terminal.print();
  for (const line of summary.trimEnd().split("\n"))
    terminal.print(line.startsWith("|") ? line : wrapped(line, 0).join("\n"));
}

function reportOf({ number }: RolloutJson): readonly string[] {
  return ["rollout", "report", SPLIT, "--number", String(number)];
}

function liveLine({ stage, doing }: Show): string {
  const reports = stage.traffic.map((load) => load.report());
  const sent = reports.reduce((sum, report) => sum + report.sent, 0);
  const failed = reports.reduce((sum, report) => sum + report.failed, 0);
  return `   traffic: ${count(sent)} requests, ${count(failed)} failed${doing === "" ? "" : `  ${doing}`}`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}
