/**
 * Who gets a request, seen in who answers: the panic threshold, the host with fewer requests, hosts that have just come, and
 * limits that each subset has for itself.
 */
import { describe, expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { freePort } from "../../demo/kit/ports.ts";
import { eventually } from "../support/eventually.ts";
import { startScene } from "./scene.ts";
import type { SceneOptions } from "./scene.ts";

const SLOW_START_S = 5;

interface Extra {
  readonly closed?: number;
  /** The second host of the service that starts slowly is there. */
  readonly isGrown?: boolean;
}

const config =
  ({ closed = 1, isGrown = false }: Extra): SceneOptions["config"] =>
  ({ port, backends: [one = "", two = "", three = ""] }) =>
    `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  panics:
    endpoints: ["${one}", "127.0.0.1:${closed}"]
    healthCheck: { tcp: {}, interval: 200ms, timeout: 1s, healthyThreshold: 1, unhealthyThreshold: 1 }
    loadBalancer: { healthyPanicThreshold: 60 }
  calm:
    endpoints: ["${one}", "127.0.0.1:${closed}"]
    healthCheck: { tcp: {}, interval: 200ms, timeout: 1s, healthyThreshold: 1, unhealthyThreshold: 1 }
    loadBalancer: { healthyPanicThreshold: 40 }
  in-turn: { endpoints: ["${one}", "${two}"] }
  least: { endpoints: ["${one}", "${two}"], loadBalancer: { policy: LEAST_REQUEST, choiceCount: 10 } }
  growing:
    endpoints: ["${one}"${isGrown ? `, "${three}"` : ""}]
    loadBalancer: { slowStart: { window: ${SLOW_START_S}s } }
  parted:
    endpoints: [{ address: "${two}", labels: { of: tight } }, { address: "${one}", labels: { of: wide } }]
    subsets:
      tight: { labels: { of: tight }, circuitBreaker: { maxRequests: 1 } }
      wide: { labels: { of: wide } }
routes:
  all:
    rules:
${["panics", "calm", "in-turn", "least", "growing"]
  .map((name) => `      - { matches: [{ path: /${name} }], backends: [{ service: ${name} }] }\n`)
  .join("")}      - { matches: [{ path: /tight }], backends: [{ service: parted, subset: tight }] }
      - { matches: [{ path: /wide }], backends: [{ service: parted, subset: wide }] }
`;

describe("an Envoy", () => {
  test("chooses hosts as it is told", async () => {
    const closed = await freePort();
    await using scene = await startScene({ backends: 3, config: config({ closed }) });
    const load = (name: string, count: number, concurrency = 2) =>
      Load.run({ url: `${scene.url}${name}`, concurrency, count, accept: () => true });

    // Half of the hosts are well: less than the one threshold, more than the other.
    await eventually("health checks", async () => (await scene.envoy.counter("cluster.calm.membership_healthy")) === 1);
    expect((await load("calm", 40)).byStatus).toEqual({ "200": 40 });
    expect((await load("panics", 40)).byStatus).toEqual({ "200": 20, "503": 20 });

    scene.backends[1]?.set({ delayMs: 50 });
    const byTurn = (await load("in-turn", 100, 8)).byLabel["v2"] ?? 0;
    const byLoad = (await load("least", 100, 8)).byLabel["v2"] ?? 0;
    expect(byTurn).toBe(50);
    expect(byLoad).toBeLessThan(40);

    scene.backends[0]?.set({ delayMs: 50 });
    const [tight, wide] = [await load("tight", 10, 10), await load("wide", 10, 10)];
    expect(tight.overloaded).toBeGreaterThan(0);
    expect(wide.byStatus).toEqual({ "200": 10 });

    for (const backend of scene.backends) backend.set({});
    const parts = { port: scene.port, backends: scene.backends.map(({ address }) => address) };
    const before = await scene.served();
    await eventually("the end of the first host's slow start", async () => (await uptimeS()) > SLOW_START_S, {
      timeoutMs: 60_000,
    });
    await scene.save(config({ closed, isGrown: true })(parts));
    await scene.converged(before);
    const share = async () => (await load("growing", 100)).byLabel["v3"] ?? 0;
    expect(await share()).toBeLessThan(40);
    await eventually("its share", async () => (await share()) >= 48, { timeoutMs: 60_000 });

    async function uptimeS(): Promise<number> {
      return scene.envoy.counter("server.uptime");
    }
  });
});
