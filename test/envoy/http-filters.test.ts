/**
 * What a real Envoy does to real requests for the sake of the parts of policies that it does with HTTP filters.
 */
import { expect, test } from "vitest";
import { startScene } from "./scene.ts";
import { ask } from "./ask.ts";

type Config = Parameters<typeof startScene>[0]["config"];

const head: Config = ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], policies: [everywhere] }
services:
  one: { endpoints: ["${backends[0]}"] }
`;

const preflight = (url: string, origin: string) =>
  ask(url, { origin, "access-control-request-method": "PUT" }, "OPTIONS");

test("CORS: what browsers ask beforehand is answered, and answers carry what lets a page read them", async () => {
  const config: Config = (scene) => `${head(scene)}
policies:
  everywhere:
    cors: { allowOrigins: ["https://app.test", "https://*.partner.test"], allowMethods: [GET, PUT], allowHeaders: [x-a], allowCredentials: true, maxAge: 10m }
routes:
  any:
    rules:
      - { matches: [{ path: /open }], filters: [{ cors: { allowOrigins: ["*"], exposeHeaders: [x-b] } }], backends: [{ service: one }] }
      - { matches: [{ path: /closed }], filters: [{ cors: none }], backends: [{ service: one }] }
      - { backends: [{ service: one }] }
`;
  await using scene = await startScene({ backends: 1, config });
  const origin = `http://127.0.0.1:${scene.port}`;
  const allowed = await preflight(`${origin}/`, "https://app.test");
  expect(allowed.status).toBe(200);
  expect(allowed.headers).toMatchObject({
    "access-control-allow-origin": "https://app.test",
    "access-control-allow-methods": "GET, PUT",
    "access-control-allow-headers": "x-a",
    "access-control-allow-credentials": "true",
    "access-control-max-age": "600",
  });
  expect(scene.backends[0]?.requests, "a browser's question is not for the backend").toBe(0);
  const of = async (path: string, from: string) =>
    (await ask(`${origin}${path}`, { origin: from })).headers["access-control-allow-origin"];
  expect(await of("/", "https://a.b.partner.test")).toBe("https://a.b.partner.test");
  expect(await of("/", "https://partner.test")).toBeUndefined();
  expect(await of("/", "https://evil.test")).toBeUndefined();
  expect(await of("/open", "https://evil.test")).toBe("https://evil.test");
  expect(await of("/closed", "https://app.test")).toBeUndefined();
});

test("CSRF: what changes something must come from a page of the same host, or of one that is listed", async () => {
  const config: Config = (scene) => `${head(scene)}
policies:
  everywhere: { csrf: { additionalOrigins: [app.test, "*.partner.test"] } }
routes:
  any:
    rules:
      - { matches: [{ path: /watched }], filters: [{ csrf: { shadow: true } }], backends: [{ service: one }] }
      - { matches: [{ path: /api }], filters: [{ csrf: none }], backends: [{ service: one }] }
      - { backends: [{ service: one }] }
`;
  await using scene = await startScene({ backends: 1, config });
  const host = `127.0.0.1:${scene.port}`;
  const status = async (method: string, path: string, origin?: string) =>
    (await ask(`http://${host}${path}`, origin === undefined ? {} : { origin }, method)).status;
  expect(await status("POST", "/", "https://evil.test")).toBe(403);
  expect(await status("POST", "/"), "without Origin and Referer nobody knows").toBe(403);
  expect(await status("POST", "/", `http://${host}`)).toBe(200);
  expect(await status("PUT", "/", "https://app.test")).toBe(200);
  expect(await status("DELETE", "/", "https://x.partner.test")).toBe(200);
  expect(await status("GET", "/", "https://evil.test")).toBe(200);
  expect(await status("POST", "/api", "https://evil.test")).toBe(200);
  expect(await status("POST", "/watched", "https://evil.test")).toBe(200);
});

test("faults: requests wait and are answered with errors, only those that are meant, and it ends when it is removed", async () => {
  const config =
    (fault: string): Config =>
    (scene) =>
      `${head(scene)}
policies:
  everywhere: { ${fault} }
routes:
  any:
    rules:
      - { matches: [{ path: /spared }], filters: [{ fault: none }], backends: [{ service: one }] }
      - { matches: [{ path: /slow }], filters: [{ fault: { delay: { fixed: 400ms } } }], backends: [{ service: one }] }
      - { backends: [{ service: one }] }
`;
  const faulty = config("fault: { abort: { status: 418 }, headers: { x-chaos: monkey } }");
  await using scene = await startScene({ backends: 1, config: faulty });
  const origin = `http://127.0.0.1:${scene.port}`;
  const status = async (path: string, headers = {}) => (await ask(`${origin}${path}`, headers)).status;
  expect(await status("/")).toBe(200);
  expect(await status("/", { "x-chaos": "monkey" })).toBe(418);
  expect(await status("/spared", { "x-chaos": "monkey" })).toBe(200);
  const began = performance.now();
  expect(await status("/slow")).toBe(200);
  // Envoy's timers count from when its loop last looked at the clock, so that they may end some milliseconds early.
  expect(performance.now() - began).toBeGreaterThanOrEqual(350);
  const before = await scene.served();
  const parts = { port: scene.port, backends: scene.backends.map(({ address }) => address) };
  await scene.save(config("timeouts: { request: 5s }")(parts));
  await scene.converged(before);
  expect(await status("/", { "x-chaos": "monkey" })).toBe(200);
});
