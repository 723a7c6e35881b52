/**
 * Durations that Envoy reads as milliseconds and that are negative, in fields whose protos do not say so.
 *
 * Not every field of the API is read like that, so these are the ones that a real Envoy was asked about.
 */
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { EnvoyProblem } from "./envoy-problem.ts";
import { refused, ruleFor } from "./refusal-rule.ts";
import type { Rule, RuleTable } from "./refusal-rule.ts";

const route = "envoy.config.route.v3";

export const durationRules: RuleTable = {
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager": notNegative(
    "stream_idle_timeout",
    "request_timeout",
    "drain_timeout",
  ),
  "envoy.config.core.v3.HttpProtocolOptions": notNegative("idle_timeout"),
  [`${route}.RouteAction`]: notNegative("timeout", "idle_timeout"),
  [`${route}.RouteAction.MaxStreamDuration`]: notNegative("max_stream_duration"),
  [`${route}.RouteAction.HashPolicy.Cookie`]: notNegative("ttl"),
  [`${route}.RetryPolicy`]: notNegative("per_try_timeout"),
};

function notNegative(...names: readonly string[]): Rule {
  return ruleFor<Readonly<Record<string, unknown>>>((message) =>
    names.flatMap((name): readonly EnvoyProblem[] => {
      const duration = message[camelCase(name)] as Duration | undefined;
      if (duration === undefined || (duration.seconds >= 0n && duration.nanos >= 0)) return [];
      return [refused([name], "must not be negative")];
    }),
  );
}

function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}
