/**
 * Warnings about detectors of outlier detection that are written and can never eject: Envoy only counts what some of them
 * find unless told to enforce it, keeps failures of connections apart only when asked to, and compares hosts only where
 * there are enough of them.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { OutlierDetection } from "../model/intent-service.ts";

type Fields = OutlierDetection["fields"];

/** Envoy does nothing about what these find unless the second field says so. */
const countedOnly = [
  ["consecutiveGatewayFailure", "enforcingConsecutiveGatewayFailure"],
  ["failurePercentageThreshold", "enforcingFailurePercentage"],
] as const;

/** Nothing is counted for these before failed connections are kept apart. */
const localOrigin = [
  "consecutiveLocalOriginFailure",
  "enforcingConsecutiveLocalOriginFailure",
  "enforcingLocalOriginSuccessRate",
  "enforcingFailurePercentageLocalOrigin",
] as const;

/** Detectors that compare hosts: by what one is asked for, and how many hosts it needs. */
const comparing = [
  {
    askedBy: ["enforcingSuccessRate", "successRateRequestVolume", "successRateStdevFactor"],
    minimum: "successRateMinimumHosts",
  },
  {
    askedBy: ["enforcingFailurePercentage", "enforcingFailurePercentageLocalOrigin"],
    minimum: "failurePercentageMinimumHosts",
  },
] as const;

/** Envoy's default of both. */
const HOSTS_MIN = 5;

/** Those of one cluster; `hosts` is 0 where nobody knows how many there will be. */
export function* lintDetectors(
  { name, outliers: { fields }, hosts }: { name: string; outliers: OutlierDetection; hosts: number },
  at: Diagnostic["at"],
): Iterable<Diagnostic> {
  const warning = (message: string, hint: string): Diagnostic => ({
    ...{ code: "inert-detector", severity: "warning", at },
    message: `outlier detection of \`${name}\`: ${message}`,
    hint,
  });
  for (const [threshold, enforcing] of countedOnly) {
    const isElsewhere =
      threshold === "failurePercentageThreshold" && isOn(fields, "enforcingFailurePercentageLocalOrigin");
    if (fields[threshold] === undefined || fields[enforcing] !== undefined || isElsewhere) continue;
    yield warning(
      `what \`${threshold}\` finds is only counted, because \`${enforcing}\` is 0 when it is absent`,
      `write \`${enforcing}: 100\`, or 0 when counting is what you want`,
    );
  }
  const apart = localOrigin.find((field) => isOn(fields, field));
  if (apart !== undefined && fields["splitExternalLocalOriginErrors"] !== true) {
    yield warning(
      `\`${apart}\` finds nothing, because failed connections are not kept apart from answers`,
      "write `splitExternalLocalOriginErrors: true`",
    );
  }
  for (const { askedBy, minimum } of comparing) {
    const asked = askedBy.find((field) => isOn(fields, field));
    const written = fields[minimum];
    const needed = typeof written === "number" ? written : HOSTS_MIN;
    if (asked === undefined || hosts === 0 || hosts >= needed) continue;
    yield warning(
      `\`${asked}\` compares hosts and needs ${needed} of them (${minimum}), and there ${hosts === 1 ? "is 1" : `are ${hosts}`}`,
      `write \`${minimum}: ${hosts}\` or less, or add endpoints`,
    );
  }
}

/** Written, and not switched off. */
function isOn(fields: Fields, field: string): boolean {
  return fields[field] !== undefined && fields[field] !== 0;
}
