/**
 * Warnings about retries that do not fit into the time that the request has.
 *
 * Envoy's request timeout covers all tries together; `attempts` are the tries after the first. The waits
 * between tries come on top and are not counted here, so what is told is certain.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Retry, Timeouts } from "../model/intent-policy.ts";
import type { Intent } from "../model/intent.ts";
import { duration } from "./duration.ts";
import { effectivePart, policySites } from "./effective-policy.ts";
import { tryLimitMs } from "./retry-policy.ts";
import { defaultRequestTimeoutMs } from "./route-action.ts";

/** The rules of all routes, on every gateway whose policies make a difference; one cause is told once. */
export function lintRetries({ routes, gateways }: Pick<Intent, "routes" | "gateways">): readonly Diagnostic[] {
  const found = new Map<string, Diagnostic>();
  const sitesOf = policySites(gateways);
  for (const route of routes) {
    const sites = sitesOf(route);
    for (const rule of route.rules) {
      for (const site of sites) {
        const retry = effectivePart("retry", site, route, rule)?.value;
        if (retry === undefined) continue;
        const timeouts = effectivePart("timeouts", site, route, rule)?.value;
        const problem = lintRetry(retry, timeouts);
        if (problem === undefined) continue;
        const { file, line, column } = retry.at;
        found.set(`${file}:${line}:${column} ${problem.message}`, {
          severity: "warning",
          at: retry.at,
          ...problem,
          ...(timeouts?.requestMs === undefined
            ? {}
            : { related: { at: timeouts.at, message: "the request timeout is written here" } }),
        });
      }
    }
  }
  return [...found.values()];
}

function lintRetry(
  retry: Retry,
  timeouts: Timeouts | undefined,
): Pick<Diagnostic, "code" | "message" | "hint"> | undefined {
  const requestMs = timeouts?.requestMs ?? defaultRequestTimeoutMs;
  const perTryTimeoutMs = tryLimitMs(retry, timeouts);
  if (perTryTimeoutMs === undefined) {
    return requestMs === 0 && retry.on.some((word) => !beforeAnswer.has(word)) ? endlessTry(timeouts) : undefined;
  }
  if (requestMs === 0) return undefined;
  const whole = `${duration(requestMs)}${timeouts?.requestMs === undefined ? ", the default" : ""}`;
  if (perTryTimeoutMs >= requestMs) {
    return {
      code: "retries-exceed-timeout",
      message: `perTryTimeout ${duration(perTryTimeoutMs)} is not below the request timeout (${whole}): a slow try is never tried again, the request ends first`,
      hint: `write a perTryTimeout below ${duration(requestMs / (retry.attempts + 1))}, or a longer \`timeouts.request\``,
    };
  }
  const tries = retry.attempts + 1;
  const neededMs = tries * perTryTimeoutMs;
  if (neededMs <= requestMs) return undefined;
  return {
    code: "retries-exceed-timeout",
    message: `${tries} tries of ${duration(perTryTimeoutMs)} each need ${duration(neededMs)}, but the request timeout is ${whole}: only ${Math.floor(requestMs / perTryTimeoutMs)} of them fit`,
    hint: `write \`perTryTimeout: ${Math.floor(requestMs / tries)}ms\` or less, fewer attempts, or \`timeouts: { request: ${duration(neededMs)} }\``,
  };
}

/** Failures that show before a backend begins to work on the request: none of them is a try that hangs. */
const beforeAnswer: ReadonlySet<string> = new Set([
  "connect-failure",
  "refused-stream",
  "reset-before-request",
  "http3-post-connect-failure",
]);

/** What ends a stream on which nothing moves when no route says so; the listener's default. */
const streamIdleTimeoutMs = 300_000;

function endlessTry(timeouts: Timeouts | undefined): Pick<Diagnostic, "code" | "message" | "hint"> {
  const idleMs = timeouts?.idleMs ?? streamIdleTimeoutMs;
  const end =
    idleMs === 0
      ? "nothing ends a try that hangs"
      : `only the idle timeout (${duration(idleMs)}) ends a try that hangs`;
  return {
    code: "endless-try",
    message: `the request timeout is 0s (none) and there is no perTryTimeout: ${end}, and it is not tried again`,
    hint: "write `perTryTimeout`, or a `timeouts.request` above 0s",
  };
}
