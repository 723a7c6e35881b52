/**
 * Of which requests a real Envoy sends spans to a collector, which trace they are in and what they say.
 */
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { freePort } from "../../demo/kit/ports.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { ask } from "./ask.ts";
import { startScene } from "./scene.ts";
import { SpanReceiver } from "./span-receiver.ts";

/** The attributes that the collector of `examples/otel-collector/` looks at. */
async function keysOfCollector(): Promise<readonly string[]> {
  const file = new URL("../../examples/otel-collector/collector.yaml", import.meta.url);
  return [...(await readFile(file, "utf8")).matchAll(/key: "?(?<key>[^",]+)/g)].map(
    ({ groups }) => groups?.["key"] ?? "",
  );
}

/** Envoy sends spans every five seconds. */
const spansAtOnce = { name: "test", static_layer: { "tracing.opentelemetry.flush_interval_ms": 100 } };

/** Half of so many, give or take five standard deviations. */
const HALVED = 100;

test.each(["1.40", "1.36"] as const)(
  "Envoy %s traces whom the caller, a rule or chance says, in the trace of the caller",
  async (version) => {
    await using collector = await SpanReceiver.start();
    const wary = await freePort();
    const strict = await freePort();
    await using scene = await startScene({
      backends: 1,
      envoy: { version, override: { layered_runtime: { layers: [spansAtOnce] } } },
      config: ({ port, backends }) => `
gateways:
  public:
    listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }]
    tracing:
      provider: { grpc: { service: collector } }
      serviceName: edge
      samplingRate: 0
      clientForce: true
      maxPathTagLength: 60
      customTags:
        stage: { literal: prod }
        tenant: { header: x-tenant, default: nobody }
        missing: { environment: FAIRWAY_TEST_HAS_NO_SUCH_VARIABLE }
  wary:
    listeners: [{ name: http, port: ${wary}, address: 127.0.0.1 }]
    tracing: { provider: { http: { service: collector-http, path: /otlp } }, clientContext: ignore, spawnUpstreamSpan: false }
  strict:
    listeners: [{ name: http, port: ${strict}, address: 127.0.0.1 }]
    tracing: { provider: { grpc: { service: collector } }, samplingRate: 0, customTags: { tenant: { literal: strict } } }
policies:
  traced: { tracing: { samplingRate: 100 } }
services:
  one: { endpoints: ["${backends[0]}"] }
  collector: { endpoints: ["${collector.grpcAddress}"], protocol: grpc }
  collector-http: { endpoints: ["${collector.httpAddress}"] }
routes:
  shop:
    rules:
      - { name: debug, matches: [{ headers: { x-debug: { present: true } } }], policies: [traced], backends: [{ service: one }] }
      - name: half
        matches: [{ path: /half }]
        tracing: { samplingRate: 50, operation: coin, customTags: { stage: { literal: test } } }
        backends: [{ service: one }]
      - { name: broken, matches: [{ path: /broken }], policies: [traced], filters: [{ respond: { status: 503 } }] }
      - { name: rest, backends: [{ service: one }] }
`,
    });
    const url = `http://127.0.0.1:${scene.port}/rest?${"q".repeat(80)}`;
    const parent = (digit: string, flags: "00" | "01") => `00-${digit.repeat(32)}-${"b".repeat(16)}-${flags}`;

    // Nobody asks, and chance says no: the backend is told so.
    const plain = await ask(url);
    expect(plain.seen?.headers["traceparent"]).toMatch(/-00$/);
    // The caller has decided, either way, and not even a debugging client changes that.
    const going = await ask(url, { traceparent: parent("1", "01"), tracestate: "vendor=1", "x-tenant": "gold" });
    const quiet = await ask(url, { traceparent: parent("2", "00"), "x-client-trace-id": "me" });
    expect(quiet.seen?.headers["traceparent"]).toMatch(new RegExp(`^00-${"2".repeat(32)}-.*-00$`));
    await ask(url, { "x-client-trace-id": "me", "x-tenant": "forced" });
    const debug = await ask(url, { "x-debug": "1", "x-tenant": "debug" });
    expect(debug.headers).not.toHaveProperty("x-envoy-decorator-operation");
    await ask(`http://127.0.0.1:${scene.port}/broken`);
    for (let index = 0; index < HALVED; index += 1) await ask(`http://127.0.0.1:${scene.port}/half`);
    // This one lets callers go on with a trace, and not begin one.
    const forced = await ask(`http://127.0.0.1:${strict}/rest`, { "x-client-trace-id": "me" });
    expect(forced.seen?.headers["traceparent"]).toMatch(/-00$/);
    const followed = await ask(`http://127.0.0.1:${strict}/rest`, { traceparent: parent("5", "01") });
    expect(followed.seen?.headers["traceparent"]).toMatch(new RegExp(`^00-${"5".repeat(32)}-.*-01$`));
    expect(followed.seen?.headers).not.toHaveProperty("x-client-trace-id");
    // This gateway believes nobody.
    await ask(`http://127.0.0.1:${wary}/rest`, { traceparent: parent("3", "00") });

    const { spans } = collector;
    await waitUntil(
      () => {
        const debugged = spans.some(({ name }) => name === "shop/debug");
        const halved = spans.some(({ name }) => name === "coin");
        return debugged && halved && spans.some(({ by }) => by === "http") ? true : undefined;
      },
      { what: "spans of all kinds", timeoutMs: 30_000 },
    );
    // A gateway sends in the order of its requests, each in its own time: what was asked for before is there when its last is.
    const last = await ask(url, { traceparent: parent("4", "01") });
    expect(last.status).toBe(200);
    const hasServer = (digit: string) => spans.some(({ traceId, kind }) => traceId === digit.repeat(32) && kind === 2);
    await waitUntil(() => hasServer("4") && hasServer("5"), { what: "the last spans", timeoutMs: 30_000 });

    const servers = spans.filter(({ kind, by }) => kind === 2 && by === "grpc");
    const coins = servers.filter(({ name }) => name === "coin");
    expect(coins.length).toBeGreaterThan(HALVED / 4);
    expect(coins.length).toBeLessThan((HALVED * 3) / 4);
    expect(coins[0]?.tags["stage"]).toBe("test");
    const others = servers.filter(({ name }) => name !== "coin");
    expect(others.map(({ name, tags }) => `${name} ${tags["tenant"]}`).toSorted()).toEqual([
      "shop/broken nobody",
      "shop/debug debug",
      "shop/rest forced",
      "shop/rest gold",
      "shop/rest nobody",
      "shop/rest strict",
    ]);

    const server = others.find(({ tags }) => tags["tenant"] === "gold");
    expect(server).toMatchObject({
      service: "edge",
      traceId: "1".repeat(32),
      parentId: "b".repeat(16),
      tags: {
        "fairway.gateway": "public",
        stage: "prod",
        node_id: "edge-1",
        upstream_cluster: "one",
        "http.status_code": "200",
      },
    });
    expect(server?.tags["http.url"]?.length).toBeLessThan(100);
    expect(server?.tags).not.toHaveProperty("missing");
    const upstream = spans.find(({ parentId }) => parentId === server?.spanId);
    expect(upstream).toMatchObject({ name: "router one egress", kind: 3 });
    expect(going.seen?.headers).toMatchObject({
      traceparent: `00-${"1".repeat(32)}-${upstream?.spanId}-01`,
      tracestate: "vendor=1",
    });

    expect(servers.filter(({ isError }) => isError).map(({ name }) => name)).toEqual(["shop/broken"]);
    const told = new Set(servers.flatMap(({ tags }) => Object.keys(tags)));
    for (const key of await keysOfCollector()) expect([...told], "what the collector decides by").toContain(key);

    const [ofWary, ...more] = spans.filter(({ by }) => by === "http");
    expect(more).toEqual([]);
    expect(ofWary).toMatchObject({ service: "wary", name: "shop/rest", parentId: "" });
    expect(ofWary?.traceId).not.toBe("3".repeat(32));
    expect([...collector.paths]).toEqual(["/otlp"]);
  },
);
