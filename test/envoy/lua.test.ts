/**
 * Lua scripts that a real Envoy runs: where they are attached, in which order, and live when their file changes.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { ask } from "./ask.ts";
import { startScene } from "./scene.ts";

const stamp = (word: string) => `
function envoy_on_request(handle) handle:headers():add("x-trail", "${word}") end
function envoy_on_response(handle) handle:headers():add("x-trail", "${word}") end
`;

test("scripts change requests and answers where they are attached, and an edit of a file reaches Envoys if it can be loaded", async () => {
  await using scene = await startScene({
    backends: 1,
    config: ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], policies: [stamp] }
services:
  one: { endpoints: ["${backends[0]}"] }
policies:
  stamp: { lua: { file: stamp.lua } }
routes:
  any:
    rules:
      - { matches: [{ path: /spared }], filters: [{ lua: none }], backends: [{ service: one }] }
      - matches: [{ path: /both }]
        filters:
          - lua:
              scripts:
                - { file: stamp.lua }
                - inline: 'function envoy_on_request(h) h:headers():add("x-trail", "second") end
                    function envoy_on_response(h) h:headers():add("x-trail", "second") end'
        backends: [{ service: one }]
      - matches: [{ path: /answered }]
        filters: [{ lua: { inline: 'function envoy_on_request(h) h:respond({[":status"] = "418"}, "no") end' } }]
        backends: [{ service: one }]
      - matches: [{ path: /broken }]
        filters: [{ lua: { inline: "function envoy_on_request(h) h:nothing() end" } }]
        backends: [{ service: one }]
      - { backends: [{ service: one }] }
`,
    prepare: async (configDir) => writeFile(join(configDir, "stamp.lua"), stamp("first")),
  });
  const origin = `http://127.0.0.1:${scene.port}`;
  const trail = async (path: string) => {
    const { status, headers, seen } = await ask(`${origin}${path}`);
    return [status, seen?.headers["x-trail"], headers["x-trail"]];
  };
  expect(await trail("/")).toEqual([200, "first", "first"]);
  expect(await trail("/spared")).toEqual([200, undefined, undefined]);
  expect(await trail("/both"), "the answer comes back the other way").toEqual([200, "first, second", "second, first"]);
  expect((await ask(`${origin}/answered`)).status).toBe(418);
  expect(await trail("/broken"), "the request goes on").toEqual([200, undefined, undefined]);
  expect(await scene.envoy.counter("http.public/http.lua.errors")).toBe(1);

  const before = await scene.served();
  const listeners = () => scene.envoy.counter("listener_manager.listener_modified");
  await scene.save("function envoy_on_request(handle)\n  if\n", "stamp.lua");
  const refused = await waitUntil(async () => (await scene.snapshots()).refused, { what: "the script to be refused" });
  expect(refused.diagnostics).toMatchObject([{ code: "invalid-lua" }, { code: "invalid-lua" }]);
  expect(await trail("/")).toEqual([200, "first", "first"]);
  await scene.save(stamp("edited"), "stamp.lua");
  await scene.converged(before);
  expect(await trail("/")).toEqual([200, "edited", "edited"]);
  expect(await listeners(), "no connection is drained").toBe(0);
});
