/**
 * What a real Envoy writes down of real requests, and of which of them.
 */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { ask } from "./ask.ts";
import { LogReceiver } from "./log-receiver.ts";
import { tempDir } from "../support/temp-dir.ts";
import { startScene } from "./scene.ts";

test("requests are written down as JSON, as text and to collectors, and only those that are asked for", async () => {
  await using collector = await LogReceiver.start();
  await using directory = await tempDir();
  const [all, failed, slow] = ["all.log", "failed.log", "slow.log"].map((name) => directory.join(name));
  await using scene = await startScene({
    backends: 1,
    config: ({ port, backends }) => `
gateways:
  public:
    listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }]
    # Nobody there takes spans: that a trace has an id does not depend on it.
    tracing: { provider: { grpc: { service: collector } }, samplingRate: 0 }
    accessLogs:
      - { file: ${all}, fields: { tenant: "%REQ(x-tenant)%", userAgent: false } }
      - { file: ${failed}, text: "%REQ(:PATH)% %RESPONSE_CODE%", only: { errors: true } }
      - { file: ${slow}, text: "%REQ(:PATH)%", only: { slowerThan: 400ms, percent: 0 } }
      - openTelemetry: { service: collector }
      - grpc: { service: collector }
services:
  one: { endpoints: ["${backends[0]}"] }
  collector: { endpoints: ["${collector.address}"], protocol: grpc }
routes:
  any:
    rules:
      - { name: broken, matches: [{ path: /broken }], filters: [{ respond: { status: 503 } }] }
      - { name: slow, matches: [{ path: /slow }], filters: [{ fault: { delay: { fixed: 500ms } } }], backends: [{ service: one }] }
      - { name: rest, backends: [{ service: one }] }
`,
  });
  const traceId = "7".repeat(32);
  const traceparent = `00-${traceId}-${"b".repeat(16)}-00`;
  for (const path of ["/good?x=1", "/broken", "/slow"]) {
    await ask(`http://127.0.0.1:${scene.port}${path}`, { "x-tenant": "gold", "user-agent": "test", traceparent });
  }
  const linesOf = async (path = "") => (await readFile(path, "utf8")).split("\n").slice(0, -1);
  // Envoy writes each file every ten seconds, in its own time.
  const lines = await waitUntil(
    async () => {
      const [found = [], ...others] = await Promise.all([all, failed, slow].map(linesOf));
      const isWritten = found.length === 3 && others.every(({ length }) => length > 0);
      return isWritten && collector.otlp.length > 0 && collector.envoys.length > 0 ? found : undefined;
    },
    { what: "three requests in the logs, and the collector", timeoutMs: 60_000 },
  );
  const [good, broken] = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  expect(good).toMatchObject({
    method: "GET",
    path: "/good?x=1",
    status: 200,
    route: "any/rest",
    cluster: "one",
    endpoint: scene.backends[0]?.address,
    tenant: "gold",
    tries: 1,
    traceId,
  });
  expect(good).not.toHaveProperty("userAgent");
  expect(typeof good?.["durationMs"]).toBe("number");
  expect(broken).toMatchObject({ status: 503, route: "any/broken", details: "direct_response" });
  expect(broken, "what there is not is left out").not.toHaveProperty("endpoint");
  expect(await linesOf(failed)).toEqual(["/broken 503"]);
  expect(await linesOf(slow)).toEqual(["/slow"]);
  for (const messages of [collector.otlp, collector.envoys])
    expect(Buffer.concat(messages).toString()).toContain("/good?x=1");
});
