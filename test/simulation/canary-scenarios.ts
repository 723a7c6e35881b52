/**
 * The worlds in which the verdict's promises are held, and which `npm run sim:verdict` prints as a table.
 */
import type { TrafficScenario } from "./canary-traffic.ts";

const incident = { fromLook: 27, toLook: 33, factor: 20 };

/** Both versions are the same: whoever fails the canary is wrong. */
export const alike: Readonly<Record<string, TrafficScenario>> = {
  "0.1 % errors, 100 requests a second": { requestsPerSecond: 100, badShare: 0.001 },
  "1 % errors": { requestsPerSecond: 100, badShare: 0.01 },
  "20 % errors": { requestsPerSecond: 100, badShare: 0.2 },
  "0.1 % errors, an incident of a minute that hits both": { requestsPerSecond: 100, badShare: 0.001, incident },
  "1 % errors, an incident of a minute that hits both": { requestsPerSecond: 100, badShare: 0.01, incident },
  "0.1 % errors, 5 requests a second": { requestsPerSecond: 5, badShare: 0.001 },
  "1 % errors in bursts of 5": { requestsPerSecond: 100, badShare: 0.01, burst: 5 },
  "0.1 % errors in bursts of 5": { requestsPerSecond: 100, badShare: 0.001, burst: 5 },
  "0.01 % errors in bursts of 5": { requestsPerSecond: 100, badShare: 0.0001, burst: 5 },
};

/** The canary is worse: whoever does not fail it lets it through. */
export const worse: Readonly<Record<string, TrafficScenario>> = {
  "50 % errors, where there were 0.1 %": { requestsPerSecond: 100, badShare: 0.001, ratio: 500 },
  "the same with 5 requests a second": { requestsPerSecond: 5, badShare: 0.001, ratio: 500 },
  "5 times 1 %": { requestsPerSecond: 100, badShare: 0.01, ratio: 5 },
  "5 times 1 % in bursts of 5": { requestsPerSecond: 100, badShare: 0.01, ratio: 5, burst: 5 },
  "twice 1 %": { requestsPerSecond: 100, badShare: 0.01, ratio: 2 },
  "3 times 0.1 %": { requestsPerSecond: 100, badShare: 0.001, ratio: 3 },
  "3 times 0.1 %, 1,000 requests a second": { requestsPerSecond: 1_000, badShare: 0.001, ratio: 3 },
  "10 times 0.1 %": { requestsPerSecond: 100, badShare: 0.001, ratio: 10 },
};
