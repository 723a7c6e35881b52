/**
 * From checked `routes` and `splits` entries to routes of the intent.
 *
 * A split is resolved later, because it may be in another file: a rule that names one has no backends yet.
 */
import { durationMs } from "./duration.ts";
import type { Backend, PathMatch, Retry, Route, Rule, RuleMatch, ValueMatch } from "./intent-route.ts";
import type { Path, SourceDocument } from "./position.ts";
import { placeOf } from "./position.ts";
import type { RouteValue, SplitValue } from "./schema.ts";
import { byName, defined } from "./sort.ts";

type RuleValue = RouteValue["rules"][number];
type MatchValue = NonNullable<RuleValue["matches"]>[number];
type ValueMatchValue = NonNullable<MatchValue["headers"]>[string];

/** A route whose gateways may still mean "all". */
export type DraftRoute = Omit<Route, "gateways"> & { readonly gateways?: readonly string[] };

/** Builds one route. */
export function buildRoute(document: SourceDocument, path: Path, value: RouteValue): DraftRoute {
  return {
    name: String(path.at(-1)),
    at: placeOf(document, path, "key"),
    ...(value.gateways === undefined ? {} : { gateways: [...new Set(value.gateways)].toSorted() }),
    hostnames: (value.hostnames ?? ["*"]).map((hostname) => hostname.toLowerCase()).toSorted(),
    rules: value.rules.map((rule, index) => buildRule(document, [...path, "rules", index], rule)),
  };
}

/** The backends of one split with their default weights, in the order of `backends`. */
export function buildSplit(document: SourceDocument, path: Path, value: SplitValue): readonly Backend[] {
  return Object.entries(value.backends).map(([key, backend]) => ({
    at: placeOf(document, [...path, "backends", key], "key"),
    service: backend.service,
    ...defined({ subset: backend.subset }),
    weight: Object.hasOwn(value.default, key) ? (value.default[key] ?? 0) : 0,
  }));
}

function buildRule(document: SourceDocument, path: Path, value: RuleValue): Rule {
  const backends = (value.backends ?? []).map((backend, index): Backend => ({
    at: placeOf(document, [...path, "backends", index], "value"),
    service: backend.service,
    ...defined({ subset: backend.subset }),
    weight: backend.weight ?? 1,
  }));
  const { request, idle } = value.timeouts ?? {};
  return {
    name: value.name ?? `rule-${path.at(-1)}`,
    at: placeOf(document, path, "value"),
    matches: (value.matches ?? [{}]).map(buildMatch),
    target: { ...defined({ split: value.split }), backends },
    timeouts: {
      ...(request === undefined ? {} : { requestMs: durationMs(request) }),
      ...(idle === undefined ? {} : { idleMs: durationMs(idle) }),
    },
    ...(value.retry === undefined ? {} : { retry: buildRetry(document, [...path, "retry"], value.retry) }),
  };
}

function buildMatch(value: MatchValue): RuleMatch {
  const headers = Object.entries(value.headers ?? {}).map(([name, match]) =>
    buildValueMatch(name.toLowerCase(), match),
  );
  const queryParams = Object.entries(value.queryParams ?? {}).map(([name, match]) => buildValueMatch(name, match));
  return {
    path: buildPathMatch(value.path),
    ...defined({ method: value.method }),
    headers: headers.toSorted(byName),
    queryParams: queryParams.toSorted(byName),
  };
}

function buildPathMatch(value: MatchValue["path"]): PathMatch {
  if (value === undefined) return { kind: "prefix", path: "/" };
  if (typeof value === "string") return { kind: "prefix", path: value };
  if (value.exact !== undefined) return { kind: "exact", path: value.exact };
  if (value.regex !== undefined) return { kind: "regex", pattern: value.regex };
  return { kind: "prefix", path: value.prefix ?? "/" };
}

function buildValueMatch(name: string, value: ValueMatchValue): ValueMatch {
  if (typeof value === "string") return { name, value: { kind: "exact", text: value } };
  if (value.exact !== undefined) return { name, value: { kind: "exact", text: value.exact } };
  if (value.prefix !== undefined) return { name, value: { kind: "prefix", text: value.prefix } };
  if (value.regex !== undefined) return { name, value: { kind: "regex", pattern: value.regex } };
  return { name, value: { kind: "present" } };
}

function buildRetry(document: SourceDocument, path: Path, value: NonNullable<RuleValue["retry"]>): Retry {
  const { perTryTimeout, backoff } = value;
  return {
    at: placeOf(document, path, "key"),
    attempts: value.attempts,
    on: [...new Set(value.on)].toSorted(),
    ...(perTryTimeout === undefined ? {} : { perTryTimeoutMs: durationMs(perTryTimeout) }),
    ...(backoff === undefined
      ? {}
      : {
          backoff: {
            baseMs: durationMs(backoff.base),
            ...(backoff.max === undefined ? {} : { maxMs: durationMs(backoff.max) }),
          },
        }),
  };
}
