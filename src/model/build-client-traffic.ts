/**
 * From the checked words of a gateway about its clients to its part of the intent.
 */
import { readAddressRange } from "./address.ts";
import { buildHeaderChanges } from "./build-filter.ts";
import type { ClientDetection, ClientTraffic } from "./intent-gateway.ts";
import type { Path, SourceDocument } from "./position.ts";
import type { GatewayValue } from "./schema.ts";
import { defined } from "./sort.ts";

/** `path` is that of the gateway; undefined when it says nothing of this. */
export function buildClientTraffic(
  document: SourceDocument,
  path: Path,
  { clientIPDetection, path: paths, headers }: GatewayValue,
): ClientTraffic | undefined {
  if (clientIPDetection === undefined && paths === undefined && headers === undefined) return undefined;
  const { earlyRequestHeaders: early, ...ofHeaders } = headers ?? {};
  return {
    ...(clientIPDetection === undefined ? {} : { detection: buildDetection(clientIPDetection) }),
    ...defined({ ...paths, ...ofHeaders }),
    ...(early === undefined
      ? {}
      : { earlyRequestHeaders: buildHeaderChanges(document, [...path, "headers", "earlyRequestHeaders"], early) }),
  };
}

function buildDetection({
  xForwardedFor,
  customHeader,
}: NonNullable<GatewayValue["clientIPDetection"]>): ClientDetection {
  if (customHeader !== undefined) {
    return { kind: "header", name: customHeader.name.toLowerCase(), failClosed: customHeader.failClosed ?? false };
  }
  const { numTrustedHops, trustedCIDRs = [] } = xForwardedFor ?? {};
  if (numTrustedHops !== undefined) return { kind: "hops", count: numTrustedHops };
  return { kind: "ranges", ranges: trustedCIDRs.map(readAddressRange) };
}
