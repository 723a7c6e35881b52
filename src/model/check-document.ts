/**
 * Whether the documents of one file say something that the vocabulary allows.
 *
 * Everything that can be told from one document alone is told here: the schema, then what relates parts of
 * one service, route, gateway or split to each other, then raw Envoy resources. A part with a schema problem
 * is not examined further, its neighbours are.
 */
import { checkExtensions } from "./check-extensions.ts";
import { checkNodeGroup } from "./check-nodes.ts";
import { checkGateway, checkPolicy, checkRoute, checkSplit, checkTlsRoute } from "./check-routing.ts";
import { checkRawResource } from "./check-raw-resource.ts";
import { checkTtl } from "./check-ttl.ts";
import { checkService } from "./check-service.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { EnvoyApi } from "./envoy-api.ts";
import { explainIssue } from "./explain-issue.ts";
import { foreignDocument } from "./foreign-document.ts";
import type { JsonValue } from "./intent.ts";
import { compileSchema } from "./quick-schema.ts";
import { schemaHint } from "./schema-hint.ts";
import type { YamlDocument } from "./parse-document.ts";
import type { Path, Problem } from "./position.ts";
import { formatPath, locate } from "./position.ts";
import type { DocumentValue } from "./schema.ts";
import { documentSchema } from "./schema.ts";

/** The problems of one YAML document. */
export function checkDocument(document: YamlDocument, api: EnvoyApi): readonly Diagnostic[] {
  const shape = checkShape(document.value);
  const broken = new Set(shape.map((problem) => entryOf(problem.path)));
  const problems = [...shape];
  // The entries without a schema problem have the type that the schema describes.
  const value = document.value as DocumentValue;
  const each = <T>(section: string, entries: Readonly<Record<string, T>> | undefined, check: EntryCheck<T>): void => {
    if (broken.has(section) || broken.has("")) return;
    for (const [name, entry] of Object.entries(entries ?? {})) {
      const path = [section, name];
      if (broken.size === 0 || !broken.has(formatPath(path))) problems.push(...check(path, entry));
    }
  };
  if (!broken.has("")) {
    each("nodes", value.nodes, checkNodeGroup);
    each("services", value.services, checkService);
    each("gateways", value.gateways, checkGateway);
    each("routes", value.routes, checkRoute);
    each("tlsRoutes", value.tlsRoutes, checkTlsRoute);
    each("splits", value.splits, checkSplit);
    each("policies", value.policies, checkPolicy);
    each("policies", value.policies, (path, policy) => checkExtensions(api, path, policy));
    each("routes", value.routes, (path, { rules }) =>
      rules.flatMap(({ filters }, rule) =>
        (filters ?? []).flatMap((filter, index) =>
          checkExtensions(api, [...path, "rules", rule, "filters", index], filter),
        ),
      ),
    );
  }
  if (!broken.has("") && !broken.has("resources")) {
    for (const [index, resource] of (value.resources ?? []).entries()) {
      const path = ["resources", index];
      if (broken.has(formatPath(path))) continue;
      const json = resource as { readonly [key: string]: JsonValue };
      problems.push(...checkRawResource(api, path, json), ...checkTtl(path, json));
    }
  }
  return problems.map((problem) => locate(document, withHint(problem)));
}

/** Nobody is left without a way out: what the schema says of the place is one, and Envoy's own page is another. */
function withHint(problem: Problem): Problem {
  if (problem.hint !== undefined || problem.hintFor !== undefined) return problem;
  const [section, , key] = problem.path;
  const isEnvoys = section === "resources" && key !== undefined && key !== "nodes" && key !== "@type";
  const hint = isEnvoys ? undefined : schemaHint(problem.path);
  return hint === undefined ? problem : { ...problem, hint };
}

const fitsSchema = compileSchema(documentSchema);

type EntryCheck<T> = (path: Path, entry: T) => readonly Problem[];

function checkShape(value: unknown): readonly Problem[] {
  const foreign = foreignDocument(value);
  if (foreign !== undefined) return [foreign];
  if (fitsSchema(value)) return [];
  const result = documentSchema.safeParse(value);
  if (result.success) return [];
  const problems = result.error.issues.flatMap((issue) => explainIssue(value, issue));
  // "exactly one of …" beside an unknown key of the same map says the typo twice.
  const withUnknownKeys = new Set(
    problems
      .filter((problem) => problem.code === "unknown-key")
      .map((problem) => formatPath(problem.path.slice(0, -1))),
  );
  const meant = new Set(problems.flatMap(meantPath));
  return problems.filter(
    ({ code, path }) =>
      code !== "missing-key" || !(withUnknownKeys.has(formatPath(path)) || meant.has(formatPath(path))),
  );
}

/** The path of the key that a misspelt one stands for: that it is missing needs no second message. */
function meantPath(problem: Problem): readonly string[] {
  const meant =
    problem.code === "unknown-key" ? /^(?:did you mean|write) `([@\w]+)[`:]/.exec(problem.hint ?? "")?.[1] : undefined;
  return meant === undefined ? [] : [formatPath([...problem.path.slice(0, -1), meant])];
}

/** The entry that a path lies in: `services.shop`; the section itself, or the empty text for the whole document. */
function entryOf(path: Path): string {
  // An unknown key at the top spoils nothing else.
  return formatPath(path.slice(0, 2));
}
