/**
 * From checked `policies` entries, and what rules say themselves, to the parts of policies in the intent.
 */
import { buildHeaderChanges } from "./build-filter.ts";
import type { Place } from "./diagnostic.ts";
import { durationMs } from "./duration.ts";
import { buildFilterParts } from "./filter-parts.ts";
import { buildRetry } from "./build-retry.ts";
import { buildRuleTracing } from "./build-tracing.ts";
import type { Policy, PolicyParts, Timeouts } from "./intent-policy.ts";
import type { Path, SourceDocument } from "./position.ts";
import { placeOf } from "./position.ts";
import type { PolicyValue } from "./schema.ts";

/** A policy that is attached by its name. */
export interface DraftAttachment {
  readonly name: string;
  readonly at: Place;
}

/** Builds one policy. */
export function buildPolicy(document: SourceDocument, path: Path, value: PolicyValue): Policy {
  const { requestHeaders, responseHeaders } = value;
  const changes = (key: string, written: NonNullable<typeof requestHeaders>) =>
    buildHeaderChanges(document, [...path, key], written);
  const httpFilters = buildFilterParts(document, path, value);
  return {
    name: String(path.at(-1)),
    at: placeOf(document, path, "key"),
    ...buildInlineParts(document, path, value),
    ...(requestHeaders === undefined ? {} : { requestHeaders: changes("requestHeaders", requestHeaders) }),
    ...(responseHeaders === undefined ? {} : { responseHeaders: changes("responseHeaders", responseHeaders) }),
    ...(httpFilters === undefined ? {} : { httpFilters }),
  };
}

/** The parts that a rule writes as a policy does; `path` is that of the rule or policy. */
export function buildInlineParts(
  document: SourceDocument,
  path: Path,
  { timeouts, retry, upgrades, tracing }: Pick<PolicyValue, "timeouts" | "retry" | "upgrades" | "tracing">,
): Pick<PolicyParts, "timeouts" | "retry" | "upgrades" | "tracing"> {
  return {
    ...(timeouts === undefined ? {} : { timeouts: buildTimeouts(document, [...path, "timeouts"], timeouts) }),
    ...(retry === undefined ? {} : { retry: buildRetry(document, [...path, "retry"], retry) }),
    ...(upgrades === undefined
      ? {}
      : { upgrades: { at: placeOf(document, [...path, "upgrades"], "key"), types: upgrades } }),
    ...(tracing === undefined ? {} : { tracing: buildRuleTracing(document, [...path, "tracing"], tracing) }),
  };
}

/** The policies attached at a gateway, route or rule; `path` is that of the gateway, route or rule. */
export function buildAttachments(
  document: SourceDocument,
  path: Path,
  names: readonly string[] | undefined,
): readonly DraftAttachment[] {
  return (names ?? []).map((name, index) => ({
    name,
    at: placeOf(document, [...path, "policies", index], "value"),
  }));
}

function buildTimeouts(document: SourceDocument, path: Path, value: NonNullable<PolicyValue["timeouts"]>): Timeouts {
  const { request, backendRequest, idle, grpcTimeoutHeaderMax } = value;
  return {
    at: placeOf(document, path, "key"),
    ...(request === undefined ? {} : { requestMs: durationMs(request) }),
    ...(backendRequest === undefined ? {} : { backendRequestMs: durationMs(backendRequest) }),
    ...(idle === undefined ? {} : { idleMs: durationMs(idle) }),
    ...(grpcTimeoutHeaderMax === undefined ? {} : { grpcTimeoutHeaderMaxMs: durationMs(grpcTimeoutHeaderMax) }),
  };
}
