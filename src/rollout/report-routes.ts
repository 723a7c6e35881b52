/**
 * What a report says of routes, in words that all its forms share.
 */
import type { MetricName } from "./canary-evidence.ts";
import type { DegradedRoute, RouteShare, RouteVersion } from "./degraded-routes.ts";
import type { ComparedRow } from "./report-words.ts";
import { shareText } from "./report-words.ts";
import type { RolloutReport } from "./report.ts";
import { showCount, showDuration } from "./show-figures.ts";

/** Whether any route is worse; undefined before anything was measured. */
export function routesSentence({ routes, canary, baseline }: RolloutReport): string | undefined {
  if (routes === undefined) return undefined;
  const { isKnown, comparedCount, worseCount, worst } = routes;
  if (!isKnown) {
    return "Which routes got worse is not known, because no Envoy told of its requests: write `runtime: {}` and `routeReports: true` at its group under `nodes`.";
  }
  const all = `${showCount(comparedCount)} ${comparedCount === 1 ? "route" : "routes"}`;
  if (worseCount === 0) return `Of ${all} with requests none is worse with ${canary} than with ${baseline}.`;
  const shown = worseCount > worst.length ? `; these are the worst ${worst.length}` : "";
  return `Of ${all} with requests ${showCount(worseCount)} ${worseCount === 1 ? "is" : "are"} worse with ${canary} than with ${baseline}${shown}.`;
}

const badWords: Readonly<Record<MetricName, string>> = { errors: "errors", slow: "slow" };

/** "shop/checkout (routes.yaml:12)". */
export function routeText({ route, at }: DegradedRoute): string {
  return at === undefined ? route : `${route} (${at})`;
}

/** What both did on a route, line by line. */
export function routeRows(route: DegradedRoute, { config }: RolloutReport): readonly ComparedRow[] {
  const { canary, baseline } = route;
  const row = (name: string, show: (version: RouteVersion) => string | undefined): ComparedRow => ({
    name,
    baseline: show(baseline) ?? "",
    canary: show(canary) ?? "",
  });
  const { slow } = config.plan.gates;
  return [
    row("requests, about", ({ requests }) => showCount(requests)),
    row("errors", ({ errors }) => countedText(errors)),
    ...(slow === undefined
      ? []
      : [row(`slower than ${showDuration(slow.thresholdMs)}`, (version) => countedText(version.slow))]),
  ];
}

/** "41, 4.9 % (3.8 to 6.3 %)". */
function countedText(share: RouteShare | undefined): string | undefined {
  return share === undefined ? undefined : `${showCount(share.count)}, ${shareText(share)}`;
}

/** One line for each route, where there is no room for a table. */
export function routeLines({ routes, canary, baseline }: RolloutReport): readonly string[] {
  return (routes?.worst ?? []).map((route, index) => {
    const said = route.worseIn.map((name) => {
      const [ofCanary, ofBaseline] = [route.canary[name], route.baseline[name]];
      return `${badWords[name]} of ${canary} ${countedText(ofCanary)}, of ${baseline} ${countedText(ofBaseline)}`;
    });
    return `${index + 1}. ${routeText(route)}: ${said.join("; ")}`;
  });
}

/** How the figures are to be read. */
export const routesNote =
  "Errors and slow requests are counted one by one, as clients saw them; requests are estimated from a sample. Shares with their 95 % intervals.";
