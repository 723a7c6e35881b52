/**
 * Warnings about clusters on demand that no request would ever ask for.
 *
 * The filter that asks stands in listeners of HTTP. Without one the group's Envoys would be without these clusters for
 * ever, which is right only where somebody asks with a filter of his own, and then the warning is to be silenced.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Intent } from "../model/intent.ts";
import { gatewaysOf } from "./group-scope.ts";

/** Told once for each group. */
export function lintOnDemand(intent: Intent): readonly Diagnostic[] {
  return intent.groups.flatMap((group) => {
    const asks = gatewaysOf(group, intent).some(({ listeners }) => listeners.length > 0);
    if (group.onDemandClusters === undefined || asks) return [];
    return [
      {
        code: "on-demand-never-asked",
        severity: "warning",
        message: `the group \`${group.name}\` has its clusters on demand, and no gateway of HTTP or HTTPS that asks for them`,
        at: group.at,
        hint: "remove `onDemand`, or give the group a gateway; a listener of your own needs the filter `envoy.filters.http.on_demand`",
      },
    ];
  });
}
