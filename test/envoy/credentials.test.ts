/**
 * API keys and passwords: a real Envoy lets those through that a secret knows, and nobody reads the secret elsewhere.
 */
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { ask } from "./ask.ts";
import { startScene } from "./scene.ts";

const hashed = (password: string) => `{SHA}${createHash("sha1").update(password).digest("base64")}`;
const basic = (name: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`,
});

test("clients need a key and people a password that a watched file knows, and no surface shows either", async () => {
  await using scene = await startScene({
    backends: 1,
    prepare: async (directory) => {
      await mkdir(join(directory, "lists"));
      await writeFile(join(directory, "lists/keys"), "# ours\nacme:key-4711\nacme:key-4712\nglobex:key-0815\n");
      await writeFile(join(directory, "users"), `ann:${hashed("pass-4711")}\n`);
      await writeFile(join(directory, "others"), `ben:${hashed("pass-0815")}\n`);
    },
    config: ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], policies: [keys] }
services:
  one: { endpoints: ["${backends[0]}"] }
secrets:
  clients: { apiKeys: { file: lists/keys } }
  people: { users: { file: users } }
  others: { users: { file: others } }
policies:
  keys: { apiKey: { keys: clients, from: { headers: [x-key], queryParams: [key], cookies: [key] }, forwardClientHeader: x-client } }
  people: { apiKey: none, basicAuth: { users: people, forwardUsernameHeader: x-user, realm: team } }
routes:
  any:
    rules:
      - { matches: [{ path: /people }], policies: [people], backends: [{ service: one }] }
      - { matches: [{ path: /others }], filters: [{ apiKey: none }, { basicAuth: { users: others } }], backends: [{ service: one }] }
      - { matches: [{ path: /open }], filters: [{ apiKey: none }], backends: [{ service: one }] }
      - { backends: [{ service: one }] }
`,
  });
  const origin = `http://127.0.0.1:${scene.port}`;
  const status = async (path: string, headers = {}) => (await ask(`${origin}${path}`, headers)).status;

  expect(await status("/")).toBe(401);
  expect(await status("/", { "x-key": "key-4713" })).toBe(401);
  const acme = await ask(`${origin}/`, { "x-key": "key-4712", "x-client": "forged" });
  expect(acme.status).toBe(200);
  expect(acme.seen?.headers["x-client"]).toBe("acme");
  expect(acme.seen?.headers["x-key"], "the key is not for the backend").toBeUndefined();
  expect(await status("/?key=key-0815")).toBe(200);
  expect(await status("/", { cookie: "key=key-4711" })).toBe(200);
  expect(await status("/open")).toBe(200);

  const asked = await ask(`${origin}/people`);
  expect([asked.status, asked.headers["www-authenticate"]]).toEqual([401, 'Basic realm="team"']);
  const ann = await ask(`${origin}/people`, { ...basic("ann", "pass-4711"), "x-user": "forged" });
  expect(ann.status).toBe(200);
  expect(ann.seen?.headers["x-user"]).toBe("ann");
  expect(await status("/people", basic("ann", "pass-4712"))).toBe(401);
  expect(await status("/people", basic("ben", "pass-0815")), "another list").toBe(401);
  expect(await status("/others", basic("ben", "pass-0815"))).toBe(200);
  expect(await status("/others", basic("ann", "pass-4711"))).toBe(401);

  // Another list is live as soon as it is there, and changes no listener.
  const before = await scene.served();
  await scene.save(`ann:${hashed("pass-4713")}\n`, "users");
  await scene.converged(before);
  await waitUntil(async () => (await status("/people", basic("ann", "pass-4713"))) === 200, {
    what: "the new password",
  });
  expect(await status("/people", basic("ann", "pass-4711"))).toBe(401);
  expect(await scene.envoy.counter("listener_manager.listener_modified")).toBe(0);

  // One that Envoy could not read is told without its content.
  await scene.save("ann:pass-4714\n", "users");
  const told = await waitUntil(async () => (await scene.snapshots()).refused, {
    what: "the refusal of a plain password",
  });
  expect(told.diagnostics).toMatchObject([{ code: "invalid-secret" }]);
  const shown = [
    JSON.stringify(told),
    JSON.stringify(await scene.fairway.get("/v1/nodes/edge-1/resources")),
    ...scene.fairway.logs(),
  ].join("\n");
  expect(shown).not.toMatch(/key-\d|pass-\d/);
  for (const password of ["pass-4711", "pass-4713", "pass-0815"]) expect(shown).not.toContain(hashed(password));
});
