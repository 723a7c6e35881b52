/**
 * What is known of splits after a start that finds the config refused or held: those that are served, and never that one is
 * gone.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { RunningPlane } from "./running-plane.ts";

const ten = "abcdefghij".split("");

const routed = (rule: string, services: readonly string[]) => `
gateways: { public: { listeners: [{ name: http, port: 10000 }] } }
routes: { all: { rules: [${rule}] } }
services:
${services.map((name) => `  ${name}: { endpoints: ["127.0.0.1:1"] }`).join("\n")}
`;

const config = (services: readonly string[], max = 50) => `${routed("{ split: shop }", services)}
splits:
  shop:
    backends: { stable: { service: a }, canary: { service: b } }
    default: { stable: 100, canary: 0 }
    limits: { canary: { max: ${max} } }
`;

const withoutSplit = (services: readonly string[]) => routed("{ backends: [{ service: a }] }", services);

/** One that has been served for long enough, started anew with another file. */
async function restarted(text: string, before = config(ten)): Promise<RunningPlane> {
  const first = await RunningPlane.start({ files: { "main.yaml": before }, soakMs: 10 });
  await first.event("lkg-promoted");
  return first.restart(() => writeFile(join(first.configDir, "main.yaml"), text));
}

const limitsOf = ({ plane }: RunningPlane) =>
  plane.servedConfig.splits.map(({ name, backends }) => [name, backends[1]?.limit?.max]);

async function listed(running: RunningPlane): Promise<readonly (readonly [string, string])[]> {
  const { json } = await running.ask("/v1/splits");
  const { splits } = json as { readonly splits: readonly { readonly name: string; readonly definedBy: string }[] };
  return splits.map(({ name, definedBy }) => [name, definedBy]);
}

describe("a start", () => {
  test("with a refused file knows the splits that are served, and what comes after it is in force", async () => {
    await using running = await restarted("services: {");
    await eventually("the splits to be known", () => running.plane.servedConfig.isKnown);
    expect(limitsOf(running)).toEqual([["shop", 50]]);
    expect(await listed(running)).toEqual([["shop", "last-known-good"]]);
    expect(running.plane.servedConfig.isInForce).toBe(false);
    // It is the same, so nothing was served but what the disk had, and it is still refused.
    expect([running.all("lkg-loaded").length, running.all("config-accepted").length]).toEqual([1, 0]);
    expect(running.plane.publication.refused).toBeDefined();
    await running.save(config(ten, 30));
    await eventually("the config to be in force", () => running.plane.servedConfig.isInForce);
    expect(limitsOf(running)).toEqual([["shop", 30]]);
    expect(await listed(running)).toEqual([["shop", "config"]]);
    await running.save(withoutSplit(ten));
    await eventually("the split to be gone", () => running.plane.servedConfig.splits.length === 0);
    expect(running.plane.servedConfig.isInForce).toBe(true);
  });

  test("with a change that is held knows them too, and once it is confirmed those of the change", async () => {
    await using running = await restarted(withoutSplit(["a"]));
    const { snapshotVersion } = await running.event("config-held");
    await eventually("the splits to be known", () => running.plane.servedConfig.isKnown);
    expect(limitsOf(running)).toEqual([["shop", 50]]);
    expect(running.plane.servedConfig.isInForce).toBe(false);
    expect(running.plane.publication.held.size).toBe(1);
    const headers = { "if-match": `"${snapshotVersion}"` };
    await running.ask(`/v1/snapshots/${snapshotVersion}/confirm`, { method: "POST", headers });
    await eventually("the change to be in force", () => running.plane.servedConfig.isInForce);
    expect(limitsOf(running)).toEqual([]);
  });

  test("with a refused file after a config without splits serves no older one", async () => {
    const first = await RunningPlane.start({ files: { "main.yaml": config(["a", "b"]) }, soakMs: 10 });
    await first.event("lkg-promoted");
    await first.save(withoutSplit(["a", "b"]));
    const { snapshotVersion } = await first.event("lkg-promoted", 1);
    await using running = await first.restart(() => writeFile(join(first.configDir, "main.yaml"), "services: {"));
    await running.event("lkg-loaded");
    await running.save("services: [");
    await running.event("config-refused", 1);
    expect(running.version()).toBe(snapshotVersion);
    expect(running.plane.servedConfig.isKnown).toBe(false);
  });
});
