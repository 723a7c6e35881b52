/**
 * Who may tell of single requests, what is counted of them, and what becomes of too many.
 */
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeAccessMessage } from "../../../src/evidence/access-entries.ts";
import { RouteLedger } from "../../../src/evidence/route-ledger.ts";
import { RouteReports, routeReportsPath } from "../../../src/evidence/route-reports.ts";
import type { RouteTally } from "../../../src/evidence/route-view.ts";
import type { TrafficEvent } from "../../../src/evidence/traffic-event.ts";
import { GrpcServer } from "../../../src/grpc/grpc-server.ts";
import { frameMessage } from "../../../src/grpc/message-frames.ts";
import { status } from "../../../src/grpc/status.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { eventually } from "../../support/eventually.ts";
import { RawClient } from "../grpc/raw-grpc.ts";

interface Entry {
  readonly route?: string;
  readonly cluster?: string;
  readonly status?: number;
  readonly ms?: number;
  readonly isOpen?: boolean;
}

const part = (field: number, bytes: Uint8Array) => new BinaryWriter().tag(field, 2).bytes(bytes).finish();
const text = (field: number, value: string) => new BinaryWriter().tag(field, 2).string(value).finish();
const number = (field: number, value: number) => new BinaryWriter().tag(field, 0).int64(value).finish();
const joined = (...parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

/** As Envoy writes it, with some of what is skipped. */
function entry({ route = "shop/main", cluster = "shop|canary", status: code = 200, ms = 5, isOpen }: Entry) {
  const duration = joined(number(1, Math.floor(ms / 1_000)), number(2, (ms % 1_000) * 1_000_000));
  const common = joined(
    part(2, part(1, text(2, "10.0.0.7"))),
    text(15, cluster),
    text(19, route),
    part(23, duration),
    ...(isOpen === undefined ? [] : [number(27, 1)]),
  );
  const request = text(4, "/checkout?card=1234");
  return joined(part(1, common), part(3, request), part(4, part(1, number(1, code))));
}

function message(entries: readonly Entry[], node?: string, logName = "fairway"): Uint8Array {
  const identifier = node === undefined ? [] : [part(1, joined(part(1, text(1, node)), text(2, logName)))];
  return joined(...identifier, part(2, joined(...entries.map((each) => part(1, entry(each))))));
}

const watched = [
  { cluster: "shop|canary", routes: new Set(["shop/main", "shop/pay"]), slowerThanMs: 300 },
  { cluster: "shop|stable", routes: new Set(["shop/main", "shop/pay"]), slowerThanMs: 300 },
];

type Tallies = Readonly<Record<string, Readonly<Record<string, RouteTally>>>>;

function talliesOf(ledger: RouteLedger): Tallies {
  const [source] = ledger.readRoutes(["shop|canary", "shop|stable"]);
  return Object.fromEntries([...(source?.clusters ?? [])].map(([name, routes]) => [name, Object.fromEntries(routes)]));
}

async function serve(stack: AsyncDisposableStack, given: Partial<ConstructorParameters<typeof RouteReports>[0]> = {}) {
  const events: TrafficEvent[] = [];
  const reports = new RouteReports({ clock: systemClock, id: "one", emit: (event) => events.push(event), ...given });
  const server = new GrpcServer();
  server.register(routeReportsPath, (call) => reports.answer(call));
  const port = await server.listen({ host: "127.0.0.1", port: 0 });
  stack.defer(() => server.close({ reason: "the end", spreadMs: 1, graceMs: 0 }));
  const client = stack.use(new RawClient(port));
  const open = () => client.call(routeReportsPath);
  return { events, reports, open };
}

describe("reports of requests", () => {
  test("are counted by route and version, from a stream that says once who it is", async () => {
    await using stack = new AsyncDisposableStack();
    const { reports, open } = await serve(stack);
    reports.ledger.watch(watched);
    const call = open();
    call.stream.write(frameMessage(message([{ status: 503 }, { cluster: "shop|stable" }], "edge-1")));
    call.stream.end(
      frameMessage(
        message([
          { route: "shop/pay", ms: 301 },
          { route: "shop/pay", ms: 300 },
        ]),
      ),
    );
    expect(await call.ended()).toBe(status.OK);
    expect(talliesOf(reports.ledger)).toEqual({
      "shop|canary": {
        "shop/main": { requests: 1, errors: 1, slow: 0 },
        // One that was told because it is slow, and one of the sample, which stands for ten.
        "shop/pay": { requests: 11, errors: 0, slow: 1 },
      },
      "shop|stable": { "shop/main": { requests: 10, errors: 0, slow: 0 } },
    });
    expect([reports.entriesCount, reports.streamsCount, reports.leftOutCount]).toEqual([4, 0, 0]);
  });

  test("of nobody, of somebody else, of another log, or of too many are refused and told once", async () => {
    await using stack = new AsyncDisposableStack();
    const { events, reports, open } = await serve(stack, {
      streamsMax: 1,
      refusalOf: ({ id }) => (id === "edge-2" ? "it is not edge-2" : undefined),
    });
    const refused = (bytes: Uint8Array) => {
      const call = open();
      call.stream.write(frameMessage(bytes));
      return call.ended();
    };
    for (let count = 0; count < 2; count += 1) {
      expect(await refused(message([]))).toBe(status.INVALID_ARGUMENT);
      expect(await refused(message([], "", "fairway"))).toBe(status.INVALID_ARGUMENT);
      expect(await refused(message([], "edge-1", "other"))).toBe(status.INVALID_ARGUMENT);
      expect(await refused(message([], "edge-2"))).toBe(status.PERMISSION_DENIED);
      expect(await refused(Uint8Array.of(10, 9, 1))).toBe(status.INVALID_ARGUMENT);
    }
    const first = open();
    first.stream.write(frameMessage(message([], "edge-1")));
    await eventually("the first stream", () => reports.streamsCount === 1);
    expect(await refused(message([], "edge-3"))).toBe(status.RESOURCE_EXHAUSTED);
    first.stream.close();
    await eventually("its end", () => reports.streamsCount === 0);
    expect(events.map(({ nodeId, reason }) => [nodeId, reason])).toEqual([
      ["", expect.stringContaining("routeReports")],
      ["", expect.stringContaining("node")],
      ["edge-2", "it is not edge-2"],
      ["", expect.stringContaining("StreamAccessLogsMessage")],
      ["edge-3", expect.stringContaining("at most 1")],
    ]);
    expect(reports.entriesCount).toBe(0);
  });

  test("beyond what is read in a second are left out, and those that nobody asks for are not read", async () => {
    await using stack = new AsyncDisposableStack();
    let nowMs = 0;
    const bytes = message([{}]);
    const clock = { ...systemClock, monotonicMs: () => nowMs };
    const { reports, open } = await serve(stack, { clock, bytesPerSecondMax: bytes.length * 2 });
    const call = open();
    call.stream.write(frameMessage(message([], "edge-1")));
    call.stream.write(frameMessage(Uint8Array.of(1, 2, 3)));
    await eventually("the stream", () => reports.streamsCount === 1);
    reports.ledger.watch(watched);
    for (let count = 0; count < 5; count += 1) call.stream.write(frameMessage(bytes));
    await eventually("what is too much", () => reports.leftOutCount === 3);
    nowMs = 1_000;
    call.stream.end(frameMessage(bytes));
    expect(await call.ended()).toBe(status.OK);
    expect([reports.entriesCount, reports.leftOutCount]).toEqual([3, 3]);
  });

  test("of any bytes end in entries or an error, and in nothing else", () => {
    const spoiled = fc.tuple(fc.nat(400), fc.nat(255)).map(([at, byte]) => {
      const good = message([{}, { isOpen: true }], "edge-1");
      good[at % good.length] = byte;
      return good;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), spoiled), (bytes) => {
        try {
          expect(decodeAccessMessage(bytes).entries.length).toBeLessThan(200);
        } catch (cause) {
          expect(cause).toBeInstanceOf(Error);
        }
      }),
    );
  });
});

