/**
 * How soon a tighter circuit breaker is in force in a real Envoy, as its own admin page tells.
 */
import { renameSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { Envoy } from "../demo/kit/envoy.ts";
import { ask } from "../demo/kit/get.ts";
import { freePort } from "../demo/kit/ports.ts";
import { waitUntil } from "../demo/kit/wait-until.ts";
import { MeasuredServer } from "./measured-server.ts";
import { spread } from "./percentile.ts";
import type { Spread } from "./percentile.ts";

/** How often. */
export interface TightenOptions {
  readonly changes: number;
  readonly profileDir: string | undefined;
}

/** One row of the table: save → the new threshold is on Envoy's `/clusters` page. */
export interface TightenRow extends Spread {
  readonly changes: number;
  readonly envoy: string;
}

/** The first threshold; each change takes one away. */
const REQUESTS_MAX = 1_000;
/** Longer than what joins a burst of saves. */
const PAUSE_MS = 60;
/** The times are as exact as this is short; a look costs Envoy well under a millisecond. */
const LOOK_EVERY_MS = 1;

/** Measures with one Envoy over delta ADS. */
export async function measureTightening(
  options: TightenOptions,
  say: (text: string) => void,
): Promise<readonly TightenRow[]> {
  const listenerPort = await freePort();
  const files = new Map([
    [
      "gateways.yaml",
      `gateways: { edge: { listeners: [{ name: http, address: 127.0.0.1, port: ${listenerPort} }] } }\n`,
    ],
    ["routes.yaml", "routes: { shop: { rules: [{ name: all, backends: [{ service: shop }] }] } }\n"],
    ["services.yaml", services(REQUESTS_MAX)],
  ]);
  await using server = await MeasuredServer.start(files, options.profileDir);
  await using envoy = await Envoy.start({ nodeId: "bench", xdsPort: server.fairway.xdsPort });
  await envoy.ready();
  const { version } = await envoy.serverInfo();
  say(`a circuit breaker tightened ${options.changes} times in a real Envoy`);
  const timesMs: number[] = [];
  for (let change = 1; change <= options.changes; change += 1) {
    timesMs.push(await tighten(server, envoy, REQUESTS_MAX - change));
    await pause(PAUSE_MS);
  }
  return [{ changes: options.changes, ...spread(timesMs), envoy: version.split("/")[1] ?? version }];
}

async function tighten(server: MeasuredServer, envoy: Envoy, maxRequests: number): Promise<number> {
  const { from, to } = await server.stage("services.yaml", services(maxRequests));
  const line = `shop::default_priority::max_requests::${maxRequests}\n`;
  const savedAtMs = performance.now();
  renameSync(from, to);
  const seenAtMs = await waitUntil(
    async () => (await ask(envoy.adminPort, "/clusters?filter=%5Eshop%24")).text.includes(line) && performance.now(),
    { what: `${line.trim()} on Envoy's /clusters page`, everyMs: LOOK_EVERY_MS },
  );
  return seenAtMs - savedAtMs;
}

function services(maxRequests: number): string {
  return `services: { shop: { endpoints: [{ address: "127.0.0.1:9" }], circuitBreaker: { maxRequests: ${maxRequests} } } }\n`;
}
