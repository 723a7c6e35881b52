/**
 * From checked `routes` entries to routes of the intent.
 *
 * A split is resolved later, because it may be in another file: a rule that names one has no backends yet.
 */
import { buildBackendFilters, buildRuleFilters } from "./build-filter.ts";
import { buildGrpcMatch, buildPathMatch, buildValueMatches } from "./build-match.ts";
import type { DraftAttachment } from "./build-policy.ts";
import { buildAttachments, buildInlineParts } from "./build-policy.ts";
import type { Place } from "./diagnostic.ts";
import type { Backend, Route, Rule, RuleMatch } from "./intent-route.ts";
import type { Path, SourceDocument } from "./position.ts";
import { placeOf } from "./position.ts";
import type { RouteValue } from "./schema.ts";
import { defined } from "./sort.ts";

type RuleValue = RouteValue["rules"][number];
type MatchValue = NonNullable<RuleValue["matches"]>[number];

/** A route whose gateways may still mean "all", and whose splits and policies are names. */
export interface DraftRoute extends Omit<Route, "gateways" | "policies" | "rules"> {
  readonly gateways?: readonly string[];
  readonly policies: readonly DraftAttachment[];
  readonly rules: readonly DraftRule[];
}

/** A rule that says by name which split and policies it uses. */
export interface DraftRule extends Omit<Rule, "policies" | "target"> {
  readonly policies: readonly DraftAttachment[];
  readonly target: {
    readonly split?: { readonly name: string; readonly at: Place };
    readonly backends: readonly Backend[];
  };
}

/** Builds one route. */
export function buildRoute(document: SourceDocument, path: Path, value: RouteValue): DraftRoute {
  return {
    name: String(path.at(-1)),
    at: placeOf(document, path, "key"),
    ...(value.gateways === undefined ? {} : { gateways: [...new Set(value.gateways)].toSorted() }),
    hostnames: (value.hostnames ?? ["*"]).map((hostname) => hostname.toLowerCase()).toSorted(),
    policies: buildAttachments(document, path, value.policies),
    rules: value.rules.map((rule, index) => buildRule(document, [...path, "rules", index], rule)),
  };
}

function buildRule(document: SourceDocument, path: Path, value: RuleValue): DraftRule {
  const backends = (value.backends ?? []).map((backend, index): Backend => {
    const backendPath = [...path, "backends", index];
    return {
      at: placeOf(document, backendPath, "value"),
      service: backend.service,
      ...defined({ subset: backend.subset }),
      weight: backend.weight ?? 1,
      ...buildBackendFilters(document, [...backendPath, "filters"], backend.filters),
    };
  });
  const split =
    value.split === undefined
      ? {}
      : { split: { name: value.split, at: placeOf(document, [...path, "split"], "value") } };
  return {
    name: value.name ?? `rule-${path.at(-1)}`,
    at: placeOf(document, path, "value"),
    matches: value.matches?.map((match, index) =>
      buildMatch(match, placeOf(document, [...path, "matches", index], "value")),
    ) ?? [buildMatch({}, placeOf(document, path, "value"))],
    target: { ...split, backends },
    ...buildRuleFilters(document, [...path, "filters"], value.filters),
    ...buildInlineParts(document, path, value),
    policies: buildAttachments(document, path, value.policies),
    ...defined({ priority: value.priority, connect: value.connect }),
  };
}

function buildMatch(value: MatchValue, at: Place): RuleMatch {
  return {
    at,
    ...(value.grpc === undefined ? { path: buildPathMatch(value.path) } : buildGrpcMatch(value.grpc)),
    ...defined({ method: value.method }),
    headers: buildValueMatches(value.headers ?? {}),
    queryParams: buildValueMatches(value.queryParams ?? {}, (name) => name),
  };
}
