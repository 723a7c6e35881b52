/**
 * The gRPC server on the wire: what the specification asks of calls, and how calls and connections end.
 */
import { connect as connectTcp } from "node:net";
import { Client, credentials, status as grpcJsStatus } from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "vitest";
import type { CallListener, GrpcCall } from "../../../src/grpc/call.ts";
import type { GrpcServerOptions } from "../../../src/grpc/grpc-server.ts";
import { GrpcServer } from "../../../src/grpc/grpc-server.ts";
import { frameMessage } from "../../../src/grpc/message-frames.ts";
import { status } from "../../../src/grpc/status.ts";
import { eventually, eventuallyValue } from "../../support/eventually.ts";
import type { RawCall } from "./raw-grpc.ts";
import { RawClient } from "./raw-grpc.ts";

const ECHO = "/test.Echo/Echo";
const closing = { reason: "bye", spreadMs: 50, graceMs: 500 };

let stack = new AsyncDisposableStack();
afterEach(async () => {
  await stack.disposeAsync();
  stack = new AsyncDisposableStack();
});

/** What a call of the echo service was told. */
interface Told {
  readonly call: GrpcCall;
  readonly messages: string[];
  readonly cancelled: string[];
  cancelledAtMs?: number;
  /** How often everything had left. */
  drained: number;
}

/** Answers each message with itself, and ends when the client has ended. */
async function serve(options: GrpcServerOptions = {}) {
  const server = new GrpcServer(options);
  const told: Told[] = [];
  server.register(ECHO, (call): CallListener => {
    const mine: Told = { call, messages: [], cancelled: [], drained: 0 };
    told.push(mine);
    return {
      message: (bytes) => {
        const text = bytes.toString();
        if (text === "throw") throw new Error("a secret of the server");
        mine.messages.push(text);
        call.send(frameMessage(bytes));
      },
      halfClosed: () => call.end(status.OK),
      cancelled: (reason) => {
        mine.cancelled.push(reason);
        mine.cancelledAtMs = performance.now();
      },
      drained: () => (mine.drained += 1),
    };
  });
  const port = await server.listen({ host: "127.0.0.1", port: 0 });
  stack.defer(() => server.close(closing));
  const connect = (): RawClient => stack.use(new RawClient(port));
  return { server, port, told, connect };
}

