/**
 * The pipelines of `examples/ci`, line by line as GitHub and GitLab run them, with a good and a bad version on a real Envoy.
 */
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { Child } from "../../demo/kit/child.ts";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { RolloutJson } from "../../src/admin/rollout-schema.ts";
import { ranWith } from "../etcd/fairway-command.ts";
import { parseXml } from "../support/parse-xml.ts";
import type { Scene, SceneOptions } from "./scene.ts";
import { startScene } from "./scene.ts";
import { fairwayMain } from "../../demo/kit/program.ts";

const example = async (name: string): Promise<string> =>
  readFile(new URL(`../../examples/ci/${name}`, import.meta.url), "utf8");

const config: SceneOptions["config"] = ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  shop:
    endpoints:
      - { address: "${backends[0]}", labels: { version: v1 } }
      - { address: "${backends[1]}", labels: { version: v2 } }
    subsets: { stable: { labels: { version: v1 } }, canary: { labels: { version: v2 } } }
routes:
  shop: { rules: [{ split: shop, timeouts: { request: 1s } }] }
splits:
  shop:
    backends:
      stable: { service: shop, subset: stable }
      canary: { service: shop, subset: canary }
    default: { stable: 100, canary: 0 }
`;

/** How far a job has come. */
interface JobState {
  readonly isCancelled: boolean;
  readonly hasFailed: boolean;
  /** Of the step that starts the rollout. */
  readonly start: "skipped" | "success" | "failure" | "cancelled";
}

/** One line or block that a runner gives to a shell. */
interface Command {
  readonly script: string;
  runs(job: JobState): boolean;
}

interface Pipeline {
  readonly variables: Readonly<Record<string, string>>;
  readonly commands: readonly Command[];
  /** Where it puts its Markdown. */
  readonly summary: string;
  /** By which its runner ends what a cancelled job runs, the hard way where it may be one. */
  readonly signal: NodeJS.Signals;
}

interface Workflow {
  readonly jobs: {
    readonly canary: {
      readonly env: Readonly<Record<string, string>>;
      readonly steps: readonly { readonly run?: string; readonly if?: string }[];
    };
  };
}

interface GitlabConfig {
  readonly canary: {
    readonly variables: Readonly<Record<string, string>>;
    readonly script: readonly string[];
    readonly after_script: readonly string[];
  };
}

const goesWell = ({ isCancelled, hasFailed }: JobState) => !isCancelled && !hasFailed;

async function github(): Promise<Pipeline> {
  const { env, steps } = (parse(await example("github-actions.yaml")) as Workflow).jobs.canary;
  const commands = steps.flatMap(({ run, if: when }) =>
    run === undefined ? [] : [{ script: run, runs: (job: JobState) => holds(when ?? "success()", job) }],
  );
  return { variables: env, commands, summary: "summary.md", signal: "SIGINT" };
}

/** The part of GitHub's expressions that the workflow uses. */
function holds(expression: string, job: JobState): boolean {
  return expression.split("&&").every((written) => {
    const term = written.trim();
    if (term === "always()") return true;
    if (term === "success()") return goesWell(job);
    if (term === "cancelled()") return job.isCancelled;
    const [, operator, outcome] = /^steps\.start\.outcome (==|!=) '(\w+)'$/.exec(term) ?? [];
    if (operator === undefined) throw new Error(`the test does not know ${term}`);
    return (job.start === outcome) === (operator === "==");
  });
}

/** Its lines share a shell, and so do those of `after_script`. */
async function gitlab(): Promise<Pipeline> {
  const { variables, script, after_script: after } = (parse(await example("gitlab-ci.yaml")) as GitlabConfig).canary;
  const commands = [
    ...script.map((line) => ({ script: line, runs: goesWell })),
    { script: after.join("\n"), runs: () => true },
  ];
  return { variables, commands, summary: "rollout.md", signal: "SIGKILL" };
}

/** What a job rolls out. */
interface Work {
  readonly id: string;
  readonly plan: object;
  /** When somebody cancels it: before it starts the rollout, after that was refused, or while it waits, once this is done. */
  readonly cancel?: "before the start" | "after the start" | ((start: Child) => Promise<unknown>);
  /** It is not cancelled then, but ends with its runner. */
  readonly isLost?: boolean;
  /** Of how many runs it is. */
  readonly attempt?: number;
}

interface Job {
  /** Of what did not succeed, with its code. */
  readonly failures: readonly { readonly script: string; readonly code: number | null; readonly text: string }[];
  /** Empty where it was not written. */
  readonly summary: string;
  readonly junit: string;
}

/** Runs all of it in a new directory. */
async function runJob(of: Scene, pipeline: Pipeline, work: Work): Promise<Job> {
  const { id, plan, cancel, isLost = false, attempt = 1 } = work;
  const cwd = await jobDirectory(of, id, plan);
  const failures: Job["failures"][number][] = [];
  let job: JobState = { isCancelled: cancel === "before the start", hasFailed: false, start: "skipped" };
  for (const { script, runs } of pipeline.commands) {
    const isStart = script.includes("rollout start");
    if (!runs(job)) continue;
    const inPlace = `cd "${cwd}"\n${script}`;
    const env = environment(of, pipeline, { id, attempt, cwd, job });
    const shell = await Child.start({ name: "step", command: "bash", args: ["-e", "-c", inPlace], env });
    if (isStart && typeof cancel === "function") {
      await cancel(shell);
      job = { ...job, isCancelled: true };
      // With all that it has started: each child leads a group of its own.
      process.kill(-shell.pid, isLost ? "SIGKILL" : pipeline.signal);
    }
    const { code } = await shell.exited;
    if (isLost && isStart) break;
    const outcome = code === 0 ? ("success" as const) : ("failure" as const);
    if (isStart) job = { ...job, start: job.isCancelled ? "cancelled" : outcome };
    if (isStart && cancel === "after the start") job = { ...job, isCancelled: true };
    if (code === 0) continue;
    failures.push({ script, code, text: shell.logs().join("\n") });
    job = { ...job, hasFailed: true };
  }
  const read = (name: string) => readFile(join(cwd, name), "utf8").catch(() => "");
  return { failures, summary: await read(pipeline.summary), junit: await read("rollout.junit.xml") };
}

async function jobDirectory(of: Scene, id: string, plan: object): Promise<string> {
  const cwd = join(of.stateDir, `job-${id}`);
  await mkdir(cwd, { recursive: true });
  await writeFile(join(cwd, "fairway"), `#!/bin/sh\nexec "${process.execPath}" "${fairwayMain}" "$@"\n`);
  await chmod(join(cwd, "fairway"), 0o755);
  await writeFile(join(cwd, "plan.json"), JSON.stringify(plan));
  return cwd;
}

