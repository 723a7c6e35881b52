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
import { ranWith } from "../etcd/fairway-command.ts";
import { parseXml } from "../support/parse-xml.ts";
import type { Scene, SceneOptions } from "./scene.ts";
import { startScene } from "./scene.ts";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
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

/** One line or block that a runner gives to a shell. */
interface Command {
  readonly script: string;
  /** Whether it runs after a failure. */
  readonly isAlways: boolean;
}

interface Pipeline {
  readonly variables: Readonly<Record<string, string>>;
  readonly commands: readonly Command[];
  /** Where it puts its Markdown. */
  readonly summary: string;
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

async function github(): Promise<Pipeline> {
  const { env, steps } = (parse(await example("github-actions.yaml")) as Workflow).jobs.canary;
  const uncancelled = steps.filter((each) => each.if?.startsWith("cancelled()") !== true);
  const commands = uncancelled.flatMap(({ run, if: when }) =>
    run === undefined ? [] : [{ script: run, isAlways: when?.startsWith("always()") === true }],
  );
  return { variables: env, commands, summary: "summary.md" };
}

/** Its lines share a shell, and so do those of `after_script`. */
async function gitlab(): Promise<Pipeline> {
  const { variables, script, after_script: after } = (parse(await example("gitlab-ci.yaml")) as GitlabConfig).canary;
  const commands = [
    ...script.map((line) => ({ script: line, isAlways: false })),
    { script: after.join("\n"), isAlways: true },
  ];
  return { variables, commands, summary: "rollout.md" };
}

interface Job {
  /** Of what did not succeed, with its code. */
  readonly failures: readonly { readonly script: string; readonly code: number | null; readonly text: string }[];
  readonly summary: string;
  readonly junit: string;
}

/** Runs all of it in a new directory. */
async function runJob(of: Scene, { variables, commands, summary }: Pipeline, id: string): Promise<Job> {
  const cwd = join(of.stateDir, `job-${id}`);
  await mkdir(cwd, { recursive: true });
  await writeFile(join(cwd, "fairway"), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`);
  await chmod(join(cwd, "fairway"), 0o755);
  await writeFile(join(cwd, "plan.json"), JSON.stringify(await shortPlan()));
  const given = { GITHUB_SHA: id, GITHUB_RUN_ID: id, GITHUB_RUN_ATTEMPT: "1", GITHUB_ACTOR: "ann" };
  const env = {
    ...process.env,
    ...variables,
    ...given,
    ...{ CI_COMMIT_SHA: id, CI_JOB_ID: id, GITLAB_USER_LOGIN: "ann", CI_JOB_STATUS: "failed" },
    GITHUB_STEP_SUMMARY: join(cwd, summary),
    FAIRWAY_SERVER: `http://127.0.0.1:${of.fairway.adminPort}`,
    CONFIG: of.configDir,
    PLAN: "plan.json",
    PATH: `${cwd}:${process.env["PATH"] ?? ""}`,
  };
  const failures: Job["failures"][number][] = [];
  for (const { script, isAlways } of commands) {
    if (failures.length > 0 && !isAlways) continue;
    const inPlace = `cd "${cwd}"\n${script}`;
    const shell = await Child.start({ name: "step", command: "bash", args: ["-e", "-c", inPlace], env });
    const { code } = await shell.exited;
    if (code !== 0) failures.push({ script, code, text: shell.logs().join("\n") });
  }
  const read = (name: string) => readFile(join(cwd, name), "utf8");
  return { failures, summary: await read(summary), junit: await read("rollout.junit.xml") };
}

/** The plan of the example, for a test that does not take minutes. */
async function shortPlan(): Promise<object> {
  const plan = parse(await example("canary.yaml")) as { readonly steps: readonly object[] };
  const steps = plan.steps.slice(1).map((step) => ({ ...step, hold: "2s", maxHold: "60s", minRequests: 60 }));
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
    const load = Load.start({ url: running.url, requestsPerSecond: 200, accept: () => true });
    for (const [name, pipeline] of [
      ["github", await github()],
      ["gitlab", await gitlab()],
    ] as const) {
      canary.set({ failure: { answer: 500, percent: 30 } });
      const bad = await runJob(running, pipeline, `${name}-bad`);
      expect(bad.failures, JSON.stringify(bad.failures)).toMatchObject([{ code: 3 }]);
      expect(bad.failures[0]?.script).toContain("rollout start");
      expect(bad.summary).toMatch(/rolled back/i);
      expect(parseXml(bad.junit)).toBeDefined();
      expect(bad.junit).toContain("<failure");

      canary.set({});
      const good = await runJob(running, pipeline, `${name}-good`);
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
});
