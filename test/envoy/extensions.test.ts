/**
 * Filters in Envoy's own words, at their places in the chain of a real Envoy.
 */
import { expect, test } from "vitest";
import { ask } from "./ask.ts";
import { startScene } from "./scene.ts";

const filters = "type.googleapis.com/envoy.extensions.filters.http";

test("an extension works at its place, for the routes that have it, with what they say to it", async () => {
  /** Says in `x-trail` that it has seen the request. */
  const mark = (name: string, place: string) =>
    `{ name: ${name}, ${place} typedConfig: { "@type": ${filters}.lua.v3.Lua, default_source_code: { inline_string: 'function envoy_on_request(h) h:headers():add("x-trail", "${name}") end' } } }`;
  await using scene = await startScene({
    backends: 1,
    config: ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], policies: [around, halt] }
services:
  one: { endpoints: ["${backends[0]}"] }
policies:
  around:
    extensions:
      - ${mark("last", "")}
      - ${mark("after-lua", "after: lua,")}
      - ${mark("before-lua", "before: lua,")}
    lua: { inline: 'function envoy_on_request(h) h:headers():add("x-trail", "lua") end' }
  halt:
    authorization: { default: allow, rules: [{ action: deny, paths: [/denied] }] }
routes:
  any:
    rules:
      - { matches: [{ path: /spared }], filters: [{ extensions: none }], backends: [{ service: one }] }
      - matches: [{ path: /own }]
        filters:
          - extensions:
              - name: told
                before: authorization
                typedConfig: { "@type": ${filters}.lua.v3.Lua }
                routeConfig: { "@type": ${filters}.lua.v3.LuaPerRoute, source_code: { inline_string: 'function envoy_on_request(h) h:headers():add("x-trail", "told") end' } }
        backends: [{ service: one }]
      - matches: [{ path: /denied }]
        filters: [{ extensions: [{ name: early, before: authorization, typedConfig: { "@type": ${filters}.lua.v3.Lua, default_source_code: { inline_string: 'function envoy_on_request(h) h:respond({[":status"] = "418"}, "early") end' } } }] }]
        backends: [{ service: one }]
      - { backends: [{ service: one }] }
`,
  });
  const origin = `http://127.0.0.1:${scene.port}`;
  const trail = async (path: string) => (await ask(`${origin}${path}`)).seen?.headers["x-trail"];
  expect(await trail("/")).toBe("before-lua, lua, after-lua, last");
  expect(await trail("/spared")).toBe("lua");
  expect(await trail("/own"), "the nearest list holds alone").toBe("told, lua");
  expect((await ask(`${origin}/denied`)).status, "it stands before who refuses the request").toBe(418);
});
