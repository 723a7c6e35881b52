/**
 * Messages out of bytes that were cut anywhere.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createReadState, frameMessage, frameParts, readMessages } from "../../../src/grpc/message-frames.ts";

const MAX = 1_000;

/** Reads the pieces one after the other, up to a refusal. */
function readAll(pieces: readonly Buffer[], bytesMax = MAX) {
  const state = createReadState();
  const messages: string[] = [];
  for (const piece of pieces) {
    const outcome = readMessages(state, piece, bytesMax);
    messages.push(...outcome.messages.map((message) => message.toString("latin1")));
    if (outcome.refusal !== undefined) return { messages, refusal: outcome.refusal, state };
  }
  return { messages, refusal: undefined, state };
}

function cut(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
}

describe("messages", () => {
  test("are the same wherever the bytes are cut", () => {
    const message = fc.string({ unit: "binary-ascii", maxLength: 300 });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 30 }), (messages, places) => {
        const bytes = Buffer.concat(messages.map((text) => frameMessage(Buffer.from(text, "latin1"))));
        expect(readAll(cut(bytes, places))).toMatchObject({ messages, refusal: undefined });
      }),
      { numRuns: 500 },
    );
  });

  test("are the same when they come byte by byte", () => {
    const bytes = Buffer.concat([
      frameMessage(Buffer.from("first")),
      frameMessage(Buffer.alloc(0)),
      frameMessage(Buffer.from("x".repeat(900))),
    ]);
    const pieces = [...bytes].map((byte) => Buffer.from([byte]));
    expect(readAll(pieces).messages).toEqual(["first", "", "x".repeat(900)]);
  });

  test("end where anything wrong begins, however it is cut", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.array(fc.nat(), { maxLength: 10 }), (noise, places) => {
        const whole = readAll([Buffer.from(noise)]);
        const pieces = readAll(cut(Buffer.from(noise), places));
        expect(pieces).toMatchObject({ messages: whole.messages, refusal: whole.refusal });
      }),
      { numRuns: 500 },
    );
  });
});

describe("a refusal", () => {
  const prefix = (flag: number, length: number) => {
    const bytes = Buffer.alloc(5);
    bytes[0] = flag;
    bytes.writeUInt32BE(length, 1);
    return bytes;
  };

  test("of a length comes with the prefix, before anything of the message", () => {
    expect(readAll([prefix(0, MAX + 1)])).toMatchObject({ refusal: "too-long" });
    expect(readAll([prefix(0, 0xff_ff_ff_ff)])).toMatchObject({ refusal: "too-long" });
    expect(readAll([prefix(0, MAX)])).toMatchObject({ refusal: undefined });
  });

  test("tells what is compressed from what is no message at all", () => {
    expect(readAll([prefix(1, 3)])).toMatchObject({ refusal: "compressed" });
    expect(readAll([prefix(0x50, 3)])).toMatchObject({ refusal: "malformed" });
  });

  test("leaves the messages before it", () => {
    expect(readAll([Buffer.concat([frameMessage(Buffer.from("good")), prefix(1, 3)])])).toMatchObject({
      messages: ["good"],
      refusal: "compressed",
    });
  });
});

test("room is made for what has come, not for what was promised", () => {
  const bytesMax = 1_000_000;
  const bytes = frameMessage(Buffer.alloc(bytesMax, 1));
  const { state } = readAll([bytes.subarray(0, 105)], bytesMax);
  expect(state.room?.length).toBeLessThan(10_000);
});

test("a frame of parts is the frame of the whole", () => {
  expect(frameParts([Buffer.from("ab"), Buffer.alloc(0), Buffer.from("c")])).toEqual(frameMessage(Buffer.from("abc")));
});
