/**
 * The demo: Fairway, two real Envoys and real traffic on this machine, while config files are edited.
 *
 *     npm run demo               five steps, about a minute, then a table; exit code 1 when a request failed
 *     npm run demo -- --quick    the same with shorter looks at the traffic
 *     npm run demo -- --keep     goes on afterwards, to play with, until Ctrl-C
 *     npm run demo -- --canary   a good and a bad release from CI, judged step by step on three Envoys
 *     npm run demo -- --etcd     three replicas over an etcd, four Envoys, and what happens when parts go away
 *
 * Whatever ends it, it leaves no program and no file behind, but for the reports that `--canary` has made.
 */
import { constants } from "node:os";
import { parseArgs } from "node:util";
import type { DemoRecord, Scene } from "./act.ts";
import { showCanary } from "./canary-show.ts";
import { showEtcd } from "./etcd-show.ts";
import { setStage, type Stage } from "./stage.ts";
import { steps } from "./steps.ts";
import { showSummary } from "./summary.ts";
import { Terminal } from "./terminal.ts";

/** Long enough for 600 requests to each Envoy, with which a share of 10 % shows as 7 to 13 %. */
const MEASURE_MS = 4_000;
const MEASURE_QUICK_MS = 700;
const LIVE_EVERY_MS = 250;
/** Of the control plane's log, when a step fails. */
const LOG_LINES_SHOWN = 10;

interface DemoOptions {
  readonly keep: boolean;
  readonly quick: boolean;
  /** One of the shows that stand alone. */
  readonly show: "canary" | "etcd" | undefined;
}

process.exit(await main());

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return 2;
  const terminal = new Terminal(process.stdout, process.env);
  const interrupted = untilInterrupted();
  const stack = new AsyncDisposableStack();
  try {
    if (options.show !== undefined) {
      const show = options.show === "etcd" ? showEtcd : showCanary;
      const shown = show(terminal, stack).then((failed) => (failed === 0 ? 0 : 1));
      return await Promise.race([shown, interrupted]);
    }
    const scene = await Promise.race([perform(terminal, stack, options), interrupted]);
    if (typeof scene === "number") return scene;
    if (options.keep) {
      invite(scene);
      await interrupted;
    }
    await Promise.all(scene.stage.edges.map(({ traffic }) => traffic.stop()));
    terminal.endLive();
    const failed = showSummary(scene);
    // What somebody tries out afterwards may fail; that is no verdict.
    return failed === 0 || options.keep ? 0 : 1;
  } catch (error) {
    terminal.endLive();
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    // A step that was interrupted may still be about to print.
    terminal.close();
    await stack.disposeAsync();
  }
}

/** Sets the stage and shows the five steps. */
async function perform(terminal: Terminal, stack: AsyncDisposableStack, options: DemoOptions): Promise<Scene> {
  terminal.print(terminal.paint("title", "Fairway: two Envoys, real traffic, and config files that change"));
  const stage = await setStage(stack, (text) => terminal.print(`   ${text}`));
  const record: DemoRecord = {
    changes: 0,
    ackTimesMs: [],
    extra: { sent: 0, failed: 0 },
    bursts: { sent: 0, refused: 0 },
    failures: [],
  };
  const scene: Scene = { stage, terminal, record, measureMs: options.quick ? MEASURE_QUICK_MS : MEASURE_MS };
  const ticker = setInterval(() => terminal.live(liveLine(stage)), LIVE_EVERY_MS);
  stack.defer(() => clearInterval(ticker));
  try {
    for (const [index, step] of steps.entries()) {
      terminal.print();
      terminal.print(terminal.paint("title", `${index + 1}  ${step.title}`));
      await step.run(scene);
    }
  } catch (error) {
    // After an interruption the programs are going away, and nobody waits for this any more.
    if (!stack.disposed) terminal.print(stage.fairway.logs().slice(-LOG_LINES_SHOWN).join("\n"));
    throw error;
  }
  return scene;
}

function liveLine({ edges }: Stage): string {
  const reports = edges.map(({ traffic }) => traffic.report());
  const sent = reports.reduce((sum, report) => sum + report.sent, 0);
  const failed = reports.reduce((sum, report) => sum + report.failed, 0);
  const slowest = Math.max(...reports.map(({ latencyMs }) => latencyMs.p99));
  return `   traffic: ${sent.toLocaleString("en-US")} requests, ${failed} failed, p99 ${slowest.toFixed(1)} ms`;
}

/** Says what there is to play with. */
function invite({ stage, terminal }: Scene): void {
  const rows: [string, string][] = [
    ["files to edit", stage.configDir],
    ["admin API", `http://127.0.0.1:${stage.fairway.adminPort}`],
    ...stage.edges.flatMap(({ nodeId, port, envoy }): [string, string][] => [
      [nodeId, `http://127.0.0.1:${port}/  its own admin page: http://127.0.0.1:${envoy.adminPort}`],
    ]),
    ["to stop", `Ctrl-C, or kill ${process.pid}`],
  ];
  terminal.print();
  terminal.print(terminal.paint("title", "Everything goes on running"));
  for (const [name, text] of rows) terminal.print(`   ${name.padEnd(16)}${text}`);
}

/** The exit code that belongs to the first signal, or to a reader of our output that has gone away. A second signal ends at once. */
function untilInterrupted(): Promise<number> {
  return new Promise((resolve) => {
    let interrupted = false;
    const interrupt = (exitCode: number): void => {
      if (interrupted) process.exit(exitCode);
      interrupted = true;
      resolve(exitCode);
    };
    for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => interrupt(128 + constants.signals[signal]));
    }
    process.stdout.on("error", () => resolve(128 + constants.signals.SIGPIPE));
  });
}

function readOptions(): DemoOptions | undefined {
  try {
    const flag = { type: "boolean" } as const;
    const { values } = parseArgs({ options: { keep: flag, quick: flag, canary: flag, etcd: flag } });
    const { keep = false, quick = false, canary = false, etcd = false } = values;
    for (const [name, isAsked, isBeside] of [
      ["--etcd", etcd, keep || quick || canary],
      ["--canary", canary, keep || quick],
    ] as const) {
      if (isAsked && isBeside) throw new Error(`${name} takes no other flag`);
    }
    return { keep, quick, show: etcd ? "etcd" : canary ? "canary" : undefined };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`demo: ${reason}\nusage: npm run demo -- [--quick] [--keep] | --canary | --etcd\n`);
    return undefined;
  }
}
