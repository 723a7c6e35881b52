/**
 * The corpus of wrong inputs, saved one after the other beside a good file while a real Envoy serves load:
 * each is refused with its lines, and the Envoy hears of none.
 */
import { execFileSync } from "node:child_process";
import { rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { corpus } from "../support/wrong-inputs/corpus.ts";
import type { Scene } from "./scene.ts";
import { startScene } from "./scene.ts";

/** No name in here is in the corpus. */
const good = ({ port, backends }: { readonly port: number; readonly backends: readonly string[] }): string => `
gateways:
  zz-public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
routes:
  zz-main: { gateways: [zz-public], rules: [{ backends: [{ service: zz-main }] }] }
services:
  zz-main: { endpoints: ["${backends[0]}"] }
`;

interface RefusedView {
  readonly refused?: {
    readonly diagnostics: readonly {
      readonly code: string;
      readonly severity: "error" | "warning";
      readonly at: { readonly file: string; readonly line: number; readonly column: number };
    }[];
  };
}

/** `code line:column` of each error that was found in `file`. */
async function refusal(scene: Scene, file: string): Promise<readonly string[]> {
  const { refused } = await scene.fairway.get<RefusedView>("/v1/snapshots");
  const found = refused?.diagnostics.filter(({ at, severity }) => severity === "error" && at.file.endsWith(file)) ?? [];
  return found.map(({ code, at }) => `${code} ${at.line}:${at.column}`);
}

/** How often the Envoy was told something. */
async function told(scene: Scene): Promise<number> {
  let sum = 0;
  for (const [, count] of await scene.envoy.stats("update_attempt$")) sum += count;
  return sum;
}

test("no wrong input reaches an Envoy, and each is answered with its lines", async () => {
  await using scene = await startScene({ backends: 1, config: good });
  await using load = Load.start({ url: scene.url, concurrency: 2, requestsPerSecond: 50 });
  const version = await scene.served();
  const before = await told(scene);
  const inputs = corpus.flatMap(([, rows]) => rows);
  expect(inputs.length).toBeGreaterThan(350);
  for (const [title, input, ...expected] of inputs) {
    await scene.save(input, "change.yaml");
    await waitUntil(async () => (await refusal(scene, "change.yaml")).join() === expected.join(), {
      what: `the refusal of ${title}: ${expected.join()}`,
      everyMs: 4,
    });
  }
  expect(await scene.served()).toBe(version);
  expect(await told(scene)).toBe(before);
  await rm(join(scene.configDir, "change.yaml"));
  await waitUntil(async () => (await scene.fairway.get<RefusedView>("/v1/snapshots")).refused === undefined, {
    what: "the good file alone",
  });
  expect([await scene.served(), await told(scene)]).toEqual([version, before]);
  expect((await load.stop()).failed).toBe(0);
});

test("what is no config file is refused at its path, and the rest stays served", async () => {
  await using scene = await startScene({ backends: 1, config: good });
  const version = await scene.served();
  const before = await told(scene);
  const path = join(scene.configDir, "odd.yaml");
  const outside = join(scene.stateDir, "..", "outside.yaml");
  await writeFile(outside, "services: {}\n");
  const kinds: readonly (readonly [what: string, make: () => Promise<void>, code: string])[] = [
    ["a FIFO", async () => void execFileSync("mkfifo", [path]), "source-not-regular"],
    ["a link to a device", () => symlink("/dev/zero", path), "source-outside-root"],
    ["a link out of the tree", () => symlink(outside, path), "source-outside-root"],
    ["a link to itself", () => symlink(path, path), "source-unreadable"],
    ["a link to nothing", () => symlink(join(scene.configDir, "nothing.yaml"), path), "source-unreadable"],
    [
      "100 MB",
      async () => {
        await writeFile(path, "");
        await truncate(path, 100_000_000);
      },
      "source-too-large",
    ],
  ];
  for (const [what, make, code] of kinds) {
    await make();
    const found = await waitUntil(async () => (await refusal(scene, "odd.yaml"))[0], {
      what: `the refusal of ${what}`,
    });
    expect(found, what).toMatch(new RegExp(`^${code}`));
    await rm(path);
    await waitUntil(async () => (await scene.fairway.get<RefusedView>("/v1/snapshots")).refused === undefined, {
      what: `${what} to be gone`,
    });
  }
  expect([await scene.served(), await told(scene)]).toEqual([version, before]);
});
