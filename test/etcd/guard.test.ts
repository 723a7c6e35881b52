/** What the guard holds on several replicas over a real etcd: confirmed once for all, and held by one that is new. */
import { ask } from "../../demo/kit/get.ts";
import { expect, test } from "vitest";
import { Fairway } from "../../demo/kit/fairway.ts";
import { eventually } from "../support/eventually.ts";
import { tempDir } from "../support/temp-dir.ts";
import { ran, ranWith } from "./fairway-command.ts";
import { Replicas } from "./replicas.ts";

interface GuardedView {
  readonly groups: readonly {
    readonly current?: { readonly version: string };
    readonly held?: { readonly version: string };
    readonly history: readonly {
      readonly version: string;
      readonly confirmed?: { readonly actor: string; readonly reason?: string };
    }[];
  }[];
}

interface ReplicasView {
  readonly replicas: readonly { readonly id: string; readonly isSelf: boolean }[];
}

async function group(fairway: Fairway) {
  return (await fairway.get<GuardedView>("/v1/snapshots")).groups[0];
}

/** Waits until it holds something, or the version that is meant; returns which. */
async function heldBy(fairway: Fairway, version?: string): Promise<string> {
  let held: string | undefined;
  await eventually("a held change", async () => {
    held = (await group(fairway))?.held?.version;
    return held !== undefined && (version === undefined || held === version);
  });
  return held ?? "";
}

const confirm = ({ adminPort }: Fairway, ...args: readonly string[]) =>
  ran("confirm", "--server", `http://127.0.0.1:${adminPort}`, ...args);

test("one confirmation lets all replicas go on with that content, also one that sees it later, and only once", async () => {
  await using replicas = await Replicas.start({ hasEnvoy: false, count: 3 });
  const before = await replicas.agree();
  const [one, two, late] = [0, 1, 2].map((index) => replicas.at(index).fairway) as [Fairway, Fairway, Fairway];
  replicas.at(2).wire.hold();
  await replicas.remove("/services/shop/one");
  const held = await heldBy(one);
  await heldBy(two, held);

  const shown = await confirm(one);
  expect(shown.code).toBe(4);
  expect(shown.text).toMatch(/held for 1 of 1 services without hosts: shop \(1 → 0\)/);
  const pasted = /to release it: fairway (confirm .*)/.exec(shown.text)?.[1]?.split(" ") ?? [];
  expect(pasted).toEqual(["confirm", held, "--server", `http://127.0.0.1:${one.adminPort}`]);
  const byVariable = await ranWith({ FAIRWAY_SERVER: pasted.at(-1) }, "confirm");
  expect(byVariable).toEqual(shown);
  await one.waitForLog(new RegExp(`release it with fairway ${pasted.join(" ")}"`));
  expect((await confirm(one, "0123456789abcdef")).code, "something else is held").toBe(6);

  await replicas.etcd.first.killed();
  const away = await ask(one.adminPort, "/v1/replicas");
  expect(away.status).toBe(503);
  expect(away.text).toContain("etcd does not say which replicas there are");
  const refused = await confirm(one, held);
  expect(refused.code).toBe(1);
  expect(refused.text).toMatch(/nothing is released, because the other replicas cannot be told of it now/);
  expect((await group(one))?.held?.version).toBe(held);
  expect((await confirm(two, held, "--local")).code).toBe(0);
  expect(await replicas.versions(1)).toBe(`default ${held}`);
  expect(await replicas.versions(0)).toBe(before);
  await replicas.etcd.first.restart();
  await eventually("contact with etcd", async () => !(await readiness(one)).includes("may be behind"), {
    timeoutMs: 60_000,
  });

  expect((await confirm(one, held, "--actor", "alice", "--reason", "the shop moves")).code).toBe(0);
  replicas.at(2).wire.release();
  expect(await replicas.agree(before)).toBe(`default ${held}`);
  await late.waitForLog(/config-confirmed.*alice \(unverified.*the shop moves/);
  const { replicas: listed } = await one.get<ReplicasView>("/v1/replicas");
  const self = listed.find(({ isSelf }) => isSelf);
  for (const fairway of [one, two, late]) {
    const confirmed = async () => (await group(fairway))?.history.find(({ version }) => version === held)?.confirmed;
    // The second one has let itself go on before, and hears of it for all a moment later.
    await eventually("the confirmation for all", async () => (await confirmed())?.actor === "alice");
    expect(await confirmed()).toMatchObject({ reason: "the shop moves", replica: self?.id });
  }

  await replicas.put("/services/shop/one", "10.0.0.1:80");
  await replicas.agree(`default ${held}`);
  await eventually("that it is spent", async () => (await spent(replicas)).includes("default"));
  await replicas.remove("/services/shop/one");
  for (const fairway of [one, two, late]) await heldBy(fairway, held);
});

async function readiness(fairway: Fairway): Promise<string> {
  return (await fairway.get<{ readonly reasons: readonly string[] }>("/readyz")).reasons.join();
}

async function spent(replicas: Replicas): Promise<readonly string[]> {
  const { entries } = await replicas.client.list("/fairway/state/documents/confirmations");
  const [newest] = JSON.parse(Buffer.from(entries[0]?.value.subarray(1) ?? "").toString()) as readonly {
    readonly spent: readonly string[];
  }[];
  return newest?.spent ?? [];
}

test("a new replica, and one that was away, hold what the others hold, and serve what they serve meanwhile", async () => {
  await using replicas = await Replicas.start({ hasEnvoy: false, count: 2 });
  const before = await replicas.agree();
  const away = replicas.at(1).fairway;
  await away.kill("SIGTERM");
  // In one transaction, so that there is one state to be known and not one for each of them.
  await replicas.client.transact(
    [],
    [0, 1, 2, 3, 4].map((index) => ({
      kind: "put",
      key: `/services/shop/${index}`,
      value: Buffer.from(`10.0.0.${index}:80`),
    })),
  );
  await eventually(
    "what is known of the fleet",
    async () => {
      const { entries } = await replicas.client.list("/fairway/state/documents/snapshots/default/");
      const current = (await group(replicas.at(0).fairway))?.current?.version ?? "";
      return `default ${current}` !== before && entries.some(({ key }) => key.endsWith(current));
    },
    { timeoutMs: 20_000 },
  );
  const served = await replicas.versions(0);
  const { entries } = await replicas.client.list("/services/shop/");
  await replicas.client.transact(
    [],
    entries.map(({ key }) => ({ kind: "delete", key })),
  );
  const held = await heldBy(replicas.at(0).fairway);

  await using state = await tempDir();
  await using fresh = await Fairway.start({
    configDir: [],
    stateDir: state.path,
    args: ["--etcd", `http://${replicas.etcd.first.endpoint}`],
  });
  await away.restart();
  for (const fairway of [fresh, away]) {
    await heldBy(fairway, held);
    expect(`default ${(await group(fairway))?.current?.version}`).toBe(served);
  }
  expect((await confirm(fresh, held)).code).toBe(0);
  expect(await replicas.agree(served)).toBe(`default ${held}`);
  expect(`default ${(await group(fresh))?.current?.version}`).toBe(`default ${held}`);
});
