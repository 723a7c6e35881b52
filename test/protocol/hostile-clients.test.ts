/**
 * Clients that break every rule: each gets a clear status or loses its connection, others notice nothing, and
 * memory stays where it was.
 */
import type { Socket } from "node:net";
import { connect as connectTcp } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DeltaDiscoveryRequest, DiscoveryRequest } from "../../src/gen/envoy/service/discovery/v3/discovery.ts";
import { frameMessage } from "../../src/grpc/message-frames.ts";
import { status } from "../../src/grpc/status.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { systemClock } from "../../src/support/clock.ts";
import { AdsServer } from "../../src/xds/ads-server.ts";
import { discoveryMethods } from "../../src/xds/services.ts";
import { XdsClient } from "../invariants/xds-client.ts";
import { RawClient } from "../stages/grpc/raw-grpc.ts";
import { eventually } from "../support/eventually.ts";
import { memoryGrowth } from "../support/memory-growth.ts";
import { snapshotOf } from "./services-snapshot.ts";

const { cluster, endpoints } = typeUrls;
const pathOf = (typeUrl: string | undefined, variant = "delta") =>
  discoveryMethods.find((method) => method.typeUrl === typeUrl && method.variant === variant)?.path ?? "";
const ADS = pathOf(undefined);
const SOTW_ADS = pathOf(undefined, "sotw");

/** What ten rounds of an attack may leave behind: nothing, but heaps are never measured exactly. */
const GROWTH_BYTES_MAX = 4 * 1024 * 1024;

let server: AdsServer;
let port: number;
let healthy: XdsClient;
let stack: AsyncDisposableStack;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  server = new AdsServer({ clock: systemClock, identifier: "test", earlier: () => [], emit: () => undefined });
  stack.defer(() => server.close());
  port = await server.listen("127.0.0.1:0");
  await publish(1);
  healthy = stack.use(new XdsClient({ port, nodeId: "healthy", acknowledges: true }).ask(cluster));
  await healthy.response(cluster);
});

/** Whatever happened, who was connected before is still served, and so is who comes now. */
afterEach(async () => {
  const before = healthy.of(cluster).length;
  await publish(before + 1);
  await healthy.response(cluster, before);
  const late = stack.use(new XdsClient({ port, nodeId: "late" }).ask(cluster));
  await late.response(cluster);
  await stack.disposeAsync();
});

async function publish(limit: number): Promise<void> {
  const snapshot = snapshotOf({ a: limit });
  const groups = [{ name: snapshot.group, match: {} }];
  await server.publish({ groups, snapshots: new Map([[snapshot.group, snapshot]]) });
}

type Request = Parameters<typeof DeltaDiscoveryRequest.fromPartial>[0];
const requestFrame = (request: Request) =>
  frameMessage(DeltaDiscoveryRequest.encode(DeltaDiscoveryRequest.fromPartial(request)).finish());
const sotwFrame = (request: Parameters<typeof DiscoveryRequest.fromPartial>[0]) =>
  frameMessage(DiscoveryRequest.encode(DiscoveryRequest.fromPartial(request)).finish());
const hello = { node: { id: "hostile" }, typeUrl: endpoints };

/** Sends the frames on a new connection and resolves with the status. */
async function statusOf(path: string, frames: readonly Buffer[]): Promise<number | undefined> {
  using client = new RawClient(port);
  const call = client.call(path);
  for (const frame of frames) call.stream.write(frame);
  return await call.ended();
}

/** A `Struct` that is nested so many times. */
function deepStruct(depth: number): Buffer {
  let bytes = Buffer.alloc(0);
  const field = (number: number, content: Buffer) => {
    const length: number[] = [];
    for (let rest = content.length; ; rest >>>= 7) {
      if (rest < 0x80) {
        length.push(rest);
        break;
      }
      length.push((rest & 0x7f) | 0x80);
    }
    return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), content]);
  };
  // A map entry "k" with a value that is a struct.
  for (let level = 0; level < depth; level += 1) {
    bytes = field(1, Buffer.concat([field(1, Buffer.from("k")), field(2, field(5, bytes))]));
  }
  const node = Buffer.concat([field(1, Buffer.from("hostile")), field(3, bytes)]);
  return frameMessage(Buffer.concat([field(1, node), field(2, Buffer.from(endpoints))]));
}

