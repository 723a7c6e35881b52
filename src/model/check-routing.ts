/**
 * What the schema cannot say about one gateway, route, split or policy: names that are used twice inside it,
 * and weights of backends that do not exist.
 */
import { checkEach, checkFilters, checkHeaderChanges } from "./check-filters.ts";
import { checkFilterParts } from "./filter-parts.ts";
import { checkLiterals } from "./check-literals.ts";
import { closestName } from "./closest-name.ts";
import type { Path, Problem } from "./position.ts";
import type { GatewayValue, PolicyValue, RouteValue, SplitValue } from "./schema.ts";

export function checkGateway(path: Path, gateway: GatewayValue): readonly Problem[] {
  const names = gateway.listeners.map((listener, index) => ({
    name: listener.name,
    path: [...path, "listeners", index, "name"],
  }));
  return repeated(names, "listener");
}

export function checkTlsRoute(path: Path, { hostnames }: Pick<RouteValue, "hostnames">): readonly Problem[] {
  return repeated(hostnamesOf(path, hostnames), "host name");
}

export function checkRoute(path: Path, route: RouteValue): readonly Problem[] {
  const hostnames = hostnamesOf(path, route.hostnames);
  const rules = route.rules.flatMap((rule, index) =>
    rule.name === undefined ? [] : [{ name: rule.name, path: [...path, "rules", index, "name"] }],
  );
  return [
    ...repeated(hostnames, "host name"),
    ...repeated(rules, "rule"),
    ...repeatedHeaders(path, route),
    ...route.rules.flatMap((rule, index) => checkFilters([...path, "rules", index], rule)),
    ...checkLiterals(path, route),
  ];
}

function hostnamesOf(
  path: Path,
  hostnames: readonly string[] = [],
): readonly { readonly name: string; readonly path: Path }[] {
  return hostnames.map((hostname, index) => ({ name: hostname.toLowerCase(), path: [...path, "hostnames", index] }));
}

export function checkSplit(path: Path, split: SplitValue): readonly Problem[] {
  const filters = Object.entries(split.backends).flatMap(([name, backend]) =>
    checkEach([...path, "backends", name, "filters"], backend.filters ?? []),
  );
  return [
    ...unknownBackends(split, [...path, "default"], split.default),
    ...unknownBackends(split, [...path, "limits"], split.limits ?? {}),
    ...defaultsBeyond(path, split),
    ...filters,
  ];
}

/** What the file gives a backend holds whatever the limits say; nobody could set it again. */
function defaultsBeyond(path: Path, { default: weights, limits = {} }: SplitValue): readonly Problem[] {
  const sum = Object.values(weights).reduce((total, weight) => total + weight, 0);
  return Object.entries(limits).flatMap(([name, { max }]): readonly Problem[] => {
    const weight = Object.hasOwn(weights, name) ? (weights[name] ?? 0) : 0;
    if (max === undefined || weight * 100 <= max * sum) return [];
    // Rounded up, so that it never reads as the limit itself.
    const percent = Math.ceil((weight / sum) * 10_000) / 100;
    return [
      {
        code: "default-beyond-limit",
        severity: "warning",
        message: `\`${name}\` has ${percent} % by \`default\`, and its limit is ${max} %`,
        hint: `write a smaller weight, or a larger \`max\`; \`fairway split set\` gives it ${max} % at most`,
        path: [...path, "default", name],
        at: "value",
      },
    ];
  });
}

/** Keys that should be names of its backends, and are not. */
function unknownBackends({ backends }: SplitValue, path: Path, named: object): readonly Problem[] {
  const known = Object.keys(backends);
  return Object.keys(named)
    .filter((name) => !Object.hasOwn(backends, name))
    .map((name): Problem => {
      const near = closestName(name, known);
      const hint = near === undefined ? `its backends: ${known.join(", ")}` : `did you mean \`${near}\`?`;
      const message = `the split has no backend \`${name}\``;
      return { code: "dangling-reference", message, hint, path: [...path, name], at: "key" };
    });
}

export function checkPolicy(path: Path, policy: PolicyValue): readonly Problem[] {
  const { requestHeaders, responseHeaders } = policy;
  return [
    ...checkHeaderChanges([...path, "requestHeaders"], requestHeaders ?? {}),
    ...checkHeaderChanges([...path, "responseHeaders"], responseHeaders ?? {}),
    ...checkFilterParts(path, policy),
  ];
}

/** Header names are compared in lower case, as HTTP does. */
function repeatedHeaders(path: Path, route: RouteValue): readonly Problem[] {
  return route.rules.flatMap((rule, ruleIndex) =>
    (rule.matches ?? []).flatMap((match, matchIndex) => {
      const base = [...path, "rules", ruleIndex, "matches", matchIndex, "headers"];
      const names = Object.keys(match.headers ?? {}).map((name) => ({
        name: name.toLowerCase(),
        path: [...base, name],
      }));
      return repeated(names, "header");
    }),
  );
}

function repeated(names: readonly { readonly name: string; readonly path: Path }[], what: string): readonly Problem[] {
  const seen = new Set<string>();
  const problems: Problem[] = [];
  for (const { name, path } of names) {
    if (seen.has(name)) {
      const message = `the ${what} \`${name}\` is written twice`;
      problems.push({ code: "duplicate-name", message, hint: "keep one of them", path, at: "value" });
    }
    seen.add(name);
  }
  return problems;
}