describe("a call", () => {
  test("is sent at once what is due at the same time: the second message does not wait for the first to leave", async () => {
    const { server, connect } = await serve();
    const pair = [frameMessage(Buffer.from("one")), frameMessage(Buffer.from("two"))] as const;
    server.register("/test.Echo/Pair", (call): CallListener => {
      return {
        message: () => call.send(...pair),
        halfClosed: () => call.end(status.OK),
        cancelled: () => undefined,
      };
    });
    const call = connect().call("/test.Echo/Pair");
    const pieces: number[] = [];
    call.stream.on("data", (piece: Buffer) => pieces.push(piece.length));
    call.stream.write(frameMessage(Buffer.from("go")));
    await call.received(2);
    expect(pieces).toEqual([pair[0].length + pair[1].length]);
  });

  test("has its messages in order, whatever DATA frames they came in, and a status after them", async () => {
    const { connect } = await serve();
    const call = connect().call(ECHO);
    const bytes = Buffer.concat(["one", "", "three"].map((text) => frameMessage(Buffer.from(text))));
    call.stream.write(bytes.subarray(0, 7));
    call.stream.end(bytes.subarray(7));
    expect(await call.ended()).toBe(status.OK);
    expect(call.messages.map(String)).toEqual(["one", "", "three"]);
    expect(call.headers).toMatchObject({ ":status": 200, "content-type": "application/grpc" });
  });

  test("is understood by another implementation of gRPC, also with messages longer than any window", async () => {
    const { port } = await serve();
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      "grpc.max_receive_message_length": -1,
      "grpc.max_send_message_length": -1,
    });
    stack.defer(() => client.close());
    const same = (bytes: Buffer) => bytes;
    const call = client.makeBidiStreamRequest(ECHO, same, same);
    const sizes: number[] = [];
    const ended = Promise.withResolvers<number>();
    call.on("data", (bytes: Buffer) => sizes.push(bytes.length));
    call.on("status", ({ code }) => ended.resolve(code));
    for (const size of [3, 3_000_000, 0, 500_000]) call.write(Buffer.alloc(size, 1));
    call.end();
    expect(await ended.promise).toBe(grpcJsStatus.OK);
    expect(sizes).toEqual([3, 3_000_000, 0, 500_000]);
  });

  test("that is ended before anything was sent has a status in its headers", async () => {
    const { connect } = await serve();
    const call = connect().call(ECHO);
    call.stream.end();
    expect(await call.ended()).toBe(status.OK);
    expect(call.headers?.["grpc-status"]).toBe("0");
  });

  test("of an unknown path is UNIMPLEMENTED, and any text survives in the details", async () => {
    const { connect } = await serve();
    const call = connect().call("/test.Echo/Grüße%20\u{1F600}".replaceAll(/[^ -~]/gu, "?"));
    call.stream.end();
    expect(await call.ended()).toBe(status.UNIMPLEMENTED);
    expect(call.details).toContain("/test.Echo/Gr??e%20?");
  });

  test.each([
    ["another content type", { "content-type": "application/json" }, { ":status": 415 }],
    ["gRPC-Web", { "content-type": "application/grpc-web" }, { ":status": 415 }],
    ["another method", { ":method": "PUT" }, { ":status": 405 }],
    ["no te: trailers", { te: undefined }, { ":status": 200, "grpc-status": String(status.INTERNAL) }],
    ["a deadline that is none", { "grpc-timeout": "soon" }, { "grpc-status": String(status.INTERNAL) }],
  ])("with %s is refused", async (_, headers, expected) => {
    const { connect, told } = await serve();
    const call = connect().call(ECHO, { headers });
    await eventually("the answer", () => call.headers !== undefined);
    expect(call.headers).toMatchObject(expected);
    expect(told).toEqual([]);
  });

  test.each(["application/grpc+proto", "application/grpc; charset=utf-8"])("may say %s", async (type) => {
    const { connect } = await serve();
    const call = connect().call(ECHO, { headers: { "content-type": type } });
    call.stream.end(frameMessage(Buffer.from("a")));
    expect(await call.ended()).toBe(status.OK);
  });

  test("with a compressed message is refused, and told what is accepted", async () => {
    const { connect, told } = await serve();
    const call = connect().call(ECHO, { headers: { "grpc-encoding": "gzip" } });
    call.stream.write(Buffer.from([1, 0, 0, 0, 1, 0]));
    expect(await call.ended()).toBe(status.UNIMPLEMENTED);
    expect(call.headers?.["grpc-accept-encoding"]).toBe("identity");
    expect(told[0]?.messages).toEqual([]);
  });

  test("with a message that is too long is refused at its prefix", async () => {
    const { connect, told } = await serve();
    const call = connect().call(ECHO);
    call.stream.write(Buffer.from([0, 0xff, 0xff, 0xff, 0xff]));
    expect(await call.ended()).toBe(status.RESOURCE_EXHAUSTED);
    expect(told[0]?.cancelled).toHaveLength(1);
  });

  test("whose listener throws ends with INTERNAL and without the text, and no other ends", async () => {
    const { connect } = await serve();
    const client = connect();
    const other = client.call(ECHO);
    const call = client.call(ECHO);
    call.stream.write(frameMessage(Buffer.from("throw")));
    expect(await call.ended()).toBe(status.INTERNAL);
    expect(call.details).not.toContain("secret");
    other.stream.end(frameMessage(Buffer.from("fine")));
    expect(await other.ended()).toBe(status.OK);
  });

  test("has the deadline of its client", async () => {
    const { connect, told } = await serve();
    const call = connect().call(ECHO, { headers: { "grpc-timeout": "20m" } });
    expect(await call.ended()).toBe(status.DEADLINE_EXCEEDED);
    expect(told[0]?.cancelled).toEqual(["the deadline has passed"]);
  });

  test("that the client cancels is told so once, and holds nothing any more", async () => {
    const { connect, told } = await serve();
    const call = connect().call(ECHO);
    call.stream.write(frameMessage(Buffer.from("hello")));
    await call.received(1);
    call.stream.destroy();
    await eventually("the cancellation", () => told[0]?.cancelled.length === 1);
    expect(told[0]?.call.bufferedBytes).toBe(0);
  });

  test("that was ended takes no more messages, and its stream goes though the client keeps its side open", async () => {
    const { connect, told } = await serve({ limits: { sweepMs: 5 } });
    const call = connect().call(ECHO);
    call.stream.write(frameMessage(Buffer.from("a")));
    await call.received(1);
    told[0]?.call.end(status.NOT_FOUND, "100 % gone: ä");
    call.stream.write(frameMessage(Buffer.from("b")));
    expect(await call.ended()).toBe(status.NOT_FOUND);
    expect(call.details).toBe("100 % gone: ä");
    await eventually("the end of the stream", () => call.closed);
    expect(told[0]).toMatchObject({ messages: ["a"], cancelled: [] });
  });
});

