/**
 * Changes of headers in a few lines, at whichever level they are written.
 */
import type { HeaderValueOptionJson } from "../gen/envoy/config/core/v3/base_pb.d.ts";
import type { Setting } from "./explanation.ts";
import type { HeaderOrigin } from "./origins.ts";

/** What route configurations, virtual hosts, routes and weighted clusters have in common. */
export interface HeaderLevel {
  readonly requestHeadersToAdd?: readonly HeaderValueOptionJson[];
  readonly requestHeadersToRemove?: readonly string[];
  readonly responseHeadersToAdd?: readonly HeaderValueOptionJson[];
  readonly responseHeadersToRemove?: readonly string[];
}

/** One line for each change; `origin` tells where those of the level are written. */
export function describeHeaders(level: HeaderLevel, origin?: HeaderOrigin): readonly Setting[] {
  return [
    ...changed(level.requestHeadersToAdd, level.requestHeadersToRemove).map(({ header, text }) => ({
      name: "request header",
      text,
      ...origin?.("requestHeaders", header),
    })),
    ...changed(level.responseHeadersToAdd, level.responseHeadersToRemove).map(({ header, text }) => ({
      name: "response header",
      text,
      ...origin?.("responseHeaders", header),
    })),
  ];
}

function changed(
  added: readonly HeaderValueOptionJson[] = [],
  removed: readonly string[] = [],
): readonly { readonly header: string; readonly text: string }[] {
  return [
    ...added.map(({ header, appendAction }) => {
      const adds = appendAction === undefined || appendAction === "APPEND_IF_EXISTS_OR_ADD";
      const { key = "", value = "" } = header ?? {};
      return { header: key, text: `${adds ? "add" : "set"} ${key}: ${value}` };
    }),
    ...removed.map((header) => ({ header, text: `remove ${header}` })),
  ];
}
