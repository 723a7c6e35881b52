/**
 * Which requests are refused before they are looked at.
 */
import { describe, expect, test } from "vitest";
import { createAdminServer } from "../../../src/admin/admin-server.ts";
import { createRequestGuard } from "../../../src/admin/request-guard.ts";
import { viewsOf } from "./example-views.ts";

const none = { host: "localhost:18001", origin: undefined, secFetchSite: undefined };

describe("names in Host", () => {
  const loopback = createRequestGuard("127.0.0.1", ["control-plane"]);

  test.each(["localhost", "LOCALHOST:18001", "127.0.0.1:9", "[::1]:18001", "control-plane:18001", "localhost.:1"])(
    "%s is ours",
    (host) => expect(loopback({ ...none, host })).toBeUndefined(),
  );

  test.each([
    undefined,
    "",
    "evil.example",
    "evil.example:18001",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "localhost@evil.example",
    "localhost:18001, evil.example",
    "10.0.0.5",
    "[::2]",
    "localhost:123456",
  ])("%s is not ours", (host) => expect(loopback({ ...none, host })).toBeDefined());

  test("of the listen address are ours, and every address when the server listens on all", () => {
    expect(createRequestGuard("10.0.0.5", [])({ ...none, host: "10.0.0.5:18001" })).toBeUndefined();
    expect(createRequestGuard("fd00::5", [])({ ...none, host: "[FD00::5]:18001" })).toBeUndefined();
    for (const all of ["0.0.0.0", "::"]) {
      const guard = createRequestGuard(all, []);
      expect(guard({ ...none, host: "192.168.1.7:18001" })).toBeUndefined();
      expect(guard({ ...none, host: "rebound.example" })).toBeDefined();
    }
  });
});

describe("signs of another site", () => {
  const guard = createRequestGuard("127.0.0.1", []);

  test.each(["cross-site", "same-site", "anything"])("Sec-Fetch-Site: %s is refused", (secFetchSite) =>
    expect(guard({ ...none, secFetchSite })).toBeDefined(),
  );

  test.each(["same-origin", "none", undefined])("Sec-Fetch-Site: %s is served", (secFetchSite) =>
    expect(guard({ ...none, secFetchSite })).toBeUndefined(),
  );

  test.each(["https://evil.example", "null", "http://localhost:3000", "https://localhost:18001", "http://localhost"])(
    "Origin: %s is refused",
    (origin) => expect(guard({ ...none, origin })).toBeDefined(),
  );

  test("the server's own origin is served", () =>
    expect(guard({ ...none, origin: "http://localhost:18001" })).toBeUndefined());
});

test("the server asks the guard first, on every path and method", async () => {
  let looked = 0;
  const views = viewsOf({}, { ready: () => ((looked += 1), { ready: true, reasons: [] }) });
  const { app } = createAdminServer({
    listen: { host: "127.0.0.1", port: 0 },
    version: "0.1.0",
    views,
    onError: () => undefined,
  });
  for (const method of ["GET", "POST", "OPTIONS"] as const) {
    for (const url of ["/readyz", "/v1/nodes", "/nothing"]) {
      const answer = await app.inject({ method, url, headers: { host: "evil.example" } });
      expect(answer.statusCode).toBe(403);
      expect(answer.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
    }
  }
  const foreign = await app.inject({ url: "/readyz", headers: { host: "localhost", "sec-fetch-site": "cross-site" } });
  expect(foreign.statusCode).toBe(403);
  expect(looked).toBe(0);
});
