/**
 * Weights that are set while everything runs, as CI does it: by `fairway split` and the admin API.
 */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { SplitJson } from "../../src/admin/split-schema.ts";
import { eventually } from "../support/eventually.ts";
import { ask } from "./ask.ts";
import { ranWith } from "../etcd/fairway-command.ts";
import type { Scene, SceneOptions } from "./scene.ts";
import { startScene } from "./scene.ts";

const config =
  (words = ""): SceneOptions["config"] =>
  ({ port, backends }) =>
    `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  shop:
    endpoints:
      - { address: "${backends[0]}", labels: { version: v1 } }
      - { address: "${backends[1]}", labels: { version: v2 } }
    subsets: { stable: { labels: { version: v1 } }, canary: { labels: { version: v2 } } }
routes:
  shop: { rules: [{ split: shop }] }
splits:
  shop:
    backends:
      stable: { service: shop, subset: stable }
      canary: { service: shop, subset: canary }
    default: { stable: 100, canary: 0 }
    ${words}
`;

/** Runs `fairway split …` against the scene. */
function split(scene: Scene, ...args: readonly string[]) {
  const env = { FAIRWAY_SERVER: `http://127.0.0.1:${scene.fairway.adminPort}` };
  return ranWith(env, "split", ...args);
}

function now(scene: Scene): Promise<SplitJson> {
  return scene.fairway.get<SplitJson>("/v1/splits/shop");
}

/** As a program does it; the change that was seen is the first one unless it says otherwise. */
async function put(
  scene: Scene,
  name: string,
  body: object,
  ifMatch = '"0"',
): Promise<{ readonly status: number; readonly detail: string }> {
  const answer = await fetch(`http://127.0.0.1:${scene.fairway.adminPort}/v1/splits/${name}`, {
    method: "PUT",
    headers: { "content-type": "application/json", "if-match": ifMatch },
    body: JSON.stringify(body),
  });
  const { detail = "" } = (await answer.json()) as { readonly detail?: string };
  return { status: answer.status, detail };
}

/** What of so many requests went to the canary, in percent. */
async function canaryShare(scene: Scene, count = 1_000): Promise<number> {
  const { byLabel, failed } = await Load.run({ url: scene.url, concurrency: 4, count });
  expect(failed).toBe(0);
  return (100 * (byLabel["v2"] ?? 0)) / count;
}

describe.each(["delta", "sotw"] as const)("on %s ADS", (api) => {
  test("weights are in force at every Envoy when the command ends, and no request is lost", async () => {
    await using scene = await startScene({ backends: 2, api, config: config() });
    await using load = Load.start({ url: scene.url, concurrency: 4, requestsPerSecond: 400 });
    expect(await canaryShare(scene, 200)).toBe(0);

    const first = await split(scene, "set", "shop", "canary=10", "--wait", "--reason", "v2 is out", "--actor", "ci");
    expect(first).toMatchObject({ code: 0 });
    expect(first.text).toContain("applied: 1 of 1 Envoys have it");
    const share = await canaryShare(scene, 2_000);
    expect(share).toBeGreaterThan(6);
    expect(share).toBeLessThan(14);
    expect(await now(scene)).toMatchObject({
      number: 1,
      source: "live",
      weights: { stable: 90, canary: 10 },
      default: { stable: 100, canary: 0 },
      lastChange: { actor: "ci", actorVerified: false, reason: "v2 is out" },
    });

    expect(await split(scene, "set", "shop", "canary=100", "--expect", "canary=10", "--wait=converged")).toMatchObject({
      code: 0,
    });
    expect(await canaryShare(scene, 4_000)).toBe(100);
    expect(await split(scene, "reset", "shop", "--wait")).toMatchObject({ code: 0 });
    expect(await canaryShare(scene, 4_000)).toBe(0);
    expect((await load.stop()).failed).toBe(0);
    const history = await split(scene, "history", "shop");
    expect(history.text).toMatch(
      /3 .* reset .*\n.* 2 .*canary 10 → 100 %.*\n.* 1 .*canary 0 → 10 %.*ci \(unverified\): v2 is out/,
    );
  });
});