function environment(
  of: Scene,
  { variables, summary }: Pipeline,
  run: { readonly id: string; readonly attempt: number; readonly cwd: string; readonly job: JobState },
): NodeJS.ProcessEnv {
  const { id, attempt, cwd, job } = run;
  return {
    ...process.env,
    ...variables,
    ...{ GITHUB_SHA: id, GITHUB_RUN_ID: id, GITHUB_RUN_ATTEMPT: String(attempt), GITHUB_ACTOR: "ann" },
    ...{ CI_COMMIT_SHA: id, CI_JOB_ID: `${id}-${attempt}`, GITLAB_USER_LOGIN: "ann" },
    CI_JOB_STATUS: job.isCancelled ? "canceled" : job.hasFailed ? "failed" : "success",
    GITHUB_STEP_SUMMARY: join(cwd, summary),
    FAIRWAY_SERVER: `http://127.0.0.1:${of.fairway.adminPort}`,
    CONFIG: of.configDir,
    PLAN: "plan.json",
    PATH: `${cwd}:${process.env["PATH"] ?? ""}`,
  };
}

/** The plan of the example, for a test that does not take minutes. */
async function shortPlan({ hold, maxHold } = { hold: "2s", maxHold: "60s" }): Promise<object> {
  const plan = parse(await example("canary.yaml")) as { readonly steps: readonly object[] };
  const steps = plan.steps.slice(1).map((step) => ({ ...step, hold, maxHold, minRequests: 60 }));
  const gates = { successRate: { objective: 95 }, latency: { threshold: "300ms", objective: 90 } };
  return { ...plan, steps, gates };
}

