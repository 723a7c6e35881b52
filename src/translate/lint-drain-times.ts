/**
 * Warnings about gateways that share their Envoys and name different drain times.
 *
 * The time is a flag of the process (`--drain-time-s`), so one of them does not say what happens.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { GatewayDrain } from "../model/intent-gateway.ts";
import type { Intent } from "../model/intent.ts";
import { gatewaysOf } from "./group-scope.ts";

/** Told at each time that is not the longest of a group, once for all groups. */
export function lintDrainTimes(intent: Intent): readonly Diagnostic[] {
  const found = new Map<GatewayDrain, Diagnostic>();
  for (const group of intent.groups) {
    const named = gatewaysOf(group, intent).flatMap(({ name, drain }) =>
      drain === undefined ? [] : [{ name, drain }],
    );
    const longest = named.toSorted((left, right) => right.drain.timeMs - left.drain.timeMs)[0];
    for (const { name, drain } of named) {
      if (longest === undefined || drain.timeMs === longest.drain.timeMs || found.has(drain)) continue;
      found.set(drain, {
        code: "drain-times-differ",
        severity: "warning",
        message:
          `the gateway \`${name}\` drains for ${seconds(drain)} and \`${longest.name}\` for ${seconds(longest.drain)}, ` +
          `and the Envoys of the group \`${group.name}\` have one drain time for both`,
        at: drain.at,
        hint: "write the same `time` in both, the `--drain-time-s` of these Envoys; the longest is what counts until then",
      });
    }
  }
  return [...found.values()];
}

function seconds({ timeMs }: GatewayDrain): string {
  return `${timeMs / 1_000} s`;
}
