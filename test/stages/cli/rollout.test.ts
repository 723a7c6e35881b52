/**
 * `fairway rollout` against a real admin server whose rollouts a test drives: what is told, and how a script ends.
 */
import { writeFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Child } from "../../../demo/kit/child.ts";
import { createAdminServer } from "../../../src/admin/admin-server.ts";
import type { AdminServer } from "../../../src/admin/admin-server.ts";
import { rolloutJson } from "../../../src/admin/rollout-json.ts";
import { awaitRollout, exitCodeOf } from "../../../src/cli/await-rollout.ts";
import { textProgress } from "../../../src/cli/rollout-progress.ts";
import { ranWith } from "../../etcd/fairway-command.ts";
import { MemoryRollouts, portOf } from "../../support/memory-rollouts.ts";
import type { TempDir } from "../../support/temp-dir.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { viewsOf } from "../admin/example-views.ts";
import { fairwayMain } from "../../../demo/kit/program.ts";

/** Each command is a program of its own, and starts slowly beside other tests. */
const TIMEOUT_MS = 120_000;

let directory: TempDir;
let rollouts: MemoryRollouts;
let server: AdminServer;
let address: string;

beforeAll(async () => {
  directory = await tempDir();
});

afterAll(() => directory[Symbol.asyncDispose]());

beforeEach(async () => {
  rollouts = new MemoryRollouts();
  await listen(0);
});

afterEach(() => server.close());

async function listen(port: number): Promise<void> {
  server = createAdminServer({
    listen: { host: "127.0.0.1", port },
    version: "0.1.0",
    views: viewsOf({}, portOf(rollouts)),
    onError: (error) => {
      throw error;
    },
  });
  address = `http://127.0.0.1:${(await server.listen()).port}`;
}

const fairway = (...args: readonly string[]) => ranWith({ FAIRWAY_SERVER: address }, "rollout", ...args);

async function started(target = "v2") {
  const answer = await rollouts.startRollout({ plan: { split: "shop" }, target, actor: "ci" });
  if (!answer.ok) throw new Error(answer.error.kind);
  return answer.value;
}

const verdict = (reason: string) =>
  ({ kind: "fail", reason, sentence: `it is ${reason}`, metrics: [], atMs: 8_000 }) as const;

describe("a script ends", () => {
  test.each([
    [0, "a promotion", () => rollouts.end("promoted")],
    [3, "a gate that failed", () => rollouts.end("rolled-back", { verdict: verdict("worse") })],
    [7, "Envoys that refused", () => rollouts.end("rolled-back", { verdict: verdict("rejected") })],
    [7, "Envoys that did not follow", () => rollouts.end("rolled-back", { verdict: verdict("not-converged") })],
    [7, "an Envoy that crashed", () => rollouts.end("rolled-back", { verdict: verdict("crashed") })],
    [8, "an abort", () => rollouts.end("aborted", { by: "ann" })],
    [8, "one that was superseded", () => rollouts.end("superseded")],
    [4, "a step to approve", () => rollouts.change({ phase: { kind: "awaiting-approval", sinceMs: 1 } })],
    [4, "a pause of the engine", () => rollouts.change({ phase: paused("engine") })],
    [undefined, "nothing yet when a person has paused it", () => rollouts.change({ phase: paused("person") })],
  ])("with %s for %s", async (code, _what, happens) => {
    await started();
    expect(exitCodeOf(rolloutJson(happens()), "shop-1")).toBe(code);
  });
});

const paused = (by: "engine" | "person") => ({ kind: "paused", sinceMs: 1, why: "a test", by }) as const;

describe("a wait", () => {
  test("ends with how its rollout ended, though the next has begun meanwhile", async () => {
    const begun = rolloutJson(await started());
    rollouts.end("promoted");
    await started("v3");
    const { rollout, exitCode } = await awaitRollout(begun, {
      server: address,
      timeoutMs: 60_000,
      progress: textProgress(
        () => {},
        () => 0,
      ),
    });
    expect([rollout.id, exitCode]).toEqual(["shop-1", 0]);
  });

  test("outlives a server that is started anew, and says so once", async () => {
    const begun = rolloutJson(await started());
    const port = Number(new URL(address).port);
    const told: string[] = [];
    let again: Promise<void> | undefined;
    const tell = (line: string) => {
      told.push(line);
      if (again !== undefined || !line.includes("asking again")) return;
      rollouts.end("promoted");
      again = listen(port);
    };
    await server.close();
    const { exitCode } = await awaitRollout(begun, {
      server: address,
      timeoutMs: 60_000,
      progress: textProgress(tell, () => 0),
    });
    await again;
    expect(exitCode).toBe(0);
    expect(told.filter((line) => line.includes("asking again until it answers"))).toHaveLength(1);
  });
});

