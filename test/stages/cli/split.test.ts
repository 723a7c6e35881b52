/**
 * `fairway split`, and `fairway plan` where weights are set, against a real server without Envoys.
 */
import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Fairway } from "../../../demo/kit/fairway.ts";
import type { RolloutJson } from "../../../src/admin/rollout-schema.ts";
import type { SplitJson } from "../../../src/admin/split-schema.ts";
import { ranWith } from "../../etcd/fairway-command.ts";
import type { TempDir } from "../../support/temp-dir.ts";
import { tempDir } from "../../support/temp-dir.ts";

/** Each command is a program of its own, and starts slowly beside other tests. */
const TIMEOUT_MS = 120_000;

const config = (canary: number) => `
gateways: { g: { listeners: [{ name: h, port: 80 }] } }
services: { one: { endpoints: ["10.0.0.1:80"] }, two: { endpoints: ["10.0.0.2:80"] } }
routes: { r: { rules: [{ split: shop }] } }
splits:
  shop:
    backends: { stable: { service: one }, canary: { service: two } }
    default: { stable: ${100 - canary}, canary: ${canary} }
`;

let directory: TempDir;
let server: Fairway;

beforeAll(async () => {
  directory = await tempDir();
  await writeFile(directory.join("served.yaml"), config(0));
  server = await Fairway.start({ configDir: directory.join("served.yaml"), stateDir: directory.join("state") });
});

afterAll(async () => {
  await server.close();
  await directory[Symbol.asyncDispose]();
});

function fairway(...args: readonly string[]) {
  return ranWith({ FAIRWAY_SERVER: `http://127.0.0.1:${server.adminPort}` }, ...args);
}

describe("fairway plan where weights are set", { timeout: TIMEOUT_MS }, () => {
  test("says that they hide what the file has new as its default, and nothing of one that is served", async () => {
    await writeFile(directory.join("next.yaml"), config(50));
    const changed = await fairway("plan", directory.join("next.yaml"));
    expect(changed).toMatchObject({ code: 10 });
    expect(changed.text).not.toContain("hidden");

    expect(await fairway("split", "set", "shop", "canary=10", "--actor", "ci", "--reason", "v2")).toMatchObject({
      code: 0,
    });
    const hidden = await fairway("plan", directory.join("next.yaml"));
    expect(hidden).toMatchObject({ code: 0 });
    expect(hidden.text).toContain(
      "note: the new default of split `shop` (stable 50 %, canary 50 %) is hidden by the weights that are set (stable 90 %, canary 10 %), change 1 by ci (unverified): v2; `fairway split reset shop` takes them back",
    );
    const same = await fairway("plan", directory.join("served.yaml"));
    expect(same).toMatchObject({ code: 0 });
    expect(same.text).not.toContain("hidden");
  });
});

describe("a server whose file has another default", { timeout: TIMEOUT_MS }, () => {
  test("warns of it while weights are set, and not when they are taken back", async () => {
    type Warnings = { readonly warnings: readonly { readonly code: string; readonly message: string }[] };
    const told = async () => {
      const { warnings } = await server.get<Warnings>("/v1/warnings");
      return warnings.filter(({ code }) => code === "live-weights").map(({ message }) => message);
    };
    expect(await fairway("split", "set", "shop", "canary=10")).toMatchObject({ code: 0 });
    expect(await told()).toEqual([]);
    await writeFile(directory.join("served.yaml"), config(5));
    await expect
      .poll(told, { timeout: TIMEOUT_MS })
      .toEqual([expect.stringContaining("is another now (stable 95 %, canary 5 %), and nobody gets it: stable 90 %")]);
    expect(await fairway("split", "reset", "shop")).toMatchObject({ code: 0 });
    await expect.poll(told, { timeout: TIMEOUT_MS }).toEqual([]);
    await writeFile(directory.join("served.yaml"), config(0));
    const now = async () => (await server.get<SplitJson>("/v1/splits/shop")).default;
    await expect.poll(now, { timeout: TIMEOUT_MS }).toEqual({ stable: 100, canary: 0 });
  });
});

describe("fairway plan of other hosts behind weights that are set", { timeout: TIMEOUT_MS }, () => {
  test("says how many requests they get at once", async () => {
    expect(await fairway("split", "set", "shop", "canary=100")).toMatchObject({ code: 0 });
    const hosts = async (canary: string, stable = "10.0.0.1:80") => {
      const text = config(0).replace('"10.0.0.2:80"', canary).replace("10.0.0.1:80", stable);
      await writeFile(directory.join("hosts.yaml"), text);
      return (await fairway("plan", directory.join("hosts.yaml"))).text;
    };
    const has = "canary has 100 % of split shop by weights that are set; ";
    expect(await hosts('"10.0.0.3:80"')).toContain(`${has}these hosts get all its requests at once`);
    const more = await hosts('"10.0.0.2:80", "10.0.0.3:80"');
    expect(more).toContain(`${has}hosts that come get their part of its requests at once`);
    // Nobody is sent to stable, whose hosts come with a change of theirs.
    expect(await hosts('"10.0.0.2:80"', "10.0.0.9:80")).not.toContain("weights that are set;");
    expect(await fairway("split", "reset", "shop")).toMatchObject({ code: 0 });
    expect(await hosts('"10.0.0.3:80"')).not.toContain("weights that are set;");
  });
});

