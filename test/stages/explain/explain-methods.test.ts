/**
 * Methods as Envoy takes them: case counts, and CONNECT wants a route and a permission of its own.
 */
import { expect, test } from "vitest";
import { readAskedRequest } from "../../../src/explain/asked-request.ts";
import { refusedConnect, refusedMethod } from "../../../src/explain/request-method.ts";
import { matchRoute } from "../../../src/explain/match-route.ts";

test.each([
  ["post", "takes POST and refuses post"],
  ["QUERY", "does not know"],
])("%s is refused over HTTP/1.1", (method, words) => {
  expect(refusedMethod(method, {})).toContain(words);
  expect(refusedMethod(method, { codecType: "HTTP2" })).toBeUndefined();
  expect(refusedMethod(method, { httpProtocolOptions: { allowCustomMethods: true } })).toBeUndefined();
});

test("PURGE is a method that Envoy knows", () => {
  expect(refusedMethod("PURGE", {})).toBeUndefined();
});

test("CONNECT matches no path, and names its port whatever the Host header says", () => {
  const asked = readAskedRequest({ method: "CONNECT", url: "http://shop.test/a", headers: ["host: other"] });
  expect(asked).toMatchObject({ ok: true, value: { method: "CONNECT", host: "shop.test:80" } });
  const request = { method: "CONNECT", scheme: "http", host: "shop.test:80", path: "", headers: [] } as const;
  const stateFor = (match: Parameters<typeof matchRoute>[0]) =>
    matchRoute(match, request, { ignorePathParameters: false })[0]?.state;
  expect(stateFor({ prefix: "/" })).toBe("fails");
  expect(stateFor({ prefix: "" })).toBe("fails");
  expect(stateFor({ connectMatcher: {} })).toBe("holds");
});

test("a CONNECT that a route takes must be allowed, and the route says so before the listener", () => {
  const on = { upgradeConfigs: [{ upgradeType: "connect" }] };
  const off = { route: { upgradeConfigs: [{ upgradeType: "CONNECT", enabled: false }] } };
  expect(refusedConnect({}, undefined)).toContain("upgrade_configs");
  expect(refusedConnect(on, undefined)).toBeUndefined();
  expect(refusedConnect(on, off)).toContain("upgrade_configs");
});