describe("Ctrl-C", { timeout: TIMEOUT_MS }, () => {
  const waiting = async (...args: readonly string[]): Promise<Child> =>
    Child.start({
      name: "fairway rollout start",
      command: process.execPath,
      args: [fairwayMain, "rollout", "start", "shop", "--target", "v2", "--steps", "5", "--wait", ...args],
      env: { ...process.env, FAIRWAY_SERVER: address },
    });

  test("ends the wait with 130, says how to take it back, and leaves the rollout alone", async () => {
    const job = await waiting();
    await job.waitForLog(/^shop-1 /, TIMEOUT_MS);
    job.kill("SIGINT");
    expect(await job.exited).toEqual({ code: 130, signal: null });
    const told = `shop-1 goes on without you; to take it back: fairway rollout abort shop --number 1 --server ${address}`;
    expect(job.logs().join("\n")).toContain(told);
    expect(rollouts.rollouts()[0]?.record).toMatchObject({ phase: { kind: "preflight" }, outcome: undefined });
  });

  test("takes it back with --on-interrupt abort, by whoever has started it, and ends with 130", async () => {
    const job = await waiting("--on-interrupt", "abort", "--actor", "ci");
    await job.waitForLog(/^shop-1 /, TIMEOUT_MS);
    job.kill("SIGINT");
    expect(await job.exited).toEqual({ code: 130, signal: null });
    expect(job.logs().join("\n")).toContain("shop-1 goes back to the weights before");
    expect(rollouts.rollouts()[0]?.record.outcome).toMatchObject({ kind: "aborted", by: "ci" });
  });

  test("takes back also what the server was about to begin", async () => {
    const asked = Promise.withResolvers<undefined>();
    const goOn = Promise.withResolvers<undefined>();
    rollouts.beforeStart = async () => {
      asked.resolve(undefined);
      await goOn.promise;
    };
    const job = await waiting("--on-interrupt", "abort");
    await asked.promise;
    job.kill("SIGINT");
    goOn.resolve(undefined);
    expect(await job.exited, job.logs().join("\n")).toEqual({ code: 130, signal: null });
    expect(rollouts.rollouts()[0]?.record.outcome?.kind).toBe("aborted");
  });

  test("takes back nothing else that has begun meanwhile, says why, and how to try again", async () => {
    const job = await waiting("--on-interrupt", "abort");
    await job.waitForLog(/^shop-1 /, TIMEOUT_MS);
    rollouts.beforeAct = async () => {
      rollouts.end("promoted");
      await started("v3");
    };
    job.kill("SIGINT");
    expect(await job.exited).toEqual({ code: 130, signal: null });
    const told = `shop-1 could not be taken back: shop-2 is on: v3, started by ci, and it is not shop-1; to try again: fairway rollout abort shop --number 1 --server ${address}`;
    expect(job.logs().join("\n")).toContain(told);
    expect(rollouts.rollouts()[0]?.record).toMatchObject({ id: "shop-2", outcome: undefined });
  });
});

