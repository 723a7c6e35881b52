/**
 * A RequestMirrorPolicy: a cluster that gets copies of requests, and nothing else.
 */
import type { RouteAction_RequestMirrorPolicyJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { Mirror } from "../model/intent-filter.ts";
import type { Rule } from "../model/intent-route.ts";
import { mirrorClusterName } from "./names.ts";

/** Those of the rule itself, and then the one that a rollout of its split wants. A tunnel has no requests to copy. */
export function mirrorsOf({ mirrors, target, connect }: Rule): readonly Mirror[] {
  return target.mirror === undefined || connect !== undefined ? mirrors : [...mirrors, target.mirror];
}

/** The policy of one mirror; all requests unless it says how many. */
export function translateMirror({ service, subset, percent = 100 }: Mirror): RouteAction_RequestMirrorPolicyJson {
  const defaultValue = Number.isInteger(percent)
    ? ({ numerator: percent, denominator: "HUNDRED" } as const)
    : ({ numerator: Math.round(percent * 10_000), denominator: "MILLION" } as const);
  return { cluster: mirrorClusterName(service, subset), runtimeFraction: { defaultValue } };
}