describe("the ledger of requests", () => {
  const entries = (of: readonly Entry[]) => decodeAccessMessage(message(of)).entries;

  test("counts ended requests of watched clusters and routes, and nothing else", () => {
    const ledger = new RouteLedger("one");
    ledger.record(entries([{}]));
    ledger.watch(watched);
    const others = [{ cluster: "other" }, { cluster: "" }, { route: "shop/unknown" }, { isOpen: true }];
    ledger.record(entries([{ status: 500, ms: 900 }, { status: 499 }, ...others]));
    expect(talliesOf(ledger)).toEqual({
      "shop|canary": { "shop/main": { requests: 11, errors: 1, slow: 1 } },
      "shop|stable": {},
    });
  });

  test("goes on counting while it is watched, and forgets it then", () => {
    const ledger = new RouteLedger("one");
    ledger.watch(watched);
    ledger.record(entries([{ status: 500 }]));
    ledger.watch([...watched, { cluster: "new", routes: new Set() }]);
    expect(talliesOf(ledger)["shop|canary"]).toEqual({ "shop/main": { requests: 1, errors: 1, slow: 0 } });
    expect(ledger.isWatching).toBe(true);
    ledger.watch([]);
    ledger.watch(watched);
    expect(talliesOf(ledger)).toEqual({ "shop|canary": {}, "shop|stable": {} });
  });

  test("takes what another rollout has Envoys tell for one request, and not for ten", () => {
    const ledger = new RouteLedger("one");
    ledger.watch([...watched, { cluster: "quick", routes: new Set(["q"]), slowerThanMs: 50 }]);
    ledger.record(entries([{ ms: 51 }, { ms: 50 }]));
    expect(talliesOf(ledger)["shop|canary"]).toEqual({ "shop/main": { requests: 11, errors: 0, slow: 0 } });
  });
});
