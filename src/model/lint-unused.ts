/**
 * Warnings about names that are defined and that nothing uses.
 *
 * What a node group lists under `services` counts as used, and so does a service that any text of a raw
 * resource or a patch names, because a cluster's name can stand anywhere in one.
 */
import type { DocumentParts } from "./build-document.ts";
import type { Definition, Reference, Section } from "./collect-names.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { collectPatchTexts, collectTexts } from "./json-texts.ts";
import type { Definitions } from "./merge-documents.ts";
import type { Problem } from "./position.ts";
import { locate } from "./position.ts";

/** What is of no use unless something names it, and what becomes of it when nothing does. */
const sectionsToUse: readonly {
  readonly section: Section;
  readonly noun: string;
  readonly fate: string;
  readonly hint: string;
}[] = [
  {
    section: "services",
    noun: "service",
    fate: "; it is still sent to every node group",
    hint: "name it in the `backends` of a route, or remove it",
  },
  { section: "secrets", noun: "secret", fate: "", hint: "name it under `tls` of a listener or service, or remove it" },
  { section: "splits", noun: "split", fate: "", hint: "name it as the `split` of a rule, or remove it" },
  {
    section: "policies",
    noun: "policy",
    fate: "",
    hint: "name it in the `policies` of a gateway, route or rule, or remove it",
  },
];

/** The definitions that nothing refers to; all references are known to be right. */
export function lintUnused(
  definitions: Definitions,
  references: readonly Reference[],
  parts: readonly DocumentParts[],
): readonly Diagnostic[] {
  const used = new Set<string>();
  for (const { section, name, member } of references) {
    used.add(`${section} ${name}`);
    if (member !== undefined) used.add(`${section} ${name} ${member.name}`);
  }
  const texts = new Set<string>();
  for (const { rawResources, patches } of parts) {
    for (const { resource } of rawResources) collectTexts(resource.json, texts);
    for (const patch of patches) collectPatchTexts(patch, texts);
  }
  return sectionsToUse.flatMap(({ section, noun, fate, hint }) =>
    [...definitions[section].values()].flatMap((definition) => {
      const { name } = definition;
      const inRaw = (section === "services" ? clustersOf(definition) : [name]).some((text) => texts.has(text));
      if (!inRaw && !used.has(`${section} ${name}`)) {
        return [warn(definition, `nothing uses the ${noun} \`${name}\`${fate}`, hint)];
      }
      return section === "services" ? unusedSubsets(definition, used, texts) : [];
    }),
  );
}

/** A service and its subsets, by the names that Envoy knows them by. */
function clustersOf({ name, members = [] }: Definition): readonly string[] {
  return [name, ...members.map((subset) => `${name}|${subset}`)];
}

function unusedSubsets(
  definition: Definition,
  used: ReadonlySet<string>,
  texts: ReadonlySet<string>,
): readonly Diagnostic[] {
  const { name, members = [] } = definition;
  return members
    .filter((subset) => !used.has(`services ${name} ${subset}`) && !texts.has(`${name}|${subset}`))
    .map((subset) => {
      const message = `nothing uses the subset \`${subset}\` of \`${name}\``;
      return warn(
        definition,
        message,
        "name it in a backend (`subset`), with weight 0 if it is for later, or remove it",
        ["subsets", subset],
      );
    });
}

function warn(
  { document, path }: Definition,
  message: string,
  hint: string,
  below: readonly string[] = [],
): Diagnostic {
  const problem: Problem = {
    code: "unused-definition",
    severity: "warning",
    message,
    hint,
    path: [...path, ...below],
    at: "key",
  };
  return locate(document, problem);
}
