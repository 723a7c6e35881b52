/**
 * Who may do what: a real Envoy allows and denies by address, request and token.
 */
import { request } from "node:https";
import { expect, test } from "vitest";
import { certificatesDir, pem } from "../support/certificates.ts";
import { ask } from "./ask.ts";
import { startScene } from "./scene.ts";
import { createIssuer } from "./tokens.ts";

test("the first rule that takes a request decides, and the nearest policy holds", async () => {
  const issuer = createIssuer("https://login.test/");
  await using scene = await startScene({
    backends: 1,
    config: ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], policies: [closed] }
services:
  one: { endpoints: ["${backends[0]}"] }
policies:
  closed: { authorization: {} }
  local: { authorization: { rules: [{ action: allow, clientCIDRs: [127.0.0.0/8, "::1"] }] } }
  elsewhere: { authorization: { rules: [{ action: allow, clientCIDRs: [192.0.2.0/24] }, { action: allow, peerCIDRs: [192.0.2.0/24] }] } }
  not-local: { authorization: { default: allow, rules: [{ action: deny, peerCIDRs: [127.0.0.1] }] } }
  ordered:
    authorization:
      rules:
        - { name: staff-reads-secrets, action: allow, paths: [/ordered/secret], headers: { x-staff: "yes" } }
        - { name: secrets, action: deny, paths: [/ordered/secret, { regex: "/ordered/s[0-9]+" }] }
        - { name: reads, action: allow, methods: [GET, HEAD] }
        - { name: never, action: deny, clientCIDRs: [127.0.0.1] }
        - { name: too-late, action: allow, methods: [POST] }
  people:
    jwt: { issuer: "${issuer.name}", allowMissing: true, jwks: { inline: '${issuer.jwks}' } }
    authorization:
      rules:
        - { action: allow, methods: [GET], claims: [{ name: scope, values: [read, write] }] }
        - { action: allow, claims: [{ name: roles, values: [editor] }, { name: [org, id], values: [7] }] }
routes:
  any:
    rules:
      - { matches: [{ path: /local }], policies: [local], backends: [{ service: one }] }
      - { matches: [{ path: /elsewhere }], policies: [elsewhere], backends: [{ service: one }] }
      - { matches: [{ path: /not-local }], policies: [not-local], backends: [{ service: one }] }
      - { matches: [{ path: /ordered }], policies: [ordered], backends: [{ service: one }] }
      - { matches: [{ path: /people }], policies: [people], backends: [{ service: one }] }
      - { matches: [{ path: /free }], filters: [{ authorization: none }], backends: [{ service: one }] }
      - { matches: [{ path: /counted }], filters: [{ authorization: { shadow: true } }], backends: [{ service: one }] }
      - { backends: [{ service: one }] }
`,
  });
  const status = async (method: string, path: string, headers = {}) =>
    (await ask(`http://127.0.0.1:${scene.port}${path}`, headers, method)).status;
  expect(await status("GET", "/")).toBe(403);
  expect(await status("GET", "/free")).toBe(200);
  expect(await status("GET", "/counted")).toBe(200);

  expect(await status("GET", "/local")).toBe(200);
  const forged = { "x-forwarded-for": "192.0.2.1" };
  expect(await status("GET", "/elsewhere", forged), "a header that nobody vouches for says nothing").toBe(403);
  expect(await status("GET", "/not-local")).toBe(403);

  expect(await status("GET", "/ordered")).toBe(200);
  expect(await status("GET", "/ordered/secret")).toBe(403);
  expect(await status("GET", "/ordered/secret/deep?x=1")).toBe(403);
  expect(await status("GET", "/ordered/a/../secret")).toBe(403);
  expect(await status("GET", "/ordered/secretly")).toBe(200);
  expect(await status("GET", "/ordered/s12")).toBe(403);
  expect(await status("GET", "/ordered/secret", { "x-staff": "yes" })).toBe(200);
  expect(await status("POST", "/ordered")).toBe(403);

  const as = (claims: object) => ({ authorization: `Bearer ${issuer.token({ ...claims })}` });
  expect(await status("GET", "/people")).toBe(403);
  expect(await status("GET", "/people", as({ scope: "openid read" }))).toBe(200);
  expect(await status("GET", "/people", as({ scope: "openid reader" }))).toBe(403);
  expect(await status("POST", "/people", as({ scope: "read" }))).toBe(403);
  expect(await status("POST", "/people", as({ roles: ["viewer", "editor"], org: { id: 7 } }))).toBe(200);
  expect(await status("POST", "/people", as({ roles: "editor", org: { id: 7 } }))).toBe(200);
  expect(await status("POST", "/people", as({ roles: ["editor"], org: { id: 8 } }))).toBe(403);
});

test("a client's certificate says who it is", async () => {
  const file = (name: string) =>
    `{ certificate: { nodeFile: ${certificatesDir}/${name}.pem }, privateKey: { nodeFile: ${certificatesDir}/${name}.key } }`;
  await using scene = await startScene({
    backends: 1,
    config: ({ port, backends }) => `
gateways:
  public:
    listeners: [{ name: https, port: ${port}, address: 127.0.0.1, protocol: HTTPS, tls: { secret: server, clientCa: authority } }]
    policies: [callers]
services:
  one: { endpoints: ["${backends[0]}"] }
secrets:
  server: ${file("one")}
  authority: { ca: { nodeFile: ${certificatesDir}/ca.pem } }
policies:
  callers: { authorization: { rules: [{ action: allow, subjectAltNames: [one.test] }] } }
routes:
  any:
    rules:
      - matches: [{ path: /two }]
        filters: [{ authorization: { rules: [{ action: allow, subjectAltNames: [{ prefix: "two." }] }] } }]
        backends: [{ service: one }]
      - { backends: [{ service: one }] }
`,
  });
  await scene.envoy.ready();
  const status = async (path: string, as: "one" | "two") => {
    const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
    const identity = { cert: pem(`${as}.pem`), key: pem(`${as}.key`), ca: pem("ca.pem") };
    const options = { host: "127.0.0.1", port: scene.port, path, servername: "one.test", agent: false, ...identity };
    request(options, (response) => resolve(response.resume().statusCode))
      .once("error", reject)
      .end();
    return promise;
  };
  expect(await status("/", "one")).toBe(200);
  expect(await status("/", "two")).toBe(403);
  expect(await status("/two", "two")).toBe(200);
  expect(await status("/two", "one")).toBe(403);
});