describe("the pipelines of examples/ci", { timeout: 300_000 }, () => {
  test("have a plan that is taken as it stands, promote a good version, and report a bad one that went back", async () => {
    await using running = await startScene({ backends: 2, config, envoy: { statsFlushInterval: "1s" } });
    const canary = running.backends[1];
    if (canary === undefined) throw new Error("there are two backends");
    const server = { FAIRWAY_SERVER: `http://127.0.0.1:${running.fairway.adminPort}` };
    const file = fileURLToPath(new URL("../../examples/ci/canary.yaml", import.meta.url));
    expect(await ranWith(server, "rollout", "plan", "shop", "--plan", file)).toMatchObject({ code: 0 });
    const plan = await shortPlan();
    const load = Load.start({ url: running.url, requestsPerSecond: 200, accept: () => true });
    for (const [name, pipeline] of await pipelines()) {
      canary.set({ failure: { answer: 500, percent: 30 } });
      const bad = await runJob(running, pipeline, { id: `${name}-bad`, plan });
      expect(bad.failures, JSON.stringify(bad.failures)).toMatchObject([{ code: 3 }]);
      expect(bad.failures[0]?.script).toContain("rollout start");
      expect(bad.summary).toMatch(/rolled back/i);
      expect(parseXml(bad.junit)).toBeDefined();
      expect(bad.junit).toContain("<failure");

      canary.set({});
      const good = await runJob(running, pipeline, { id: `${name}-good`, plan });
      expect(good.failures, JSON.stringify(good.failures)).toEqual([]);
      expect(good.summary).toMatch(/promoted/i);
      expect(parseXml(good.junit)).toBeDefined();
      expect(good.junit.match(/<testcase/g)?.length).toBeGreaterThanOrEqual(3);
      expect(good.junit).not.toContain("<failure");
      const back = await ranWith(server, "split", "set", "shop", "canary=0", "--actor", "ann", "--wait");
      expect(back, back.text).toMatchObject({ code: 0 });
    }
    await load.stop();
  });

  test("attach to their rollout when they run again, and take back what they have started, and nothing else", async () => {
    await using running = await startScene({ backends: 2, config, envoy: { statsFlushInterval: "1s" } });
    const server = { FAIRWAY_SERVER: `http://127.0.0.1:${running.fairway.adminPort}` };
    // No job sees its end.
    const plan = await shortPlan({ hold: "10m", maxHold: "20m" });
    for (const [name, pipeline] of await pipelines()) {
      const id = `${name}-cancelled`;
      const isOn = (step: number) =>
        until(running, `${id} to have requests`, (of) => {
          return of.target === id && of.phase === "measuring" && of.step === step;
        });
      await runJob(running, pipeline, { id, plan, cancel: () => isOn(1), isLost: true });
      expect(await ranWith(server, "rollout", "promote", "shop", "--target", id)).toMatchObject({ code: 0 });
      await isOn(2);

      const beside: { job?: Job } = {};
      const cancel = async (start: Child) => {
        await start.waitForLog(/was started before, by/, 60_000);
        // Another job is cancelled before it has started anything, or after it was refused.
        const when = name === "github" ? "before the start" : "after the start";
        beside.job = await runJob(running, pipeline, { id: `${name}-beside`, plan, cancel: when });
        await isOn(2);
      };
      const job = await runJob(running, pipeline, { id, plan, cancel, attempt: 2 });
      expect(job.summary).toContain(`started by ${name}:ann, and start attaches to it: step 2 of 2`);
      expect(beside.job?.junit).toBe("");
      expect(beside.job?.failures.map(({ code }) => code)).toEqual(name === "github" ? [] : [6, 2]);
      if (name === "gitlab") {
        expect(beside.job?.failures[1]?.text).toContain(
          `is on: ${id}, started by gitlab:ann, and it is not a rollout of`,
        );
      }
      expect(job.failures, JSON.stringify(job.failures)).toHaveLength(1);
      expect(job.failures[0]?.script).toContain("rollout start");
      if (name === "github") expect(job.failures[0]?.text).toContain("goes on without you");
      const ended = await until(running, `the end of ${id}`, ({ phase }) => phase === "done");
      expect(ended.outcome).toMatchObject({ kind: "aborted", by: `${name}:ann` });
      expect(ended).toMatchObject({ target: id, weight: 0 });
      expect(job.summary).toContain("the job was cancelled");
      expect(parseXml(job.junit)).toBeDefined();
      expect(job.junit).toContain("<failure");
    }
  });
});

async function pipelines(): Promise<readonly (readonly ["github" | "gitlab", Pipeline])[]> {
  return [
    ["github", await github()],
    ["gitlab", await gitlab()],
  ];
}

/** The first look at the rollout of which it is true. */
function until(of: Scene, what: string, is: (rollout: RolloutJson) => boolean): Promise<RolloutJson> {
  const look = async () => {
    const rollout = await of.fairway.get<RolloutJson>("/v1/rollouts/shop");
    return is(rollout) ? rollout : undefined;
  };
  return waitUntil(look, { what, timeoutMs: 60_000, everyMs: 20 });
}
