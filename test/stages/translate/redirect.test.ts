/**
 * Where clients are sent: Gateway API's rules for what is not written.
 */
import { describe, expect, it } from "vitest";
import type { Redirect } from "../../../src/model/intent-filter.ts";
import { translateRedirect } from "../../../src/translate/redirect.ts";
import { place } from "../../support/build-intent.ts";

function redirected(redirect: Partial<Redirect>, port: number, hostname: string): object {
  const listener = { name: "http", at: place(), port };
  const { responseCode: _, ...rest } = translateRedirect(
    { at: place(), ...redirect },
    { hostname, listener, path: { kind: "prefix", path: "/old" } },
  );
  return rest;
}

describe("translateRedirect", () => {
  it.each<[string, Partial<Redirect>, number, string, object]>([
    [
      "the well-known port of a scheme, unwritten",
      { scheme: "https" },
      80,
      "a.example.com",
      { schemeRedirect: "https", hostRedirect: "a.example.com" },
    ],
    [
      "the host as the client wrote it where the route has a wildcard",
      { scheme: "https" },
      80,
      "*.example.com",
      { schemeRedirect: "https" },
    ],
    [
      "the well-known port where the client wrote another behind the host",
      { scheme: "https" },
      8080,
      "*",
      { schemeRedirect: "https", portRedirect: 443 },
    ],
    [
      "the port of the listener where no scheme is written",
      { hostname: "b.example.com" },
      8080,
      "*",
      { hostRedirect: "b.example.com", portRedirect: 8080 },
    ],
    [
      "the port of the listener, unwritten when it is well known",
      { hostname: "b.example.com" },
      80,
      "*",
      { hostRedirect: "b.example.com" },
    ],
    [
      "the port that is written",
      { scheme: "https", port: 8443 },
      80,
      "a.example.com",
      { schemeRedirect: "https", hostRedirect: "a.example.com", portRedirect: 8443 },
    ],
    [
      "a whole path",
      { path: { kind: "full", path: "/new" } },
      80,
      "a.example.com",
      { hostRedirect: "a.example.com", pathRedirect: "/new" },
    ],
    [
      "another prefix",
      { path: { kind: "prefix", path: "/new" } },
      80,
      "a.example.com",
      { hostRedirect: "a.example.com", prefixRewrite: "/new" },
    ],
  ])("sends to %s", (_title, redirect, port, hostname, expected) => {
    expect(redirected(redirect, port, hostname)).toEqual(expected);
  });

  it("knows the well-known port of a listener of HTTPS", () => {
    const listener = { name: "https", at: place(), port: 443, tls: { certificates: ["a"] } };
    const from = { hostname: "*", listener, path: { kind: "prefix", path: "/" } } as const;
    const elsewhere = { at: place(), hostname: "b.example.com" };
    expect(translateRedirect(elsewhere, from)).toEqual({ hostRedirect: "b.example.com", responseCode: "FOUND" });
    const other = { ...from, listener: { ...listener, port: 8443 } };
    expect(translateRedirect(elsewhere, other)).toMatchObject({ portRedirect: 8443 });
  });

  it("answers 302 unless it says otherwise", () => {
    const from = {
      hostname: "*",
      listener: { name: "http", at: place(), port: 80 },
      path: { kind: "exact", path: "/" },
    } as const;
    expect(translateRedirect({ at: place(), port: 81 }, from).responseCode).toBe("FOUND");
    expect(translateRedirect({ at: place(), port: 81, status: 308 }, from).responseCode).toBe("PERMANENT_REDIRECT");
  });
});
