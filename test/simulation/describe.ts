/**
 * Requests and responses in one line each, for traces.
 */
import type { Resource } from "../../src/snapshot/resource.ts";
import { resourceType } from "../../src/snapshot/type-url.ts";
import type { Demand, Response } from "../../src/xds/stream-state.ts";
import { contentOf } from "../support/build-snapshot.ts";

/** Content that the node refuses has an exclamation mark. */
export function describeResponse(response: Response): string {
  return `${resourceType(response.typeUrl)?.shortName} ${response.nonce} ${describeContent(response)}`;
}

/** The same without the nonce, which differs when nothing else does. */
export function describeContent({ resources, removed }: Response): string {
  const bad = (resource: Resource) => (contentOf(resource).bad ? "!" : "");
  const sent = resources.map((resource) => `${resource.name}@${resource.version.slice(0, 4)}${bad(resource)}`);
  return `[${sent.join(" ")}]${removed.length > 0 ? ` removed [${removed.join(" ")}]` : ""}`;
}

/** A request with what it answers. */
export function describeDemand(demand: Demand): string {
  const short = (version: string) => version.slice(0, 4);
  const names =
    demand.variant === "sotw"
      ? `[${demand.names.join(" ")}] v=${short(demand.versionInfo)}`
      : `+[${demand.subscribe.join(" ")}] -[${demand.unsubscribe.join(" ")}] held [${[...demand.initialVersions].map(([name, version]) => `${name}@${short(version)}`).join(" ")}]`;
  return `${resourceType(demand.typeUrl)?.shortName} ${names} nonce=${demand.nonce}${demand.error === undefined ? "" : ` NACK: ${demand.error}`}`;
}
