/**
 * Warnings about texts of a route that are taken literally, or as a whole, where other systems would not.
 */
import type { Path, Problem } from "./position.ts";
import type { RouteValue } from "./schema.ts";

type RuleValue = RouteValue["rules"][number];
type PathValue = NonNullable<NonNullable<RuleValue["matches"]>[number]["path"]>;

/** The warnings of one route that fits its schema. */
export function checkLiterals(path: Path, route: RouteValue): readonly Problem[] {
  return route.rules.flatMap((rule, index) => {
    const at = [...path, "rules", index];
    const matches = (rule.matches ?? []).flatMap((match, place) =>
      match.path === undefined ? [] : pathProblems([...at, "matches", place, "path"], match.path),
    );
    return [...matches, ...formatProblems(at, rule)];
  });
}

function pathProblems(path: Path, written: PathValue): readonly Problem[] {
  const { exact, prefix, regex } = typeof written === "string" ? { prefix: written } : { ...written };
  const text = exact ?? prefix;
  if (text?.includes("*") === true) {
    const stem = text.replace(/\/?\*+$/, "") || "/";
    const hint = stem.includes("*")
      ? "write a `regex`"
      : `write \`path: ${stem}\`, which takes everything below it too`;
    const message = `the * in "${text}" is taken literally: only paths with a * match`;
    return [{ code: "literal-glob", severity: "warning", message, hint, path, at: "value" }];
  }
  // Every path begins with a slash, and the expression must match all of it.
  if (regex === undefined || !/^[A-Za-z0-9_-]/.test(regex) || regex.includes("|")) return [];
  const message = `no path matches "${regex}": a path begins with /, and the expression must match all of it`;
  return [{ code: "never-matches", severity: "warning", message, hint: `write "/${regex}"`, path, at: "value" }];
}

function formatProblems(path: Path, rule: RuleValue): readonly Problem[] {
  return (rule.filters ?? []).flatMap((filter, index) =>
    (["requestHeaders", "responseHeaders"] as const).flatMap((kind) =>
      (["set", "add"] as const).flatMap((verb) =>
        Object.entries(filter[kind]?.[verb] ?? {})
          .filter(([, value]) => /%[A-Z][A-Z0-9_]+(?:\([^%]*\))?%/.test(value))
          .map(([name, value]) => ({
            code: "literal-format" as const,
            severity: "warning" as const,
            message: `"${value}" is sent as it is written: values of filters are texts, not Envoy's formats`,
            hint: "for a format, add the header to the route configuration by a patch",
            path: [...path, "filters", index, kind, verb, name],
            at: "value" as const,
          })),
      ),
    ),
  );
}