describe("a message", () => {
  const manyNames = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `name-${from + index}`);
  const metadata = (bytes: number) => ({
    node: { id: "hostile", metadata: { k: "x".repeat(bytes) } },
    typeUrl: endpoints,
  });
  type Row = readonly [title: string, code: number, frames: () => readonly Buffer[]];
  const inDelta: readonly Row[] = [
    ["with a field that is longer than it", status.INTERNAL, () => [frameMessage(Buffer.from([10, 0x7f, 1, 2, 3]))]],
    ["that is no protobuf", status.INTERNAL, () => [frameMessage(Buffer.alloc(1_000, 0xff))]],
    ["that claims 4 GB", status.RESOURCE_EXHAUSTED, () => [Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3])]],
    ["that is compressed garbage", status.UNIMPLEMENTED, () => [Buffer.from([1, 0, 0, 0, 3, 1, 2, 3])]],
    [
      "with a million names",
      status.RESOURCE_EXHAUSTED,
      () => [requestFrame({ ...hello, resourceNamesSubscribe: manyNames(1_000_000) })],
    ],
    [
      "with a million names that it drops",
      status.RESOURCE_EXHAUSTED,
      () => [requestFrame({ ...hello, resourceNamesUnsubscribe: manyNames(1_000_000) })],
    ],
    [
      "with 200,000 versions that it holds",
      status.RESOURCE_EXHAUSTED,
      () => [
        requestFrame({
          ...hello,
          initialResourceVersions: Object.fromEntries(manyNames(200_000).map((name) => [name, "1"])),
        }),
      ],
    ],
    [
      "with some names more, again and again",
      status.RESOURCE_EXHAUSTED,
      () =>
        [0, 1, 2].map((part) => requestFrame({ ...hello, resourceNamesSubscribe: manyNames(50_000, part * 50_000) })),
    ],
    [
      "with a name of a megabyte",
      status.INVALID_ARGUMENT,
      () => [requestFrame({ ...hello, resourceNamesSubscribe: ["n".repeat(1_000_000)] })],
    ],
    ["with huge metadata", status.INVALID_ARGUMENT, () => [requestFrame(metadata(2_000_000))]],
    ["with metadata that is very deep", status.INVALID_ARGUMENT, () => [deepStruct(2_000)]],
  ];
  const inSotw: readonly Row[] = [
    ["that is no protobuf, in SotW", status.INTERNAL, () => [frameMessage(Buffer.alloc(1_000, 0xff))]],
    [
      "with a million names, in SotW",
      status.RESOURCE_EXHAUSTED,
      () => [sotwFrame({ ...hello, resourceNames: manyNames(1_000_000) })],
    ],
  ];
  test.each([...inDelta.map((row) => [...row, ADS] as const), ...inSotw.map((row) => [...row, SOTW_ADS] as const)])(
    "%s ends its stream, and leaves nothing behind",
    async (_, code, frames, path) => {
      const sent = frames();
      expect(await statusOf(path, sent)).toBe(code);
      const growth = await memoryGrowth(async () => void (await statusOf(path, sent)), 3);
      expect(growth).toBeLessThan(GROWTH_BYTES_MAX);
    },
    60_000,
  );

  test("with a long key over many values does not make the key again for each", async () => {
    const inner = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`k${index}`, "v"]));
    const node = { id: "hostile", metadata: { ["x".repeat(900_000)]: inner } };
    using client = new RawClient(port);
    const growth = await memoryGrowth(async () => {
      const call = client.call(ADS);
      call.stream.write(requestFrame({ node, typeUrl: endpoints, resourceNamesSubscribe: ["a"] }));
      await call.received(1);
    }, 3);
    expect(growth).toBeLessThan(4 * GROWTH_BYTES_MAX);
  });
});

/** The bytes of an HTTP/2 frame. */
function http2Frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const preface = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), http2Frame(4, 0, 0, Buffer.alloc(0))]);

/** A connection that writes frames of its own making. */
async function tcp(): Promise<{ readonly socket: Socket; readonly state: { closed: boolean; readBytes: number } }> {
  const socket = connectTcp(port, "127.0.0.1");
  const state = { closed: false, readBytes: 0 };
  socket.on("error", () => undefined);
  socket.on("close", () => (state.closed = true));
  socket.on("data", (piece) => (state.readBytes += piece.length));
  stack.defer(() => void socket.destroy());
  socket.write(preface);
  await eventually("the server's settings", () => state.readBytes > 0);
  return { socket, state };
}

describe("a connection", () => {
  test("that opens streams and resets them at once loses its connection, and leaves nothing behind", async () => {
    const growth = await memoryGrowth(async () => {
      using client = new RawClient(port);
      await eventually("the reset of the connection", () => {
        for (let count = 0; count < 500 && !client.closed; count += 1) client.call(ADS).stream.destroy();
        return client.closed;
      });
    }, 3);
    expect(growth).toBeLessThan(GROWTH_BYTES_MAX);
    await eventually("the streams to be forgotten", () => server.streamsCount === 1);
  });

  test.each([
    ["pings", http2Frame(6, 0, 0, Buffer.alloc(8))],
    ["settings", http2Frame(4, 0, 0, Buffer.alloc(0))],
  ])("that floods the server with %s is answered or closed, and leaves nothing behind", async (_, frame) => {
    const flood = Buffer.concat(Array.from({ length: 20_000 }, () => frame));
    const growth = await memoryGrowth(async () => {
      const { socket, state } = await tcp();
      socket.write(flood);
      await eventually("the answers", () => state.closed || state.readBytes >= flood.length);
      socket.destroy();
    }, 5);
    expect(growth).toBeLessThan(GROWTH_BYTES_MAX);
  });

  test("whose headers never end is closed, and leaves nothing behind", async () => {
    const growth = await memoryGrowth(async () => {
      const { socket, state } = await tcp();
      socket.write(http2Frame(1, 0, 1, Buffer.from([0x82])));
      await eventually("the end of the connection", () => {
        for (let count = 0; count < 50 && !state.closed; count += 1)
          socket.write(http2Frame(9, 0, 1, Buffer.alloc(16_000)));
        return state.closed;
      });
    }, 3);
    expect(growth).toBeLessThan(GROWTH_BYTES_MAX);
  });

  test("may have thousands of streams, as an Envoy without ADS has, and each is served", async () => {
    const client = stack.use(new RawClient(port));
    const calls = Array.from({ length: 3_000 }, () => client.call(pathOf(endpoints)));
    for (const call of calls) call.stream.write(requestFrame({ node: { id: "many" }, resourceNamesSubscribe: ["a"] }));
    await eventually("all answers", () => calls.every(({ messages }) => messages.length === 1), { timeoutMs: 25_000 });
    client.session.destroy();
    await eventually("the streams to be forgotten", () => server.streamsCount === 1);
  });
});
