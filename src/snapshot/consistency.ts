/**
 * Whether everything that a snapshot's resources name is in the snapshot.
 *
 * Envoy accepts a route to a cluster that it does not have, and answers 503 to those who take it; so this
 * is checked before anything is served. What nothing refers to is fine: a load assignment that no cluster
 * asks for is never sent.
 */
import { closestName } from "../model/closest-name.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import { controlPlaneCluster } from "../translate/route-reports.ts";
import type { Reference, Resource } from "./resource.ts";
import type { TypeTable } from "./snapshot.ts";
import { resourceType, typeUrls } from "./type-url.ts";
import type { NameFinder } from "./written-names.ts";

/** The control plane itself, as the bootstraps that Fairway writes call it; raw resources may use it. */
const bootstrapClusters: ReadonlySet<string> = new Set([controlPlaneCluster]);

/** How the group wants to be checked. */
export interface ConsistencySettings {
  readonly group: string;
  /** `warn` is for nodes that get some of their resources from elsewhere or on demand. */
  readonly consistency: "strict" | "warn";
  /** Resources that are there and wrong. */
  readonly broken?: readonly { readonly typeUrl: string; readonly name: string }[];
  /** Who wrote the names. */
  readonly names: NameFinder;
}

/** One diagnostic for each name that is missing, at the place of the resource, patch or extension that needs it. */
export function checkConsistency(
  tables: ReadonlyMap<string, TypeTable>,
  settings: ConsistencySettings,
): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const table of tables.values()) {
    for (const resource of table.resources.values()) {
      for (const reference of resource.references) {
        if (!isDefined(reference, tables) && !isBroken(reference, settings.broken))
          found.push(dangling(resource, reference, { ...settings, tables }));
      }
    }
  }
  return found;
}

function isDefined(reference: Reference, tables: ReadonlyMap<string, TypeTable>): boolean {
  if (isKnownFromStart(reference)) return true;
  const names: ReadonlyMap<string, Resource> | undefined = tables.get(reference.typeUrl)?.resources;
  return names?.has(reference.name) ?? false;
}

/** Whether every Envoy has this before it gets anything from here. */
export function isKnownFromStart({ typeUrl, name }: Reference): boolean {
  return typeUrl === typeUrls.cluster && bootstrapClusters.has(name);
}

function isBroken(reference: Reference, broken: ConsistencySettings["broken"] = []): boolean {
  return broken.some(({ typeUrl, name }) => typeUrl === reference.typeUrl && name === reference.name);
}

function dangling(
  resource: Resource,
  reference: Reference,
  settings: ConsistencySettings & { readonly tables: ReadonlyMap<string, TypeTable> },
): Diagnostic {
  const missing = `the ${noun(reference.typeUrl)} "${reference.name}"`;
  const written = settings.names.written(resource, reference.name);
  const subject = written?.subject ?? `${noun(resource.typeUrl)} "${resource.name}"`;
  const near = closestName(reference.name, [
    ...(settings.tables.get(reference.typeUrl)?.resources.keys() ?? []),
    ...settings.names.definedNames(reference.typeUrl),
  ]);
  return {
    code: "dangling-reference",
    severity: settings.consistency === "warn" ? "warning" : "error",
    message: `the ${subject} refers to ${missing}, which group "${settings.group}" does not have`,
    at: written?.at ?? resource.at,
    hint:
      near === undefined
        ? 'define it; if the Envoys get it from elsewhere, write "consistency: warn" for the group'
        : `did you mean "${near}"?`,
  };
}

const nouns: Readonly<Record<string, string>> = {
  [typeUrls.secret]: "secret",
  [typeUrls.cluster]: "cluster",
  [typeUrls.endpoints]: "load assignment",
  [typeUrls.listener]: "listener",
  [typeUrls.route]: "route configuration",
  [typeUrls.virtualHost]: "virtual host",
  [typeUrls.extension]: "extension",
  [typeUrls.runtime]: "runtime",
};

/** What people call a type. */
function noun(typeUrl: string): string {
  return nouns[typeUrl] ?? resourceType(typeUrl)?.shortName ?? typeUrl;
}
