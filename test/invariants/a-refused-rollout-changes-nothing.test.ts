/**
 * What is asked of a rollout and cannot be done is refused with its reason, and then nothing has changed: no file of the
 * live state, no weight, and nothing of what is served. On the whole server, by HTTP and by the command.
 */
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Fairway } from "../../demo/kit/fairway.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { RolloutJson } from "../../src/admin/rollout-schema.ts";
import { ranWith } from "../etcd/fairway-command.ts";
import type { TempDir } from "../support/temp-dir.ts";
import { tempDir } from "../support/temp-dir.ts";

const config = `
gateways:
  public: { listeners: [{ name: http, port: 10000, address: 127.0.0.1 }] }
services:
  shop:
    endpoints:
      - { address: "127.0.0.1:9001", labels: { version: v1 } }
      - { address: "127.0.0.1:9002", labels: { version: v2 } }
    subsets: { stable: { labels: { version: v1 } }, canary: { labels: { version: v2 } } }
routes:
  shop: { rules: [{ split: shop }] }
splits:
  shop:
    backends:
      stable: { service: shop, subset: stable }
      canary: { service: shop, subset: canary }
    default: { stable: 100, canary: 0 }
    limits: { canary: { max: 60, maxStep: 30 } }
  other:
    backends:
      stable: { service: shop, subset: stable }
      canary: { service: shop, subset: canary }
    default: { stable: 100, canary: 0 }
`;

/** The servers start slowly beside other tests, and so does each command. */
const TIMEOUT_MS = 180_000;

let directory: TempDir;
let fairway: Fairway;

beforeAll(async () => {
  directory = await tempDir();
  await mkdir(directory.join("config"));
  await writeFile(directory.join("config/main.yaml"), config);
  // No snapshot becomes the last known good in the meantime.
  const args = ["--soak", "1h"];
  fairway = await Fairway.start({ configDir: directory.join("config"), stateDir: directory.join("state"), args });
}, TIMEOUT_MS);

afterAll(async () => {
  await fairway.close();
  await directory[Symbol.asyncDispose]();
});

/** All that must stay as it is. */
async function standing(): Promise<object> {
  const live = directory.join("state/live");
  const files = (await readdir(live)).toSorted();
  const contents = await Promise.all(files.map(async (name) => [name, await readFile(`${live}/${name}`, "base64")]));
  const [snapshots, splits, history, rollouts] = await Promise.all(
    ["/v1/snapshots", "/v1/splits", "/v1/splits/shop/history", "/v1/rollouts"].map((path) => fairway.get<object>(path)),
  );
  return { contents, snapshots, splits, history, rollouts };
}