describe("fairway rollout", { timeout: TIMEOUT_MS }, () => {
  test("start with a wait that is written wrong begins nothing, with 2", async () => {
    const start = ["start", "shop", "--target", "v2", "--steps", "5", "--wait"];
    expect(await fairway(...start, "--timeout", "soon")).toMatchObject({ code: 2 });
    expect(await fairway(...start, "--on-interrupt", "promote")).toMatchObject({ code: 2 });
    expect(rollouts.rollouts()).toEqual([]);
  });

  test("start --wait tells what is going on, and ends as the gate does", async () => {
    const running = fairway("start", "shop", "--target", "v2", "--steps", "5,25", "--actor", "ci", "--wait");
    await expect.poll(() => rollouts.rollouts().length, { timeout: TIMEOUT_MS }).toBe(1);
    rollouts.end("rolled-back", { verdict: verdict("worse") });
    const { code, text } = await running;
    expect(code).toBe(3);
    expect(text).toContain("shop-1");
    expect(text).toContain("rolled-back, says the test");
  });

  test("start --wait that is too short says how to go on, with 5", async () => {
    const { code, text } = await fairway(
      "start",
      "shop",
      "--target",
      "v2",
      "--steps",
      "5",
      "--wait",
      "--timeout",
      "0s",
    );
    expect(code).toBe(5);
    expect(text).toContain("shop-1 is still on after 0s; go on with: fairway rollout watch shop");
  });

  test("start beside another target says whose it is, with 6", async () => {
    await started();
    const { code, text } = await fairway("start", "shop", "--target", "v3", "--steps", "5");
    expect(code).toBe(6);
    expect(text).toContain("nothing is changed: shop-1 is on: v2, started by ci");
  });

  test("plan tells what is wrong with a file at its line, with 2", async () => {
    const path = directory.join("canary.yaml");
    await writeFile(path, "steps:\n  - { weight: 5 }\n  - { weight: wrong }\n");
    const { code, text } = await fairway("plan", "shop", "--plan", path);
    expect(code).toBe(2);
    expect(text).toContain(`${path}:3:15: error[invalid-value]: is not a number`);
    expect(text).toContain("3 |   - { weight: wrong }");
  });

  test("an action says which rollout it means, and is done to no other, with 6 and whose that is", async () => {
    await started();
    rollouts.end("promoted");
    await started("v3");
    for (const meant of [
      ["--target", "v2"],
      ["--number", "1"],
    ]) {
      const { code, text } = await fairway("abort", "shop", ...meant);
      expect(code).toBe(6);
      expect(text).toContain("nothing is changed: shop-2 is on: v3, started by ci, and it is not ");
    }
    expect(await fairway("abort", "shop", "--number", "0")).toMatchObject({ code: 2 });
    expect(rollouts.rollouts()[0]?.record.outcome).toBeUndefined();
    expect(await fairway("abort", "shop", "--target", "v3", "--number", "2")).toMatchObject({ code: 0 });
  });

  test("status says what can be done now, and abort does it", async () => {
    await started();
    rollouts.change({ phase: { kind: "awaiting-approval", sinceMs: 1 } });
    const { code, text } = await fairway("status", "shop");
    expect(code).toBe(0);
    expect(text).toContain("fairway rollout approve shop");
    expect(await fairway("abort", "shop", "--reason", "no")).toMatchObject({ code: 0 });
    expect(rollouts.rollouts()[0]?.record.outcome?.kind).toBe("aborted");
    expect(await fairway("abort", "shop")).toMatchObject({ code: 6 });
  });

  test("lock and unlock keep others away", async () => {
    expect(await fairway("lock", "shop", "--owner", "ann", "--reason", "sale")).toMatchObject({ code: 0 });
    const refused = await fairway("start", "shop", "--target", "v2", "--steps", "5", "--actor", "ci");
    expect(refused.code).toBe(6);
    expect(refused.text).toMatch(
      /nothing is changed: it is locked by ann until \S+Z: sale; `fairway rollout unlock shop --owner ann` gives it back/,
    );
    const given = await fairway("unlock", "shop", "--owner", "ann");
    expect(given).toMatchObject({ code: 0 });
    expect(given.text).toContain("the lock of ann on shop is given back");
    const again = await fairway("unlock", "shop", "--owner", "ann");
    expect(again).toMatchObject({ code: 0 });
    expect(again.text).toContain("shop was not locked; nothing is changed");
  });
});

test(
  "a job's report is of its own target, and of no other when its start was refused",
  async () => {
    await started("v2");
    rollouts.end("promoted");
    await started("v3");
    expect(await fairway("report", "shop", "--target", "v2")).toMatchObject({
      code: 0,
      text: expect.stringMatching(/v2/) as unknown,
    });
    expect(await fairway("report", "shop", "--target", "v4")).toEqual({
      code: 2,
      text: 'fairway: there is no rollout of "v4" to report on; the newest, shop-2, is of "v3"',
    });
    expect(await fairway("report", "shop", "--target", "v2", "--number", "1")).toMatchObject({ code: 2 });
  },
  TIMEOUT_MS,
);
