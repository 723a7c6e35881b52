/**
 * A rollout's record, and a lock, as bytes in the state store.
 */
import { z } from "zod";
import type { RolloutLock, RolloutRecord } from "./rollout-record.ts";

/** What the engine cannot do without; the rest is as it was written, and a newer Fairway may say more. */
const recordSchema = z.looseObject({
  id: z.string(),
  number: z.int(),
  target: z.string(),
  plan: z.looseObject({ split: z.string(), canary: z.string(), baseline: z.string(), steps: z.array(z.unknown()) }),
  phase: z.looseObject({
    kind: z.enum([
      "preflight",
      "converging",
      "settling",
      "measuring",
      "awaiting-approval",
      "calling-webhook",
      "paused",
      "rolling-back",
      "promoting",
      "done",
    ]),
    sinceMs: z.number(),
  }),
  stepIndex: z.int(),
  steps: z.array(z.unknown()),
  marks: z.record(z.string(), z.unknown()),
  splitNumber: z.int(),
});

const lockSchema = z.object({ owner: z.string(), reason: z.string().optional(), endsAtMs: z.number() });

export function writeRollout(record: RolloutRecord): Uint8Array {
  return Buffer.from(JSON.stringify(record));
}

/** Undefined when it is none. */
export function readRollout(bytes: Uint8Array): RolloutRecord | undefined {
  const read = recordSchema.safeParse(parsed(bytes));
  return read.success ? (read.data as unknown as RolloutRecord) : undefined;
}

export function writeLock(lock: RolloutLock): Uint8Array {
  return Buffer.from(JSON.stringify(lock));
}

/** Undefined when it is none. */
export function readLock(bytes: Uint8Array): RolloutLock | undefined {
  const read = lockSchema.safeParse(parsed(bytes));
  return read.success ? read.data : undefined;
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}
