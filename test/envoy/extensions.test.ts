/**
 * Filters in Envoy's own words, at their places in the chain of a real Envoy.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { ask } from "./ask.ts";
import { startGrpcAuth } from "./auth-servers.ts";
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

test("an extension has the service whose cluster it names, and the secret that it asks for, also a new one", async () => {
  await using auth = await startGrpcAuth();
  await using scene = await startScene({
    backends: 1,
    prepare: async (directory) => {
      await mkdir(join(directory, "secrets"));
      await writeFile(join(directory, "secrets/token"), "Bearer first\n");
    },
    config: ({ port, backends }) => `
nodes: { edge: { match: {}, services: [one] } }
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], policies: [own] }
services:
  one: { endpoints: ["${backends[0]}"] }
  auth: { endpoints: ["${auth.address}"], protocol: grpc }
secrets:
  token: { clientSecret: { file: secrets/token } }
policies:
  own:
    extensions:
      - name: asker
        typedConfig:
          "@type": ${filters}.ext_authz.v3.ExtAuthz
          grpc_service: { envoy_grpc: { cluster_name: auth }, timeout: 5s }
      - name: injector
        typedConfig:
          "@type": ${filters}.credential_injector.v3.CredentialInjector
          overwrite: true
          credential:
            name: envoy.http.injected_credentials.generic
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.http.injected_credentials.generic.v3.Generic
              credential: { name: token, sds_config: { ads: {} } }
routes:
  any: { rules: [{ backends: [{ service: one }] }] }
`,
  });
  const url = `http://127.0.0.1:${scene.port}/a`;
  expect((await ask(url)).status, "the service's own answer").toBe(402);
  const { status, seen } = await ask(url, { "x-pass": "yes", authorization: "Bearer forged" });
  expect([status, seen?.headers.authorization]).toEqual([200, "Bearer first"]);
  expect(auth.asked.at(-1)).toMatchObject({ path: "/a" });

  await writeFile(join(scene.configDir, "secrets/token"), "Bearer second\n");
  await waitUntil(
    async () => (await ask(url, { "x-pass": "yes" })).seen?.headers.authorization === "Bearer second" || undefined,
    { what: "requests to have the new secret", timeoutMs: 10_000 },
  );
});
