/**
 * Who may report how requests went, and what becomes of a report: of names with dots and colons, of what is not
 * cumulative, and of more than there is room for.
 */
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeMetricsExport } from "../../../src/evidence/metrics-export.ts";
import type { TrafficEvent } from "../../../src/evidence/traffic-event.ts";
import { TrafficLedger } from "../../../src/evidence/traffic-ledger.ts";
import { TrafficReports, trafficReportsPath } from "../../../src/evidence/traffic-reports.ts";
import { GrpcServer } from "../../../src/grpc/grpc-server.ts";
import { frameMessage } from "../../../src/grpc/message-frames.ts";
import { status } from "../../../src/grpc/status.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { RawClient } from "../grpc/raw-grpc.ts";

interface Written {
  readonly name: string;
  readonly value?: number;
  readonly kind?: "counter" | "gauge" | "histogram";
  readonly temporality?: number;
  /** As they are on the wire: since when, and when. */
  readonly startedAt?: bigint;
  readonly countedAt?: bigint;
}

const part = (field: number, bytes: Uint8Array) => new BinaryWriter().tag(field, 2).bytes(bytes).finish();
const joined = (...parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

function written({
  name,
  value = 1,
  kind = "counter",
  temporality = 2,
  startedAt,
  countedAt = 1n,
}: Written): Uint8Array {
  const named = new BinaryWriter().tag(1, 2).string(name).finish();
  const when = new BinaryWriter().tag(2, 0).int32(temporality).finish();
  if (kind === "histogram") {
    const counts = new BinaryWriter().fork().fixed64(3).fixed64(2).fixed64(value).join().finish();
    const bounds = new BinaryWriter().fork().double(0.5).double(100).join().finish();
    const sum = new BinaryWriter().tag(5, 1).double(250.5).finish();
    const point = joined(
      sum,
      new BinaryWriter().tag(6, 2).finish(),
      counts,
      new BinaryWriter().tag(7, 2).finish(),
      bounds,
    );
    return joined(named, part(9, joined(part(1, point), when)));
  }
  const since = startedAt === undefined ? new Uint8Array() : new BinaryWriter().tag(2, 1).fixed64(startedAt).finish();
  const counted = new BinaryWriter().tag(3, 1).fixed64(countedAt).tag(6, 1).sfixed64(value).finish();
  const point = part(1, joined(since, counted));
  return joined(named, kind === "gauge" ? part(5, point) : part(7, joined(point, when)));
}

function exported(attributes: Readonly<Record<string, string>>, metrics: readonly Written[]): Uint8Array {
  const pairs = Object.entries(attributes).map(([key, value]) =>
    part(
      1,
      joined(
        new BinaryWriter().tag(1, 2).string(key).finish(),
        part(2, new BinaryWriter().tag(1, 2).string(value).finish()),
      ),
    ),
  );
  const scope = joined(...metrics.map((metric) => part(2, written(metric))));
  return part(1, joined(part(1, joined(...pairs)), part(2, scope)));
}

async function serve(
  stack: AsyncDisposableStack,
  given: Partial<ConstructorParameters<typeof TrafficReports>[0]> = {},
) {
  const events: TrafficEvent[] = [];
  const reports = new TrafficReports({ clock: systemClock, emit: (event) => events.push(event), ...given });
  const server = new GrpcServer();
  server.register(trafficReportsPath, (call) => reports.answer(call));
  const port = await server.listen({ host: "127.0.0.1", port: 0 });
  stack.defer(() => server.close({ reason: "the end", spreadMs: 1, graceMs: 0 }));
  const client = stack.use(new RawClient(port));
  const report = (bytes: Uint8Array) => {
    const call = client.call(trafficReportsPath);
    call.stream.end(frameMessage(bytes));
    return call.ended();
  };
  return { events, reports, report };
}

describe("reports of traffic", () => {
  test("are kept by cluster, whatever the cluster is called", async () => {
    await using stack = new AsyncDisposableStack();
    const { reports, report } = await serve(stack);
    const metrics: readonly Written[] = [
      { name: "cluster.shop.eu|canary.upstream_rq_completed", value: 9 },
      { name: "cluster.shop.eu|canary.upstream_rq_5xx", value: 2 },
      { name: "cluster.shop.eu|canary.upstream_rq_time", value: 4, kind: "histogram" },
      { name: "cluster.shop.eu|canary.membership_healthy", value: 3, kind: "gauge" },
      { name: "cluster.shop.eu|canary.membership_total", value: 5, kind: "gauge" },
      { name: "cluster.raw_a.upstream_rq_completed", value: 7 },
      { name: "fairway.rest", value: 1_000 },
    ];
    expect(await report(exported({ "service.instance.id": "edge-1" }, metrics))).toBe(status.OK);
    const [node] = reports.ledger.read(["shop.eu|canary", "raw:a", "absent"]);
    expect(node?.nodeId).toBe("edge-1");
    expect([...(node?.clusters ?? [])]).toEqual([
      [
        "shop.eu|canary",
        {
          completed: 9,
          errors: 2,
          latency: { edgesMs: [0.5, 100], counts: [3, 2, 4], sumMs: 250.5 },
          healthyHosts: 3,
          totalHosts: 5,
        },
      ],
      ["raw:a", { completed: 7, errors: 0, healthyHosts: undefined, totalHosts: undefined }],
    ]);
    expect(reports.reportsCount).toBe(1);
  });

  test("say when they were made and since when, whether that is in nanoseconds or, as Envoy has it, in microseconds", () => {
    const timesOf = (startedAt?: bigint, countedAt?: bigint) => {
      const name = "cluster.a.upstream_rq_completed";
      const gauge: Written = { name: "cluster.a.membership_healthy", kind: "gauge", ...(countedAt && { countedAt }) };
      const counter: Written = { name, ...(startedAt && { startedAt }), ...(countedAt && { countedAt }) };
      const { countedAtMs, startedAtMs } = decodeMetricsExport(exported({}, [gauge, counter]), () => true);
      return [startedAtMs, countedAtMs];
    };
    const countedAt = 1_700_000_009_000_400_000n;
    expect(timesOf(1_700_000_000_123_456n, countedAt)).toEqual([1_700_000_000_123, 1_700_000_009_000]);
    expect(timesOf(1_700_000_000_123_456_789n, countedAt)).toEqual([1_700_000_000_123, 1_700_000_009_000]);
    expect(timesOf(5n)).toEqual([undefined, undefined]);
  });

  test("take the place of the one before, and differences are not counted", async () => {
    await using stack = new AsyncDisposableStack();
    const { reports, report } = await serve(stack);
    const attributes = { "service.instance.id": "edge-1" };
    const [a, b] = ["cluster.a.upstream_rq_completed", "cluster.b.upstream_rq_completed"] as const;
    await report(exported(attributes, [{ name: a }, { name: b }]));
    await report(
      exported(attributes, [
        { name: a, value: 4 },
        { name: b, temporality: 1 },
      ]),
    );
    const [node, ...others] = reports.ledger.read(["a", "b"]);
    expect([...(node?.clusters ?? [])].map(([name, { completed }]) => [name, completed])).toEqual([["a", 4]]);
    expect(others).toEqual([]);
  });

  test("of nobody, or of somebody else, are refused and told once", async () => {
    await using stack = new AsyncDisposableStack();
    const { events, reports, report } = await serve(stack, {
      refusalOf: ({ id, cluster }) => (id === "edge-1" && cluster === "edge" ? "it is not edge-1" : undefined),
    });
    const metrics = [{ name: "cluster.a.upstream_rq_completed" }];
    for (let count = 0; count < 2; count += 1) {
      expect(await report(exported({}, metrics))).toBe(status.INVALID_ARGUMENT);
      const ofAnother = exported({ "service.instance.id": "edge-1", "service.name": "edge" }, metrics);
      expect(await report(ofAnother)).toBe(status.PERMISSION_DENIED);
      expect(await report(Uint8Array.of(10, 9, 1))).toBe(status.INVALID_ARGUMENT);
      expect(await report(exported({ "service.instance.id": "x".repeat(257) }, metrics))).toBe(status.INVALID_ARGUMENT);
    }
    expect(events).toMatchObject([
      { nodeId: "", reason: expect.stringContaining("fairway bootstrap") as string },
      { nodeId: "edge-1", reason: "it is not edge-1" },
      { nodeId: "", reason: expect.stringContaining("ExportMetricsServiceRequest") as string },
      { nodeId: "", reason: expect.stringContaining("at most 256") as string },
    ]);
    expect([reports.reportsCount, reports.ledger.nodesCount]).toEqual([0, 0]);
  });

  test("of more nodes than there is room for are refused, until one is long gone", async () => {
    await using stack = new AsyncDisposableStack();
    let nowMs = 0;
    const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
    const { reports, report } = await serve(stack, { clock, limits: { nodesMax: 1 } });
    expect(await report(exported({ "service.instance.id": "a" }, []))).toBe(status.OK);
    expect(await report(exported({ "service.instance.id": "b" }, []))).toBe(status.RESOURCE_EXHAUSTED);
    nowMs = 3_600_001;
    expect(await report(exported({ "service.instance.id": "b" }, []))).toBe(status.OK);
    expect(reports.ledger.read([])).toEqual([{ nodeId: "b", reportedAtMs: nowMs, clusters: new Map() }]);
  });

  test("of any bytes end in a report or an error, and in nothing else", () => {
    const bytes = fc.uint8Array({ maxLength: 200 });
    const spoiled = fc.tuple(fc.nat(200), fc.nat(255)).map(([at, byte]) => {
      const good = exported({ "service.instance.id": "a" }, [
        { name: "cluster.a.upstream_rq_time", kind: "histogram" },
      ]);
      good[at % good.length] = byte;
      return good;
    });
    fc.assert(
      fc.property(fc.oneof(bytes, spoiled), (message) => {
        try {
          expect(decodeMetricsExport(message, () => true).metrics.length).toBeLessThan(200);
        } catch (cause) {
          expect(cause).toBeInstanceOf(Error);
        }
      }),
    );
  });
});

describe("the ledger of traffic", () => {
  const traffic = { completed: 1, errors: 0, healthyHosts: 1, totalHosts: 1 };
  const clusters = (count: number) => new Map(Array.from({ length: count }, (_, at) => [`c${at}`, traffic] as const));

  test("keeps as many clusters as there is room for, and counts those left out", () => {
    const ledger = new TrafficLedger(systemClock, { partsMax: 3 });
    ledger.record("a", { clusters: clusters(2) });
    ledger.record("b", { clusters: clusters(2) });
    expect(ledger.unlistedCount).toBe(1);
    // What a node said before makes room for what it says now.
    ledger.record("a", { clusters: clusters(1) });
    ledger.record("b", { clusters: clusters(2) });
    expect(ledger.unlistedCount).toBe(1);
    expect(ledger.read(["c0", "c1"]).map(({ nodeId, clusters: read }) => [nodeId, read.size])).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
  });
});