describe("fairway split", { timeout: TIMEOUT_MS }, () => {
  test.each([["get"], ["history"]])(
    "%s of a split that is not there says so, and nothing of a change",
    async (verb) => {
      const { code, text } = await fairway("split", verb, "nope");
      expect(code).toBe(2);
      expect(text).toContain("no split `nope`: there is only `shop`");
      expect(text).not.toContain("nothing is changed");
    },
  );

  test("takes a misspelt split or backend for no conflict, and says what was meant", async () => {
    const expected = await fairway("split", "set", "shop", "canary=10", "--expect", "canery=20");
    expect(expected).toMatchObject({ code: 2 });
    expect(expected.text).toContain("error: --expect: split `shop` has no backend `canery`: did you mean `canary`?");
    const other = await fairway("split", "set", "shop", "canary=10", "--expect", "canary=99");
    expect(other).toMatchObject({ code: 6 });
    const split = await fairway("split", "set", "shpo", "canary=10");
    expect(split).toMatchObject({ code: 2 });
    expect(split.text).toContain("nothing is changed: there is no split `shpo`: did you mean `shop`?");
  });

  test("sets nothing that somebody else has locked, and says who, why and until when; the way back is free", async () => {
    const locked = await fairway("rollout", "lock", "shop", "--owner", "alice", "--reason", "freeze");
    expect(locked).toMatchObject({ code: 0 });
    const { number } = await server.get<SplitJson>("/v1/splits/shop");
    const other = await fairway("split", "set", "shop", "canary=5", "--actor", "root");
    expect(other).toMatchObject({ code: 6 });
    expect(other.text).toMatch(/nothing is changed: it is locked by alice until \S+Z: freeze; `fairway rollout unlock/);
    expect((await server.get<SplitJson>("/v1/splits/shop")).number).toBe(number);
    expect(await fairway("split", "reset", "shop", "--actor", "root")).toMatchObject({ code: 0 });
    expect(await fairway("split", "set", "shop", "canary=5", "--actor", "alice")).toMatchObject({ code: 0 });
    expect(await fairway("rollout", "unlock", "shop", "--owner", "alice")).toMatchObject({ code: 0 });
    expect(await fairway("split", "set", "shop", "canary=6", "--actor", "root")).toMatchObject({ code: 0 });
  });

  test("refuses a --timeout that nothing waits for", async () => {
    const { code, text } = await fairway("split", "set", "shop", "canary=10", "--timeout", "5s");
    expect(code).toBe(2);
    expect(text).toContain("error: --timeout is how long --wait waits; write --wait as well, or leave both out");
  });

  test("tells of a lease that ends with other weights, and of none that goes on", async () => {
    const number = async () => `${(await server.get<SplitJson>("/v1/splits/shop")).number}`;
    const leased = await fairway("split", "set", "shop", "canary=20", "--lease", "1h");
    const renewed = await fairway("split", "set", "shop", "canary=30", "--lease", "1h");
    expect(`${leased.text}${renewed.text}`).not.toContain("is gone");
    const { leaseEnds } = await server.get<SplitJson>("/v1/splits/shop");
    const gone = await fairway("split", "set", "shop", "canary=40", "--if-match", await number());
    expect(gone).toMatchObject({ code: 0 });
    expect(gone.text).toContain(
      `the lease that was to end at ${leaseEnds} is gone: nothing takes these weights back by itself`,
    );
    const without = await fairway("split", "set", "shop", "canary=50");
    expect(without.text).not.toContain("is gone");
  });

  test.each([
    ["set", ["shop", "canary=60"]],
    ["reset", ["shop"]],
  ])("%s says which rollout it ends, and nothing when none is on", async (verb, words) => {
    const begun = await fairway("rollout", "start", "shop", "--target", "v2", "--steps", "90,95", "--actor", "ci");
    expect(begun).toMatchObject({ code: 0 });
    const [id = ""] = /shop-\d+/.exec(begun.text) ?? [];
    const ending = await fairway("split", verb, ...words);
    expect(ending).toMatchObject({ code: 0 });
    expect(ending.text).toContain(`this ends rollout ${id} of ci (v2)`);
    const phase = async () => (await server.get<RolloutJson>("/v1/rollouts/shop")).outcome?.kind;
    await expect.poll(phase, { timeout: TIMEOUT_MS }).toBe("superseded");
    expect((await fairway("split", verb, ...words)).text).not.toContain("this ends rollout");
  });
});
