/**
 * Modules in WebAssembly that a real Envoy runs: from a file beside the config, and fetched by Envoy itself.
 */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { expect, test } from "vitest";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { examplesDir } from "../support/examples.ts";
import { ask } from "./ask.ts";
import { startPlainServer } from "./plain-server.ts";
import { startScene } from "./scene.ts";

const bytes = readFileSync(join(examplesDir, "wasm/modules/stamp.wasm"));
const sha256 = createHash("sha256").update(bytes).digest("hex");
const otherSha256 = createHash("sha256").update("another").digest("hex");

test("a module runs where it is attached, starts again after a crash, and counts only with the SHA-256 that was asked for", async () => {
  await using modules = await startPlainServer((_, response) => void response.end(bytes));
  await using scene = await startScene({
    backends: 1,
    config: ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], policies: [stamp] }
services:
  one: { endpoints: ["${backends[0]}"] }
  modules: { endpoints: ["${modules.address}"] }
policies:
  stamp: { wasm: { code: { file: stamp.wasm }, config: from-file } }
routes:
  any:
    rules:
      - { matches: [{ path: /spared }], filters: [{ wasm: none }], backends: [{ service: one }] }
      - matches: [{ path: /fetched }]
        filters: [{ wasm: { code: { http: { url: "http://modules/a.wasm", sha256: ${sha256}, service: modules } }, config: { a: 1 } } }]
        backends: [{ service: one }]
      - matches: [{ path: /wrong/open }]
        filters: [{ wasm: { code: { http: { url: "http://modules/b.wasm", sha256: ${otherSha256}, service: modules } }, failOpen: true } }]
        backends: [{ service: one }]
      - matches: [{ path: /wrong }]
        filters: [{ wasm: { code: { http: { url: "http://modules/b.wasm", sha256: ${otherSha256}, service: modules } } } }]
        backends: [{ service: one }]
      - { backends: [{ service: one }] }
`,
    prepare: (configDir) => writeFile(join(configDir, "stamp.wasm"), bytes),
  });
  const origin = `http://127.0.0.1:${scene.port}`;
  const answer = async (path: string, headers = {}) => {
    const { status, headers: answered } = await ask(`${origin}${path}`, headers);
    return [status, answered["x-wasm"]];
  };
  // The listener waits for the modules.
  await waitUntil(() => answer("/").catch(() => undefined), { what: "the listener" });
  expect(await answer("/")).toEqual([200, "from-file"]);
  expect(await answer("/spared")).toEqual([200, undefined]);
  expect(await answer("/fetched")).toEqual([200, '{"a":1}']);
  expect(await answer("/wrong"), "the SHA-256 is another").toEqual([503, undefined]);
  expect(await answer("/wrong/open")).toEqual([200, undefined]);
  expect(await scene.envoy.counter("wasm.remote_load_fetch_failures")).toBeGreaterThan(0);
  expect((await scene.node())?.status, "nothing was refused").toBe("synced");

  expect((await answer("/", { "x-crash": "1" }))[0]).toBe(503);
  const again = await waitUntil(
    async () => {
      const found = await answer("/");
      return found[0] === 200 ? found : undefined;
    },
    { what: "the module to start again" },
  );
  expect(again).toEqual([200, "from-file"]);

  await scene.save("(module)", "stamp.wasm");
  const refused = await waitUntil(async () => (await scene.snapshots()).refused, { what: "the module to be refused" });
  expect(refused.diagnostics).toMatchObject([{ code: "invalid-wasm" }]);
  expect(await answer("/")).toEqual([200, "from-file"]);
});
