/**
 * A server without rollouts, for tests of everything else.
 */
import type { RolloutViews } from "../../src/rollout/rollout-views.ts";
import { err } from "../../src/support/result.ts";

const unavailable = async () => err({ kind: "unavailable" as const, message: "a test" });

export const noRollouts: RolloutViews = {
  rollouts: () => [],
  rollout: async () => undefined,
  rolloutHistory: async () => [],
  planRollout: unavailable,
  startRollout: unavailable,
  actOnRollout: unavailable,
  lockOf: () => undefined,
  lockRollouts: unavailable,
};
