/**
 * What is written when: chunks, back pressure, the budget of all calls, and readers that take nothing.
 */
import { describe, expect, test } from "vitest";
import { ByteBudget } from "../../../src/grpc/byte-budget.ts";
import { CHUNK_BYTES, SMALL_BYTES_MAX } from "../../../src/grpc/limits.ts";
import { Outbox } from "../../../src/grpc/outbox.ts";

const YIELD_SWEEPS = 2;

/** A call whose client takes a chunk when the test says so. */
class Call {
  readonly written: Buffer[] = [];
  emptied = 0;
  readonly outbox: Outbox;
  readonly #taken: (() => void)[] = [];

  constructor(budget: ByteBudget) {
    this.outbox = new Outbox({
      budget,
      write: (chunk, written) => {
        this.written.push(chunk);
        this.#taken.push(written);
      },
      emptied: () => (this.emptied += 1),
    });
  }

  /** The client takes the oldest chunk; false when there is none. */
  take(): boolean {
    const taken = this.#taken.shift();
    taken?.();
    return taken !== undefined;
  }

  takeAll(): void {
    while (this.take());
  }

  get bytes(): Buffer {
    return Buffer.concat(this.written);
  }
}

const large = (chunks: number) => Buffer.alloc(chunks * CHUNK_BYTES, 7);

describe("a call", () => {
  test("writes small frames at once, without a copy", () => {
    const call = new Call(new ByteBudget(1_000));
    const frames = [Buffer.from("one"), Buffer.from("two")];
    for (const frame of frames) call.outbox.push(frame);
    expect(call.written[0]).toBe(frames[0]);
    expect(call.written[1]).toBe(frames[1]);
    call.takeAll();
    expect(call.outbox.bufferedBytes).toBe(0);
    expect(call.emptied).toBe(1);
  });

  test("has at most two chunks with the socket, and sends every byte in order", () => {
    const call = new Call(new ByteBudget(10 * CHUNK_BYTES));
    const frames = [Buffer.from("before"), large(3), Buffer.from("between"), large(2)];
    for (const frame of frames) call.outbox.push(frame);
    expect(call.bytes.length).toBeLessThanOrEqual(2 * CHUNK_BYTES);
    expect(call.outbox.bufferedBytes).toBe(Buffer.concat(frames).length);
    call.takeAll();
    expect(call.bytes.equals(Buffer.concat(frames))).toBe(true);
    expect(call.outbox.bufferedBytes).toBe(0);
  });

  test("holds nothing once it is closed", () => {
    const budget = new ByteBudget(10 * CHUNK_BYTES);
    const call = new Call(budget);
    call.outbox.push(large(5));
    call.outbox.close();
    expect([budget.takenBytes, call.outbox.bufferedBytes]).toEqual([0, 0]);
    call.takeAll();
    expect(call.written).toHaveLength(1);
    expect(budget.takenBytes).toBe(0);
  });
});

describe("all calls together", () => {
  test("have no more with the sockets than the budget, and all get their turn", () => {
    const budget = new ByteBudget(3 * CHUNK_BYTES);
    const calls = Array.from({ length: 10 }, () => new Call(budget));
    for (const call of calls) call.outbox.push(large(4));
    for (let round = 0; round < 8; round += 1) {
      for (const call of calls) call.take();
      expect(budget.takenBytes).toBeLessThanOrEqual(3 * CHUNK_BYTES);
      const counts = calls.map(({ written }) => written.length);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(2);
    }
    for (const call of calls) call.takeAll();
    for (const call of calls) call.takeAll();
    expect(calls.map(({ bytes }) => bytes.length)).toEqual(calls.map(() => 4 * CHUNK_BYTES));
    expect(budget.takenBytes).toBe(0);
  });

  test("let small frames pass when the budget is spent", () => {
    const budget = new ByteBudget(CHUNK_BYTES);
    new Call(budget).outbox.push(large(2));
    const other = new Call(budget);
    other.outbox.push(Buffer.alloc(SMALL_BYTES_MAX));
    expect(other.written).toHaveLength(1);
    other.outbox.push(large(1));
    expect(other.written).toHaveLength(1);
  });

  test("get back what a reader holds that takes nothing", () => {
    const budget = new ByteBudget(2 * CHUNK_BYTES);
    const dead = Array.from({ length: 2 }, () => new Call(budget));
    for (const call of dead) call.outbox.push(large(2));
    const healthy = new Call(budget);
    healthy.outbox.push(large(2));
    expect(healthy.written).toEqual([]);
    for (let sweep = 0; sweep < YIELD_SWEEPS; sweep += 1) for (const call of dead) call.outbox.sweep(YIELD_SWEEPS);
    healthy.takeAll();
    expect(healthy.bytes.length).toBe(2 * CHUNK_BYTES);
  });

  test("give nothing back twice", () => {
    const budget = new ByteBudget(2 * CHUNK_BYTES);
    const slow = new Call(budget);
    slow.outbox.push(large(3));
    for (let sweep = 0; sweep < YIELD_SWEEPS; sweep += 1) slow.outbox.sweep(YIELD_SWEEPS);
    expect(budget.takenBytes).toBe(0);
    slow.take();
    expect(budget.takenBytes).toBe(CHUNK_BYTES);
    slow.takeAll();
    slow.outbox.close();
    expect(budget.takenBytes).toBe(0);
  });
});

test("a sweep counts from the last thing that the client took", () => {
  const call = new Call(new ByteBudget(10 * CHUNK_BYTES));
  expect(call.outbox.sweep(YIELD_SWEEPS)).toBe(0);
  call.outbox.push(large(3));
  expect([1, 2, 3].map(() => call.outbox.sweep(YIELD_SWEEPS))).toEqual([1, 2, 3]);
  call.take();
  expect(call.outbox.sweep(YIELD_SWEEPS)).toBe(1);
  call.takeAll();
  expect(call.outbox.sweep(YIELD_SWEEPS)).toBe(0);
});
