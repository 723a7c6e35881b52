/**
 * Warnings about retries that do not fit into the time that the request has.
 *
 * Envoy's request timeout covers all tries together; `attempts` are the tries after the first. The waits
 * between tries come on top and are not counted here, so what is told is certain.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Retry, Route, Rule } from "../model/intent-route.ts";
import { duration } from "./duration.ts";
import { defaultRequestTimeoutMs } from "./route-action.ts";

/** The rules of one route. */
export function lintRetries(route: Route): readonly Diagnostic[] {
  return route.rules.flatMap((rule) => {
    const problem = rule.retry === undefined ? undefined : lintRetry(rule, rule.retry);
    if (rule.retry === undefined || problem === undefined) return [];
    return [{ severity: "warning", at: rule.retry.at, ...problem } satisfies Diagnostic];
  });
}

function lintRetry(rule: Rule, retry: Retry): Pick<Diagnostic, "code" | "message" | "hint"> | undefined {
  const requestMs = rule.timeouts?.requestMs ?? defaultRequestTimeoutMs;
  const perTryTimeoutMs = retry.perTryTimeoutMs ?? rule.timeouts?.backendRequestMs;
  if (perTryTimeoutMs === undefined) return requestMs === 0 ? endlessTry() : undefined;
  if (requestMs === 0) return undefined;
  const whole = `${duration(requestMs)}${rule.timeouts?.requestMs === undefined ? ", the default" : ""}`;
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

function endlessTry(): Pick<Diagnostic, "code" | "message" | "hint"> {
  return {
    code: "endless-try",
    message:
      "the request timeout is 0s (none) and there is no perTryTimeout: a try that hangs is never given up, so it is never tried again",
    hint: "write `perTryTimeout`, or a `timeouts.request` above 0s",
  };
}
