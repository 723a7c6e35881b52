/**
 * The virtual host of a request: the most specific domain wins.
 */
import { expect, test } from "vitest";
import { matchVirtualHost } from "../../../src/explain/match-virtual-host.ts";

const domains = ["*", "shop.*", "shop.example.*", "*.example.com", "*.shop.example.com", "Shop.example.com", "[::1]"];
const config = { virtualHosts: domains.map((domain) => ({ name: domain, domains: [domain] })) };
const domainFor = (host: string, ignorePortInHostMatching = true) =>
  matchVirtualHost({ ...config, ignorePortInHostMatching }, host)?.domain;

test.each([
  ["shop.example.com", "Shop.example.com"],
  ["SHOP.EXAMPLE.COM", "Shop.example.com"],
  ["a.shop.example.com", "*.shop.example.com"],
  ["b.example.com", "*.example.com"],
  [".example.com", "*"],
  ["shop.example.org", "shop.example.*"],
  ["shop.org", "shop.*"],
  ["shop.", "*"],
  ["other", "*"],
  ["shop.example.com:8080", "Shop.example.com"],
  ["[::1]:80", "[::1]"],
])("gives %s to %s", (host, domain) => {
  expect(domainFor(host)).toBe(domain);
});

test("keeps the port in the host unless ports are ignored", () => {
  expect(domainFor("shop.example.com:8080", false)).toBe("shop.example.*");
});

test("has none for a host that no domain matches, nor for a request without a host", () => {
  const narrow = { virtualHosts: [{ name: "a", domains: ["a"] }] };
  expect(matchVirtualHost(narrow, "b")).toBeUndefined();
  expect(matchVirtualHost(config, "")).toBeUndefined();
});
