/**
 * Tokens: a real Envoy lets those through that an issuer of ours has signed, and nobody else.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { ask } from "./ask.ts";
import { eventually } from "../support/eventually.ts";
import { startScene } from "./scene.ts";
import { createIssuer, JsonServer } from "./tokens.ts";

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

test("requests need a token of an issuer that the nearest policy names, and backends get its claims", async () => {
  const [login, partner, newPartner] = [
    createIssuer("https://login.test/"),
    createIssuer("https://partner.test/"),
    createIssuer("https://partner.test/", "two"),
  ];
  await using keys = await JsonServer.start(login.jwks);
  await using scene = await startScene({
    backends: 1,
    prepare: (directory) => writeFile(join(directory, "partner.jwks"), partner.jwks),
    config: ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], policies: [signed-in] }
services:
  one: { endpoints: ["${backends[0]}"] }
  keys: { endpoints: ["${keys.address}"] }
policies:
  signed-in:
    jwt:
      issuer: ${login.name}
      audiences: [shop]
      jwks: { uri: "http://login.test/keys", service: keys }
      claimsToHeaders: { x-user: sub, x-org: org.id, x-role: ["https://app.test/role"] }
      forward: false
  partners:
    jwt:
      issuer: ${partner.name}
      jwks: { file: partner.jwks }
      from: { headers: [{ name: x-token, prefix: "T " }], cookies: [token], queryParams: [t] }
routes:
  any:
    rules:
      - { matches: [{ path: /partner }], policies: [partners], backends: [{ service: one }] }
      - { matches: [{ path: /open }], filters: [{ jwt: none }], backends: [{ service: one }] }
      - matches: [{ path: /maybe }]
        filters: [{ jwt: { allowMissing: true, issuer: "${login.name}", claimsToHeaders: { x-user: sub }, jwks: { inline: '${login.jwks}' } } }]
        backends: [{ service: one }]
      - { backends: [{ service: one }] }
`,
  });
  const origin = `http://127.0.0.1:${scene.port}`;
  const status = async (path: string, headers = {}) => (await ask(`${origin}${path}`, headers)).status;

  // The listener waits for the keys, and may be there after Envoy has acknowledged it; the first request finds them.
  await eventually("the listener", () =>
    status("/open").then(
      () => true,
      () => false,
    ),
  );
  const token = login.token({ aud: "shop", sub: "ann", org: { id: "acme" }, "https://app.test/role": "admin" });
  const good = await ask(`${origin}/`, { ...bearer(token), "x-user": "forged" });
  expect(good.status).toBe(200);
  expect(good.seen?.headers).toMatchObject({ "x-user": "ann", "x-org": "acme", "x-role": "admin" });
  expect(good.seen?.headers.authorization, "`forward: false` keeps the token from the backend").toBeUndefined();
  expect(keys.requests).toBeGreaterThan(0);

  expect(await status("/")).toBe(401);
  expect(await status("/", bearer(login.token({ aud: "other" }))), "for another audience").toBe(403);
  expect(await status("/", bearer(login.token({ aud: "shop", exp: 1 }))), "expired").toBe(401);
  expect(await status("/", bearer(createIssuer(login.name).token({ aud: "shop" }))), "another key").toBe(401);
  expect(await status("/", bearer(partner.token({ aud: "shop" }))), "another policy's issuer").toBe(401);
  expect(await status("/open")).toBe(200);

  expect(await status("/partner", bearer(token))).toBe(401);
  expect(await status("/partner", bearer(partner.token())), "not where this policy looks").toBe(401);
  expect(await status("/partner", { "x-token": `T ${partner.token()}` })).toBe(200);
  expect(await status("/partner", { cookie: `token=${partner.token()}` })).toBe(200);
  expect(await status(`/partner?t=${partner.token()}`)).toBe(200);

  const without = await ask(`${origin}/maybe`, { "x-user": "forged" });
  expect(without.status).toBe(200);
  expect(without.seen?.headers["x-user"], "a claim comes from a token or not at all").toBeUndefined();
  expect(await status("/maybe", bearer(partner.token()))).toBe(401);

  // A file that is none is told and changes nothing; the next that is one is live without anybody's doing.
  await scene.save("{}", "partner.jwks");
  const told = await waitUntil(async () => (await scene.snapshots()).refused, {
    what: "the refusal of a JWKS without keys",
    timeoutMs: 30_000,
    everyMs: 20,
  });
  expect(told.diagnostics).toMatchObject([{ code: "invalid-jwks" }]);
  expect(await status("/partner", { "x-token": `T ${partner.token()}` })).toBe(200);
  const before = await scene.served();
  await scene.save(newPartner.jwks, "partner.jwks");
  await scene.converged(before);
  await waitUntil(async () => (await status("/partner", { "x-token": `T ${newPartner.token()}` })) === 200, {
    what: "tokens of the new key to be taken",
    timeoutMs: 30_000,
    everyMs: 20,
  });
  expect(await status("/partner", { "x-token": `T ${partner.token()}` })).toBe(401);
});