test("weights that come back to what an Envoy had are not applied before it says so", async () => {
  await using scene = await startScene({ backends: 2, config: config() });
  expect(await split(scene, "set", "shop", "canary=100", "--wait")).toMatchObject({ code: 0 });
  scene.envoy.kill("SIGSTOP");
  expect(await split(scene, "set", "shop", "canary=40")).toMatchObject({ code: 0 });
  await eventually("a response under way", async () => (await scene.node())?.status === "stale");
  const late = await split(scene, "set", "shop", "canary=100", "--wait", "--timeout", "1s");
  expect(late).toMatchObject({ code: 7 });
  expect(late.text).toContain(scene.envoy.nodeId);
  expect(await now(scene)).toMatchObject({ state: "pending", acknowledgedCount: 0, pendingCount: 1 });
  scene.envoy.kill("SIGCONT");
  await eventually("its acknowledgement", async () => (await now(scene)).state === "applied");
  expect(await canaryShare(scene, 400)).toBe(100);
});

test("what was set survives a restart and an edit of the file, and is taken back when its lease ends", async () => {
  await using scene = await startScene({ backends: 2, config: config() });
  const parts = { port: scene.port, backends: scene.backends.map(({ address }) => address) };
  expect(await split(scene, "set", "shop", "canary=100", "--wait")).toMatchObject({ code: 0 });
  const before = await scene.served();
  await scene.fairway.restart();
  await waitUntil(async () => (await scene.node())?.connected === true, { what: "the Envoy to come back" });
  expect(await scene.served(), "the same weights are the same version").toBe(before);
  expect(await canaryShare(scene, 400)).toBe(100);

  await scene.save(config("onLeaseExpiry: default")(parts).replace("stable: 100, canary: 0", "stable: 50, canary: 50"));
  await waitUntil(async () => (await now(scene)).default["canary"] === 50, { what: "the new default" });
  expect(await canaryShare(scene, 400)).toBe(100);

  expect(await split(scene, "set", "shop", "canary=0", "--lease", "6s", "--wait")).toMatchObject({ code: 0 });
  expect(await canaryShare(scene, 100)).toBe(0);
  await waitUntil(async () => (await now(scene)).source === "file", {
    what: "the end of the lease",
    timeoutMs: 30_000,
  });
  await waitUntil(async () => (await now(scene)).state === "applied", { what: "the weights of the file" });
  expect(await now(scene)).toMatchObject({ weights: { stable: 50, canary: 50 }, lastChange: { kind: "expired" } });
  const share = await canaryShare(scene);
  expect(share).toBeGreaterThan(35);
  expect(share).toBeLessThan(65);
});

test("what cannot be set is refused with its reason, and nothing changes", async () => {
  const limits = "limits: { canary: { max: 50, maxStep: 20 } }";
  await using scene = await startScene({ backends: 2, config: config(limits) });
  const version = await scene.served();
  const refused: readonly (readonly [string, object, number, RegExp])[] = [
    [
      "shop",
      { canary: 30 },
      422,
      /may grow by 20 % at once, by the limits of split `shop` \(.*main\.yaml:\d+\); it has 0 %/,
    ],
    ["shop", { canary: 60 }, 422, /may have 50 % at most, by the limits/],
    ["shop", { canry: 10 }, 422, /no backend `canry`: did you mean `canary`\?/],
    ["shop", { canary: 10, stable: 80 }, 422, /add up to 90 %, and must to 100 %/],
    ["shop", { canary: 110 }, 422, /110 is no share/],
    ["shop", { canary: "10" }, 400, /the weights are wrong/],
    ["shpo", { canary: 10 }, 404, /no split `shpo`: did you mean `shop`/],
  ];
  for (const [name, weights, status, text] of refused) {
    const answer = await put(scene, name, { weights });
    expect({ weights, status: answer.status }).toEqual({ weights, status });
    expect(answer.detail).toMatch(text);
  }
  expect(await put(scene, "shop", { weights: { canary: 10 }, lease: "2d" })).toMatchObject({ status: 400 });
  expect(await put(scene, "shop", { weights: { canary: 10 } }, '"7"')).toMatchObject({ status: 412 });
  const commands: readonly (readonly [readonly string[], number, RegExp])[] = [
    [["canary=30"], 2, /nothing is changed: canary may grow by 20 % at once/],
    [["canary"], 2, /"canary" is no weight; write BACKEND=PERCENT/],
    [["canary=10", "--expect", "canary=5"], 6, /not as expected: stable 100 %, canary 0 %/],
    [["canary=10", "--if-match", "7"], 6, /is at change 0/],
  ];
  const answers = await Promise.all(commands.map(([args]) => split(scene, "set", "shop", ...args)));
  for (const [index, [args, code, text]] of commands.entries()) {
    expect({ args, code: answers[index]?.code }).toEqual({ args, code });
    expect(answers[index]?.text).toMatch(text);
  }
  expect(await now(scene)).toMatchObject({ number: 0, source: "file" });
  expect(await scene.served()).toBe(version);
});

