/**
 * What a real Envoy does with hosts that drain: they get no new requests as long as anybody else can take them, however
 * few that are. Unhealthy hosts are another matter: with too many of them Envoy panics and uses all.
 */
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { startScene } from "./scene.ts";

/** So many that a host of four that is used and gets none happens once in 10^12. */
const REQUESTS = 100;

/** The health of the four hosts of each service, by the first letter of what it is called. */
const services = {
  "three-drain": "hddd",
  "all-drain": "dddd",
  "two-unhealthy": "hhuu",
  "three-unhealthy": "huuu",
  "most-of-the-rest-unhealthy": "huud",
  "half-of-the-rest-unhealthy": "hudd",
} as const;

const words: Readonly<Record<string, string>> = { h: "healthy", d: "draining", u: "unhealthy" };

const config = (scene: { readonly port: number; readonly backends: readonly string[] }) => {
  const endpoints = (letters: string) =>
    JSON.stringify(scene.backends.map((address, index) => ({ address, health: words[letters[index] ?? ""] })));
  const each = Object.entries(services);
  return `
gateways:
  public: { listeners: [{ name: http, port: ${scene.port}, address: 127.0.0.1 }] }
services:
${each.map(([name, letters]) => `  ${name}: { endpoints: ${endpoints(letters)}, loadBalancer: { policy: ROUND_ROBIN } }`).join("\n")}
routes:
  all:
    rules:
${each.map(([name]) => `      - { matches: [{ path: /${name} }], backends: [{ service: ${name} }] }`).join("\n")}
`;
};

test.each(["1.40", "1.36"] as const)(
  "hosts that drain get nothing while one takes requests, and do not make Envoy %s panic as unhealthy ones do",
  async (version) => {
    await using scene = await startScene({ backends: 4, config, envoy: { version } });
    const used = async (name: keyof typeof services) => {
      const before = scene.backends.map(({ requests }) => requests);
      const report = await Load.run({ url: `${scene.url}${name}`, concurrency: 4, count: REQUESTS });
      expect(report.failed).toBe(0);
      return scene.backends.map(({ requests }, index) => (requests > (before[index] ?? 0) ? "x" : "-")).join("");
    };
    expect(await used("three-drain")).toBe("x---");
    expect(await used("all-drain"), "there is nobody else").toBe("xxxx");
    expect(await used("two-unhealthy")).toBe("xx--");
    expect(await used("three-unhealthy"), "a quarter is healthy").toBe("xxxx");
    expect(await used("most-of-the-rest-unhealthy"), "one in three that do not drain").toBe("xxxx");
    expect(await used("half-of-the-rest-unhealthy"), "one in two that do not drain").toBe("x---");
  },
);
