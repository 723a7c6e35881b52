/**
 * Logins: a real Envoy sends people to a login of ours, takes them back, keeps their session and ends it.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { Answer } from "./ask.ts";
import { ask } from "./ask.ts";
import { LoginServer } from "./login-server.ts";
import { startScene } from "./scene.ts";
import { createIssuer } from "./tokens.ts";

/** What a browser does with cookies of one host. */
class Cookies {
  readonly #values = new Map<string, string>();

  take(answer: Answer): void {
    for (const cookie of answer.headers["set-cookie"] ?? []) {
      const [pair = "", ...attributes] = cookie.split(";");
      const [name = "", ...value] = pair.split("=");
      const isOver = attributes.some((attribute) => /^ *(?:max-age=0|expires=Thu, 01 Jan 1970)/i.test(attribute));
      if (isOver) this.#values.delete(name);
      else this.#values.set(name, value.join("="));
    }
  }

  only(name: string): string {
    return this.#text((each) => each.startsWith(name));
  }

  but(name: string): string {
    return this.#text((each) => !each.startsWith(name));
  }

  get header(): { readonly cookie?: string } {
    return this.#values.size === 0 ? {} : { cookie: this.#text(() => true) };
  }

  #text(wanted: (name: string) => boolean): string {
    return [...this.#values]
      .filter(([name]) => wanted(name))
      .map((pair) => pair.join("="))
      .join("; ");
  }
}

test("people are sent to the login once, backends get the token that is checked, and a logout ends the session", async () => {
  const issuer = createIssuer("https://login.test/");
  await using login = await LoginServer.start(issuer, { id: "shop", secret: "s3cret" });
  await using scene = await startScene({
    backends: 1,
    prepare: async (directory) => {
      await mkdir(join(directory, "secrets"));
      // With the line break that editors leave.
      await writeFile(join(directory, "secrets/shop"), "s3cret\n");
    },
    config: ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], policies: [people] }
services:
  shop: { endpoints: ["${backends[0]}"] }
  login: { endpoints: ["${login.address}"] }
secrets:
  shop: { clientSecret: { file: secrets/shop } }
policies:
  people:
    oidc:
      provider:
        authorizationEndpoint: "http://${login.address}/authorize"
        tokenEndpoint: "http://${login.address}/token"
        endSessionEndpoint: "http://${login.address}/over"
        service: login
      clientID: shop
      clientSecret: shop
      scopes: [email]
      forwardAccessToken: true
      denyRedirect: { headers: { x-requested-with: XMLHttpRequest } }
    jwt: { issuer: "${issuer.name}", jwks: { inline: '${issuer.jwks}' }, claimsToHeaders: { x-user: sub, x-scope: scope } }
routes:
  shop:
    rules:
      - { matches: [{ path: /api }], filters: [{ oidc: none }], backends: [{ service: shop }] }
      - { backends: [{ service: shop }] }
`,
  });
  await scene.envoy.ready();
  const origin = `http://127.0.0.1:${scene.port}`;
  const cookies = new Cookies();
  const browse = async (url: string, headers: Readonly<Record<string, string>> = {}) => {
    const answer = await ask(url, { ...cookies.header, ...headers });
    cookies.take(answer);
    return answer;
  };

  const sent = await browse(`${origin}/cart?item=7`);
  expect(sent.status).toBe(302);
  const question = new URL(String(sent.headers.location));
  expect(`${question.origin}${question.pathname}`).toBe(`http://${login.address}/authorize`);
  expect(Object.fromEntries(question.searchParams)).toMatchObject({
    client_id: "shop",
    scope: "openid email",
    redirect_uri: `${origin}/oauth2/callback`,
    response_type: "code",
  });
  const loggedIn = await ask(question.href);
  // Somebody else's browser has nothing of what the first answer left.
  expect((await ask(String(loggedIn.headers.location))).status).toBe(401);
  const back = await browse(String(loggedIn.headers.location));
  expect([back.status, back.headers.location]).toEqual([302, `${origin}/cart?item=7`]);
  expect(login.grants).toEqual(["authorization_code"]);

  const page = await browse(`${origin}/cart?item=7`);
  expect(page.status).toBe(200);
  expect(page.seen?.headers).toMatchObject({ "x-user": "ann", "x-scope": "openid email" });
  expect(page.seen?.headers.authorization).toMatch(/^Bearer ey/);
  expect(login.grants.length).toBe(1);
  // The cookies tell nobody the token.
  expect(cookies.header.cookie).not.toContain(String(page.seen?.headers.authorization).slice(7));

  // Scripts are told, programs bring a token, and a forged session is none.
  expect((await ask(`${origin}/`, { "x-requested-with": "XMLHttpRequest" })).status).toBe(401);
  expect((await ask(`${origin}/api`)).status).toBe(401);
  expect((await ask(`${origin}/api`, { authorization: `Bearer ${issuer.token()}` })).status).toBe(200);
  // The signature is over all of them.
  expect((await ask(`${origin}/`, { cookie: cookies.but("RefreshToken") })).status).toBe(302);

  // When the token has expired, a browser has no more than what renews it.
  const renewed = await ask(`${origin}/`, { cookie: cookies.only("RefreshToken") });
  expect([renewed.status, renewed.seen?.headers["x-user"]]).toEqual([200, "ann"]);
  expect(login.grants).toEqual(["authorization_code", "refresh_token"]);

  const session = String(cookies.header.cookie);
  const out = await browse(`${origin}/logout`);
  expect(out.status).toBe(302);
  expect(String(out.headers.location)).toMatch(new RegExp(`^http://${login.address}/over\\?`));
  expect((await browse(`${origin}/`)).status).toBe(302);

  // Whoever has copied the cookies keeps the session, until the secret is another one.
  const status = async () => (await ask(`${origin}/`, { cookie: session })).status;
  expect(await status()).toBe(200);
  await writeFile(join(scene.configDir, "secrets/shop"), "another");
  await waitUntil(async () => (await status()) !== 200, { what: "the end of the session" });
  expect(await scene.envoy.counter("listener_manager.listener_modified")).toBe(0);
});