describe("a client", () => {
  test("that stops reading is not listened to, is cut off, and delays no other", async () => {
    const limits = { sweepMs: 10, writeSweepsMax: 10, inFlightBytesMax: 256 * 1024 };
    const { server, connect, told } = await serve({ limits });
    const deaf = Array.from({ length: 20 }, () => connect().call(ECHO, { reads: false }));
    for (const call of deaf) call.stream.write(frameMessage(Buffer.alloc(1_000_000, 1)));
    const healthy = connect().call(ECHO);
    healthy.stream.end(frameMessage(Buffer.alloc(2_000_000, 2)));
    expect(await healthy.ended()).toBe(status.OK);
    expect(healthy.messages[0]?.length).toBe(2_000_000);
    await eventually("the deaf ones to be cut off", () => deaf.every(({ closed }) => closed));
    expect(told.filter(({ cancelled }) => cancelled[0] === "the client has stopped reading")).toHaveLength(20);
    expect(server.inFlightBytes).toBe(0);
  });

  test("that reads again is told to the side that answers once everything has left, and not before", async () => {
    const { connect, told } = await serve();
    const slow = connect().call(ECHO, { reads: false });
    slow.stream.write(frameMessage(Buffer.alloc(4_000_000, 1)));
    await eventually("what does not fit to wait", () => (told[0]?.call.bufferedBytes ?? 0) > 1_000_000);
    const healthy = connect().call(ECHO);
    healthy.stream.end(frameMessage(Buffer.from("hello")));
    expect(await healthy.ended()).toBe(status.OK);
    expect(told[0]?.drained).toBe(0);
    slow.stream.resume();
    await eventually("the news", () => told[0]?.drained === 1);
    expect(told[0]?.call.bufferedBytes).toBe(0);
  });

  test("that opens a call and says nothing, or half a message, is ended", async () => {
    const { connect } = await serve({ limits: { sweepMs: 5, firstMessageSweepsMax: 4 } });
    const client = connect();
    const silent = client.call(ECHO);
    const half = client.call(ECHO);
    half.stream.write(frameMessage(Buffer.from("whole")));
    half.stream.write(frameMessage(Buffer.from("half")).subarray(0, 7));
    expect(await silent.ended()).toBe(status.DEADLINE_EXCEEDED);
    expect(await half.ended()).toBe(status.DEADLINE_EXCEEDED);
  });

  test("cannot hold more of unfinished messages than there is for all", async () => {
    const { connect } = await serve({ limits: { receivingBytesMax: 1_000_000 } });
    const calls = Array.from({ length: 4 }, () => connect().call(ECHO));
    for (const call of calls) call.stream.write(frameMessage(Buffer.alloc(900_000)).subarray(0, 500_000));
    await eventually("a refusal", () => calls.some(({ status: code }) => code === status.RESOURCE_EXHAUSTED));
    expect(calls.some(({ closed }) => !closed)).toBe(true);
  });
});

