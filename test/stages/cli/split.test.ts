/**
 * `fairway split`, and `fairway plan` where weights are set, against a real server without Envoys.
 */
import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Fairway } from "../../../demo/kit/fairway.ts";
import { ranWith } from "../../etcd/fairway-command.ts";
import type { TempDir } from "../../support/temp-dir.ts";
import { tempDir } from "../../support/temp-dir.ts";

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

describe("fairway plan where weights are set", () => {
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
