/** How often a rollout of many Envoys is looked at, because each look is a write of where all of them stand. */
import { expect, test } from "vitest";
import { played, report } from "../../support/played-rollout.ts";

const plan = { steps: [{ weight: 20, hold: "200s", minRequests: 100 }], gates: { successRate: { objective: 99 } } };

test.each([
  [10, 20],
  [1_000, 10],
  [4_000, 4],
])("of %i Envoys, %i times in twenty seconds", (envoysCount, looksCount) => {
  const envoys = Array.from({ length: envoysCount }, (_, index) => `edge-${index}`);
  const rollout = played(plan, envoys);
  let completed = 0;
  const tell = () => {
    completed += 1;
    for (const envoy of envoys) rollout.traffic(envoy, report(completed, 0));
  };
  rollout.until("measuring", tell);
  // The first look has where each of them stands.
  for (let seconds = 0; seconds < 5; seconds += 1) rollout.tick(tell);
  const looks = new Set<number | undefined>();
  for (let seconds = 0; seconds < 20; seconds += 1) {
    rollout.tick(tell);
    looks.add(rollout.record.lookedAtMs);
  }
  expect(looks.size).toBeGreaterThanOrEqual(looksCount);
  expect(looks.size).toBeLessThanOrEqual(looksCount + 1);
});