interface Asked {
  readonly method?: "POST" | "PUT";
  readonly path: string;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

async function ask({ method = "POST", path, body, headers = {} }: Asked) {
  const answer = await fetch(`http://127.0.0.1:${fairway.adminPort}/v1/${path}`, {
    method,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return { status: answer.status, problem: (await answer.json()) as { readonly detail?: string } };
}

const command = (...args: readonly string[]) =>
  ranWith({ FAIRWAY_SERVER: `http://127.0.0.1:${fairway.adminPort}` }, ...args);

const plan = (...weights: readonly unknown[]) => ({
  ...{ split: "shop", promote: false, fleet: { ackTimeout: "10m" } },
  steps: weights.map((weight) => ({ weight })),
});

const start = (body: object, headers = {}): Asked => ({ path: "rollouts", body: { target: "v2", ...body }, headers });
const setWeights = (weights: object, headers: Readonly<Record<string, string>>, name = "shop"): Asked => ({
  ...{ method: "PUT", path: `splits/${name}`, body: { weights }, headers },
});

/** Refused by where the weights are, which says nothing while a rollout moves them. */
const atFirst: readonly (readonly [string, Asked, number, RegExp])[] = [
  ["a step that is too large", start({ plan: plan(40) }), 422, /steps\[0\]\.weight: .*may grow by 30 % at once/],
];

/** Refused while nothing is on, and while something is. */
const always: readonly (readonly [string, Asked, number, RegExp])[] = [
  ["a split that there is not", start({ plan: { ...plan(20), split: "shpo" } }), 404, /there are other, shop/],
  ["a backend that there is not", start({ plan: { ...plan(20), canary: "canry" } }), 422, /did you mean `canary`\?/],
  ["no step", start({ plan: plan() }), 422, /steps: has no step/],
  ["more than all", start({ plan: plan(120) }), 422, /steps\[0\]\.weight: /],
  ["what is no number", start({ plan: plan("most") }), 422, /steps\[0\]\.weight: /],
  [
    "a step backwards",
    start({ plan: plan(20, 10) }),
    422,
    /steps\[1\]\.weight: 10 % would be a step backwards from 20 %/,
  ],
  ["a share that is too large", start({ plan: plan(30, 60, 70) }), 422, /steps\[2\]\.weight: .*may have 60 % at most/],
  [
    "a promotion beyond the limit",
    start({ plan: { ...plan(30), promote: true } }),
    422,
    /the promotion after the last step/,
  ],
  ["a key of no length", start({ plan: plan(20) }, { "idempotency-key": "" }), 400, /Idempotency-Key/],
  ["weights of a split that there is not", setWeights({ canary: 10 }, { "if-match": '"0"' }, "shpo"), 404, /shop/],
  ["weights that do not add up", setWeights({ canary: 10, stable: 80 }, { "if-match": '"0"' }), 422, /add up to 90 %/],
  ["weights beyond the limit", setWeights({ canary: 70 }, { "if-match": '"0"' }), 422, /may have 60 % at most/],
  ["weights that grow too fast", setWeights({ canary: 40 }, { "if-match": '"0"' }), 422, /may grow by 30 % at once/],
  ["weights of no state", setWeights({ canary: 10 }, {}), 428, /send If-Match: "0"/],
  ["weights of another state", setWeights({ canary: 10 }, { "if-match": '"7"' }), 412, /change 0/],
];

const act = (action: string, headers = {}, body: object = {}): Asked => ({
  ...{ path: `rollouts/shop/${action}`, body, headers },
});
const first = (action: string): Asked => act(action, {}, { number: 1 });
const used = { "idempotency-key": "job-1" };

/** Refused because something is on. */
const meanwhile: readonly (readonly [string, Asked, number, RegExp])[] = [
  ["another target", start({ target: "v3", plan: plan(20, 50) }), 409, /^shop-1 is on: v2, started by ci$/],
  ["another plan", start({ plan: plan(20, 40) }), 409, /^shop-1 is on: v2, started by ci$/],
  ["a key that has started another plan", start({ plan: plan(20, 40) }, used), 422, /this key has started shop-1/],
  [
    "a key that has started another target",
    start({ target: "v3", plan: plan(20, 50) }, used),
    422,
    /this key has started shop-1/,
  ],
  ["an action on another state", act("pause", { "if-match": '"99"' }), 412, /it is at revision \d+ now/],
  ["an action on no state", act("pause", { "if-match": "99" }), 400, /in quotes/],
  ["an action that there is not", act("explode"), 404, /pause, resume, promote/],
  ["an action on none that is named", act("abort"), 428, /say which rollout is meant: .*number 1, target "v2"/],
  [
    "an action on another rollout",
    act("abort", {}, { number: 2 }),
    412,
    /^shop-1 is on: v2, started by ci, and it is not shop-2$/,
  ],
  ["an action on that of another target", act("undo", {}, { target: "v3" }), 412, /it is not a rollout of v3$/],
  [
    "the same target at weights that are too large",
    start({ plan: plan(40) }),
    409,
    /^shop-1 is on: v2, started by ci$/,
  ],
  [
    "another split of the same versions",
    start({ target: "v3", plan: { ...plan(20), split: "other" } }),
    409,
    /^shop-1 is on: v2, started by ci; it is judged by requests to shop\|canary and shop\|stable too/,
  ],
  [
    "a key of another split",
    start({ plan: { ...plan(20, 50), split: "other" } }, used),
    422,
    /this key has started shop-1/,
  ],
  ["an approval that nobody waits for", first("approve"), 409, /waits for no approval/],
  ["to resume what is not paused", first("resume"), 409, /not paused/],
  ["to retry what is not over", first("retry"), 409, /not over/],
  ["to unlock what is not locked by them", { path: "rollouts/shpo/unlock", body: { owner: "ann" } }, 404, /shop/],
];

async function refuses(rows: typeof always): Promise<void> {
  for (const [what, asked, status, detail] of rows) {
    const before = await standing();
    const answer = await ask(asked);
    expect(answer, what).toMatchObject({ status, problem: { detail: expect.stringMatching(detail) as unknown } });
    expect(await standing(), what).toEqual(before);
  }
}

async function refusesCommands(rows: readonly (readonly [readonly string[], number, RegExp])[]): Promise<void> {
  const before = await standing();
  const answers = await Promise.all(rows.map(([args]) => command(...args)));
  for (const [index, [args, code, text]] of rows.entries()) {
    expect({ args, ...answers[index] }).toMatchObject({ args, code, text: expect.stringMatching(text) as unknown });
  }
  expect(await standing()).toEqual(before);
}

describe("what cannot be done changes nothing", { timeout: TIMEOUT_MS }, () => {
  test("while nothing is rolled out, and while something is", async () => {
    await refuses([...atFirst, ...always]);
    const file = directory.join("plan.json");
    await writeFile(file, JSON.stringify(plan(20, 10)));
    const rollout = (...args: readonly string[]) => ["rollout", "start", ...args, "--target", "v2"];
    await refusesCommands([
      [rollout("shpo", "--steps", "20"), 2, /there is no such split: there are other, shop/],
      [rollout("shop", "--plan", file), 2, /would be a step backwards/],
      [rollout("shop", "--steps", "20"), 2, /the promotion after the last step/],
      [["split", "set", "shop", "canary=10", "stable=80"], 2, /add up to 90 %/],
    ]);

    expect(await ask({ ...start({ plan: plan(20, 50), actor: "ci" }, used) })).toMatchObject({ status: 201 });
    const rolledOut = () => fairway.get<RolloutJson>("/v1/rollouts/shop");
    await waitUntil(async () => (await rolledOut()).waitsFor?.includes("to connect"), { what: "its first look" });
    await refuses([...always, ...meanwhile]);
    await writeFile(file, JSON.stringify(plan(20, 40)));
    await refusesCommands([
      [rollout("shop", "--plan", file), 6, /nothing is changed: shop-1 is on: v2, started by ci/],
      [rollout("shop", "--plan", file, "--idempotency-key", "job-1"), 2, /this key has started shop-1/],
      [["rollout", "pause", "shop", "--if-match", "99"], 6, /it is at revision \d+ now/],
      [["rollout", "abort", "shop", "--target", "v3"], 6, /nothing is changed: shop-1 is on: v2, started by ci, and/],
      [["split", "set", "shop", "canary=10", "--if-match", "7"], 6, /change 0/],
    ]);
  });
});
