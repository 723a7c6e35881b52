/**
 * What the schema cannot say about the filters of a rule: which of them exclude each other, what they need
 * of the rule's matches, and headers that are changed twice.
 */
import { checkFilterParts } from "./filter-parts.ts";
import type { Path, Problem } from "./position.ts";
import type { BackendFiltersValue, HeaderChangesValue, RuleFiltersValue } from "./schema-filter.ts";
import type { RouteValue } from "./schema.ts";

type RuleValue = RouteValue["rules"][number];
type FilterValue = RuleFiltersValue[number];
type FilterKind = keyof FilterValue;

/** Kinds that answer the request themselves, so that nothing is sent to a backend. */
const answering: readonly FilterKind[] = ["redirect", "respond"];
/** What only a request that is forwarded can have. */
const forwarding: readonly FilterKind[] = ["rewrite", "mirror"];

/** The problems of one rule's filters and of those of its backends. */
export function checkFilters(path: Path, rule: RuleValue): readonly Problem[] {
  const filters = rule.filters ?? [];
  const filtersPath = [...path, "filters"];
  return [
    ...checkEach(filtersPath, filters),
    ...checkAnswer(path, rule),
    ...filters.flatMap((filter, index) => checkPrefix([...filtersPath, index], filter, rule)),
    ...(rule.backends ?? []).flatMap((backend, index) =>
      checkEach([...path, "backends", index, "filters"], backend.filters ?? []),
    ),
  ];
}

/** The problems of a list of filters that its place has no part in. */
export function checkEach(path: Path, filters: RuleFiltersValue | BackendFiltersValue): readonly Problem[] {
  const seen = new Set<FilterKind>();
  return filters.flatMap((filter: FilterValue, index): readonly Problem[] => {
    const kind = kindOf(filter);
    const filterPath = [...path, index, kind];
    const repeated = kind !== "mirror" && seen.has(kind);
    seen.add(kind);
    const message = `there is another \`${kind}\` in this list`;
    const problems: readonly Problem[] = repeated
      ? [{ code: "duplicate-name", message, hint: "put both into one", path: filterPath, at: "key" }]
      : [];
    const headers = filter.requestHeaders ?? filter.responseHeaders;
    const parts = checkFilterParts([...path, index], filter);
    return headers === undefined ? [...problems, ...parts] : [...problems, ...checkHeaderChanges(filterPath, headers)];
  });
}

/** A header is in one of the lists, because the order in which they are applied should not matter to anybody. */
export function checkHeaderChanges(path: Path, changes: HeaderChangesValue): readonly Problem[] {
  const written = [
    ...Object.keys(changes.set ?? {}).map((name) => ({ name, path: [...path, "set", name], at: "key" as const })),
    ...Object.keys(changes.add ?? {}).map((name) => ({ name, path: [...path, "add", name], at: "key" as const })),
    ...(changes.remove ?? []).map((name, index) => ({ name, path: [...path, "remove", index], at: "value" as const })),
  ];
  const seen = new Set<string>();
  return written.flatMap((header): readonly Problem[] => {
    const name = header.name.toLowerCase();
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    const message = `the header \`${name}\` is changed twice`;
    return [{ code: "duplicate-name", message, hint: "keep one of them", path: header.path, at: header.at }];
  });
}

function checkAnswer(path: Path, rule: RuleValue): readonly Problem[] {
  const kinds = (rule.filters ?? []).map(kindOf);
  const answer = kinds.findIndex((kind) => answering.includes(kind));
  if (answer === -1) return [];
  const problems: Problem[] = [];
  for (const [index, kind] of kinds.entries()) {
    const excluded = forwarding.includes(kind) || (answering.includes(kind) && kind !== kinds[answer]);
    if (!excluded) continue;
    const message = `\`${kind}\` and \`${kinds[answer]}\` exclude each other`;
    const hint = "keep one of them, or make two rules";
    problems.push({ code: "invalid-value", message, hint, path: [...path, "filters", index, kind], at: "key" });
  }
  for (const key of ["backends", "split"] as const) {
    if (rule[key] === undefined) continue;
    const message = `a rule with \`${kinds[answer]}\` sends nothing to \`${key}\``;
    problems.push({ code: "invalid-value", message, hint: "keep one of them", path: [...path, key], at: "key" });
  }
  return problems;
}

/** A prefix can only be replaced where one is matched; each match of the rule has its own. */
function checkPrefix(path: Path, filter: FilterValue, rule: RuleValue): readonly Problem[] {
  const change = filter.redirect?.path ?? filter.rewrite?.path;
  if (change?.prefix === undefined) return [];
  const other = (rule.matches ?? []).find(
    (match) => match.grpc !== undefined || (typeof match.path === "object" && match.path.prefix === undefined),
  );
  if (other === undefined) return [];
  const message = "`prefix` replaces the prefix that matched, and not every match of the rule has one";
  const hint = "write prefixes in `matches`, `path: { full: … }` here, or a rule of its own for the other matches";
  return [{ code: "invalid-value", message, hint, path: [...path, kindOf(filter), "path", "prefix"], at: "key" }];
}

/** The schema has seen to it that there is exactly one. */
function kindOf(filter: FilterValue): FilterKind {
  return Object.keys(filter)[0] as FilterKind;
}