test("Envoys that do not follow are named", async () => {
  await using scene = await startScene({ backends: 2, config: config() });
  process.kill(scene.envoy.pid, "SIGSTOP");
  const answer = await split(scene, "set", "shop", "canary=10", "--wait", "--timeout", "1s");
  process.kill(scene.envoy.pid, "SIGCONT");
  expect(answer).toMatchObject({ code: 7 });
  expect(answer.text).toMatch(/1 of 1 Envoys do not have it after 1 s: edge-1/);
  await waitUntil(async () => (await now(scene)).state === "applied", { what: "the Envoy to follow" });
});

test.each([
  ["a cookie that they are given", "sticky: { cookie: canary-id }"],
  ["a header", "sticky: { header: X-User }"],
])("users keep their backend while the canary grows, told by %s", async (_, words) => {
  await using scene = await startScene({ backends: 2, config: config(words) });
  expect(await split(scene, "set", "shop", "canary=20", "--wait")).toMatchObject({ code: 0 });
  const users: { readonly headers: Record<string, string>; version: string }[] = [];
  for (let user = 0; user < 150; user += 1) {
    const headers: Record<string, string> = { "x-user": `user-${user}`, cookie: "theme=dark" };
    const first = await ask(scene.url, headers);
    const [cookie] = first.headers["set-cookie"] ?? [];
    if (words.includes("cookie")) headers["cookie"] = `theme=dark; ${cookie?.split(";")[0]}`;
    else expect(cookie).toBeUndefined();
    users.push({ headers, version: String(first.headers["x-backend"]) });
  }
  const canaries = () => users.filter(({ version }) => version === "v2").length;
  expect(canaries()).toBeGreaterThan(10);
  expect(canaries()).toBeLessThan(60);
  for (const percent of [20, 50, 100]) {
    if (percent > 20) await split(scene, "set", "shop", `canary=${percent}`, "--wait");
    const before = canaries();
    for (const user of users) {
      const { headers } = await ask(scene.url, user.headers);
      expect(headers["set-cookie"], "who has a cookie is given none").toBeUndefined();
      const version = String(headers["x-backend"]);
      if (percent === 20 || user.version === "v2") expect(version).toBe(user.version);
      user.version = version;
    }
    if (percent > 20) expect(canaries()).toBeGreaterThan(before);
  }
  expect(canaries()).toBe(users.length);
});

test("weights change while the config is refused or some of it is held, because a canary that must go cannot wait", async () => {
  const others = ["a", "b", "c", "d"]
    .map((name) => `services: { ${name}: { endpoints: ["127.0.0.1:1"] } }\n`)
    .join("---\n");
  await using scene = await startScene({
    backends: 2,
    config: config(),
    prepare: (directory) => writeFile(join(directory, "others.yaml"), others),
  });
  expect(await split(scene, "set", "shop", "canary=100", "--wait")).toMatchObject({ code: 0 });
  await scene.save("routs: {}\n", "wrong.yaml");
  const refused = async () => (await scene.snapshots()).refused !== undefined;
  await waitUntil(refused, { what: "the refusal" });
  const back = await split(scene, "set", "shop", "canary=0", "--wait");
  expect(back).toMatchObject({ code: 0 });
  expect(back.text).toContain("applied: 1 of 1 Envoys have it");
  expect(await canaryShare(scene, 500)).toBe(0);
  await waitUntil(refused, { what: "the config to be refused all the same" });

  await rm(join(scene.configDir, "wrong.yaml"));
  await scene.save("services: {}\n", "others.yaml");
  const held = async () => (await scene.snapshots()).groups[0]?.held?.version;
  const first = await waitUntil(held, { what: "the held change" });
  expect(await split(scene, "reset", "shop", "--wait")).toMatchObject({ code: 0 });
  expect(await split(scene, "set", "shop", "canary=100", "--wait")).toMatchObject({ code: 0 });
  expect(await canaryShare(scene, 500)).toBe(100);
  const second = await waitUntil(async () => ((await held()) === first ? undefined : held()), {
    what: "what is held now",
  });
  const url = `http://127.0.0.1:${scene.fairway.adminPort}/v1/snapshots/${second}/confirm`;
  expect((await fetch(url, { method: "POST", headers: { "if-match": `"${second}"` } })).status).toBe(200);
  await waitUntil(async () => (await scene.node())?.acknowledged === second, { what: "what was confirmed" });
  expect(await canaryShare(scene, 500)).toBe(100);
});
