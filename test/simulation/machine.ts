/**
 * The code under test, handed in, because in mutations.test.ts a mutant takes its place.
 */
import type { createSharedResponses } from "../../src/xds/shared-responses.ts";
import type { createStream } from "../../src/xds/stream-state.ts";
import type { step } from "../../src/xds/stream.ts";

/** The stream machine. */
export interface Machine {
  readonly step: typeof step;
  readonly createStream: typeof createStream;
  readonly createSharedResponses: typeof createSharedResponses;
}
