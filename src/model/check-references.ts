/**
 * References between documents: each name must be defined in some file.
 */
import { closestName } from "./closest-name.ts";
import type { Definition, Reference, Section } from "./collect-names.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { Definitions } from "./merge-documents.ts";
import type { Problem } from "./position.ts";
import { locate } from "./position.ts";
import { scalarRules } from "./schema-scalars.ts";

/** What one definition of a section is called. */
const nouns: Readonly<Record<Section, string>> = {
  nodes: "node group",
  gateways: "gateway",
  services: "service",
  routes: "route",
  tcpRoutes: "TCP route",
  tlsRoutes: "TLS route",
  udpRoutes: "UDP route",
  splits: "split",
  policies: "policy",
  secrets: "secret",
};

/** What the members of a definition are called. */
const memberNouns: Readonly<Partial<Record<Section, string>>> = {
  gateways: "listener",
  services: "subset",
  secrets: "part",
};

/** So many names are listed in a hint. */
const NAMES_MAX = 20;

/** To sort more would make a large fleet pay for each wrong name. */
const SORTED_MAX = 2_000;

/** The group that exists without a `nodes` map. */
export const DEFAULT_GROUP = "default";

/** The names of all node groups. */
export function groupNames(definitions: Definitions): readonly string[] {
  return definitions.nodes.size === 0 ? [DEFAULT_GROUP] : [...definitions.nodes.keys()].toSorted();
}

/** The dangling references. */
export function checkReferences(references: readonly Reference[], definitions: Definitions): readonly Diagnostic[] {
  return references.flatMap((reference) => {
    const problem = danglingName(reference, definitions);
    return problem === undefined ? [] : [locate(reference.document, problem)];
  });
}

function danglingName(reference: Reference, definitions: Definitions): Problem | undefined {
  const { section, name, path } = reference;
  // That it cannot be a name at all has been told.
  if (!scalarRules.name.pattern.test(name)) return undefined;
  const known = definitions[section];
  const definition = known.get(name);
  if (definition !== undefined) return danglingMember(reference, definition);
  if (section === "nodes" && groupNames(definitions).includes(name)) return undefined;
  const candidates = section === "nodes" ? groupNames(definitions) : [...known.keys()];
  const near = closestName(name, candidates);
  return {
    code: "dangling-reference",
    message: `there is no ${nouns[section]} \`${name}\``,
    hint: near === undefined ? defineIt(section, candidates) : `did you mean \`${near}\`?`,
    path,
    at: "value",
  };
}

/** With the names that there are, as far as a sentence can take them. */
function defineIt(section: Section, names: readonly string[]): string {
  const hint = `define it under \`${section}\`, in this file or another`;
  return names.length === 0 || names.length > SORTED_MAX
    ? hint
    : `${hint}; there ${names.length === 1 ? "is" : "are"} ${shown(names.toSorted())}`;
}

function shown(names: readonly string[]): string {
  return names.slice(0, NAMES_MAX).join(", ") + (names.length > NAMES_MAX ? " …" : "");
}

function danglingMember(reference: Reference, definition: Definition): Problem | undefined {
  const { member, section, name } = reference;
  if (member === undefined || definition.members === undefined || definition.members.includes(member.name))
    return undefined;
  const noun = memberNouns[section] ?? "member";
  const near = closestName(member.name, definition.members);
  const known = definition.members.length === 0 ? `it has no ${noun}s` : `its ${noun}s: ${shown(definition.members)}`;
  return {
    code: "dangling-reference",
    message: `${nouns[section]} \`${name}\` has no ${noun} \`${member.name}\``,
    hint: near === undefined ? known : `did you mean \`${near}\`?`,
    path: member.path,
    at: "value",
  };
}
