/**
 * From checked `filters` lists to the filters of the intent.
 */
import { buildFilterParts } from "./filter-parts.ts";
import type { HeaderChanges, HeaderFilters, PathChange, RuleFilters } from "./intent-filter.ts";
import type { Path, SourceDocument } from "./position.ts";
import { placeOf } from "./position.ts";
import type { BackendFiltersValue, HeaderChangesValue, RuleFiltersValue } from "./schema-filter.ts";
import { byName, defined } from "./sort.ts";

type FilterValue = RuleFiltersValue[number];

/** The filters of a rule; `path` is that of the list. */
export function buildRuleFilters(
  document: SourceDocument,
  path: Path,
  filters: RuleFiltersValue | undefined,
): RuleFilters {
  let built: RuleFilters = { mirrors: [] };
  for (const [index, filter] of (filters ?? []).entries()) {
    const { mirrors, httpFilters, ...single } = buildFilter(document, [...path, index], filter);
    built = { ...built, ...single, mirrors: [...built.mirrors, ...mirrors] };
    if (httpFilters !== undefined) built = { ...built, httpFilters: { ...built.httpFilters, ...httpFilters } };
  }
  return built;
}

/** The filters of a backend; `path` is that of the list. */
export function buildBackendFilters(
  document: SourceDocument,
  path: Path,
  filters: BackendFiltersValue | undefined,
): HeaderFilters {
  const { requestHeaders, responseHeaders } = buildRuleFilters(document, path, filters);
  return defined({ requestHeaders, responseHeaders });
}

function buildFilter(document: SourceDocument, path: Path, filter: FilterValue): RuleFilters {
  const at = placeOf(document, path, "value");
  const { requestHeaders, responseHeaders, redirect, rewrite, mirror, respond } = filter;
  const changes = (key: string, value: HeaderChangesValue) => buildHeaderChanges(document, [...path, key], value);
  const httpFilters = buildFilterParts(document, path, filter);
  return {
    ...(requestHeaders === undefined ? {} : { requestHeaders: changes("requestHeaders", requestHeaders) }),
    ...(responseHeaders === undefined ? {} : { responseHeaders: changes("responseHeaders", responseHeaders) }),
    ...(redirect === undefined
      ? {}
      : { redirect: { at, ...defined({ ...redirect, path: buildPathChange(redirect.path) }) } }),
    ...(rewrite === undefined
      ? {}
      : { rewrite: { at, ...defined({ hostname: rewrite.hostname, path: buildPathChange(rewrite.path) }) } }),
    ...(respond === undefined ? {} : { respond: { at, status: respond.status, ...defined({ body: respond.body }) } }),
    mirrors:
      mirror === undefined
        ? []
        : [{ at, service: mirror.service, ...defined({ subset: mirror.subset, percent: mirror.percent }) }],
    ...(httpFilters === undefined ? {} : { httpFilters }),
  };
}

/** Header names know no case, and their order means nothing. */
export function buildHeaderChanges(document: SourceDocument, path: Path, value: HeaderChangesValue): HeaderChanges {
  const values = (named: Readonly<Record<string, string>> | undefined) =>
    Object.entries(named ?? {})
      .map(([name, text]) => ({ name: name.toLowerCase(), value: text }))
      .toSorted(byName);
  return {
    at: placeOf(document, path, "key"),
    set: values(value.set),
    add: values(value.add),
    remove: (value.remove ?? []).map((name) => name.toLowerCase()).toSorted(),
  };
}

function buildPathChange(value: NonNullable<FilterValue["rewrite"]>["path"]): PathChange | undefined {
  if (value === undefined) return undefined;
  if (value.full !== undefined) return { kind: "full", path: value.full };
  return { kind: "prefix", path: value.prefix ?? "/" };
}