describe("a connection", () => {
  test("is pinged when it is silent, stays while it answers, and is closed when it does not", async () => {
    const { server, port, connect } = await serve({ limits: { sweepMs: 5, pingSweeps: 2, pongSweepsMax: 4 } });
    const client = connect();
    let pings = 0;
    client.session.on("ping", () => (pings += 1));
    await eventually("pings", () => pings > 4);
    expect(server.connectionsCount).toBe(1);
    const dead = connectTcp(port, "127.0.0.1");
    stack.defer(() => void dead.destroy());
    let closed = false;
    dead.on("close", () => (closed = true));
    const emptySettings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    dead.write(Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), emptySettings]));
    dead.resume();
    await eventually("the dead connection to be closed", () => closed);
    expect(server.connectionsCount).toBe(1);
  });

  test("without a call is told to go, and so is one that has its age; its calls end as UNAVAILABLE", async () => {
    const idle = await serve({ limits: { sweepMs: 5, idleSweepsMax: 3 } });
    const client = idle.connect();
    await eventually("the idle connection to go", () => client.closed);
    const aged = await serve({ limits: { sweepMs: 5 }, connectionAgeMsMax: 50, random: () => 0.5 });
    const old = aged.connect();
    const call = old.call(ECHO);
    call.stream.write(frameMessage(Buffer.from("a")));
    expect(await call.ended()).toBe(status.UNAVAILABLE);
    expect(call.messages.map(String)).toEqual(["a"]);
    await eventually("the old connection to go", () => old.closed);
    expect(old.goaways).toBeGreaterThan(0);
  });

  test("goes up to a tenth of its age earlier or later than others, so that those of one age do not go at once", async () => {
    const ageMs = 500;
    // The first to come is the last to go. Its own sweeps count the age, and there is one a millisecond at most.
    const randoms = [0.999, 0.5, 0];
    const random = () => randoms.shift() ?? 0;
    const { told, connect } = await serve({ limits: { sweepMs: 1 }, connectionAgeMsMax: ageMs, random });
    const startedMs = performance.now();
    const calls: RawCall[] = [];
    for (let count = 1; count <= 3; count += 1) {
      const call = connect().call(ECHO);
      call.stream.write(frameMessage(Buffer.from("a")));
      await call.received(1);
      calls.push(call);
    }
    await Promise.all(calls.map((call) => call.ended()));
    const [late = 0, medium = 0, early = 0] = told.map(({ cancelledAtMs = 0 }) => cancelledAtMs - startedMs);
    expect([early, medium, late].toSorted((a, b) => a - b)).toEqual([early, medium, late]);
    expect(early).toBeGreaterThanOrEqual(0.89 * ageMs);
    expect(late).toBeGreaterThanOrEqual(1.08 * ageMs);
  });
});

test("closing ends the calls of a few connections at a time, over the time that it is given", async () => {
  const { server, told, connect } = await serve();
  for (let count = 0; count < 40; count += 1)
    connect()
      .call(ECHO)
      .stream.write(frameMessage(Buffer.from("a")));
  await eventually("all of them", () => told.length === 40);
  const closed = server.close({ ...closing, spreadMs: 10 });
  expect(told.filter(({ cancelled }) => cancelled.length > 0)).toHaveLength(4);
  await closed;
  // Nine waits of a millisecond, which timers may cut a little.
  const times = told.map(({ cancelledAtMs = 0 }) => cancelledAtMs);
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(5);
});

test("closing ends every call with UNAVAILABLE and its reason, and takes no new connection", async () => {
  const { server, port, told, connect } = await serve();
  const calls = Array.from({ length: 20 }, () => connect().call(ECHO));
  for (const call of calls) call.stream.write(frameMessage(Buffer.from("a")));
  await eventually("all of them", () => told.length === 20);
  await server.close(closing);
  expect(await Promise.all(calls.map((call) => call.ended()))).toEqual(calls.map(() => status.UNAVAILABLE));
  expect(calls.map(({ details }) => details)).toEqual(calls.map(() => "bye"));
  expect(told.flatMap(({ cancelled }) => cancelled)).toEqual(calls.map(() => "bye"));
  const late = stack.use(new RawClient(port));
  await eventuallyValue("the refusal", () => (late.closed ? true : undefined));
});
