/**
 * Warnings about names that are defined and that nothing uses.
 *
 * What a node group lists under `services` counts as used, and so does a service that any text of a raw
 * resource, a patch or an extension names, because a cluster's name can stand anywhere in one. A name that gRPC
 * clients ask for may be a service's.
 */
import type { DocumentParts } from "./build-document.ts";
import type { Definition, Section } from "./collect-names.ts";
import { visitValues } from "./collect-names.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { extensionsWritten } from "./extensions-within.ts";
import { collectPatchTexts, collectTexts } from "./json-texts.ts";
import type { Problem } from "./position.ts";
import { locate } from "./position.ts";

/** What is of no use unless something names it, and what becomes of it when nothing does. */
const sectionsToUse: Readonly<
  Partial<Record<Section, { readonly noun: string; readonly fate: string; readonly hint: string }>>
> = {
  services: {
    noun: "service",
    fate: "; it is still sent to every node group",
    hint: "name it in the `backends` of a route, or remove it",
  },
  secrets: { noun: "secret", fate: "", hint: "name it under `tls` of a listener or service, or remove it" },
  splits: { noun: "split", fate: "", hint: "name it as the `split` of a rule, or remove it" },
  policies: { noun: "policy", fate: "", hint: "name it in the `policies` of a gateway, route or rule, or remove it" },
};

/** Those of the definitions that nothing refers to. `isUsed` knows `section name` and `section name member`; all references are known to be right. */
export function lintUnused(
  definitions: readonly Definition[],
  isUsed: (key: string) => boolean,
  texts: ReadonlySet<string>,
): readonly Diagnostic[] {
  return definitions.flatMap((definition) => {
    const { section, name } = definition;
    const words = sectionsToUse[section];
    if (words === undefined) return [];
    const inRaw = (section === "services" ? clustersOf(definition) : [name]).some((text) => texts.has(text));
    if (!inRaw && !isUsed(`${section} ${name}`)) {
      return [warn(definition, `nothing uses the ${words.noun} \`${name}\`${words.fate}`, words.hint)];
    }
    return section === "services" ? unusedSubsets(definition, isUsed, texts) : [];
  });
}

/** Every text of raw resources, patches and extensions, and the names that gRPC clients ask for, which may be services'. */
export function textsOf(parts: readonly DocumentParts[]): ReadonlySet<string> {
  const texts = new Set<string>();
  for (const part of parts) {
    const { rawResources, patches, gateways } = part;
    for (const { grpcListeners } of gateways) {
      for (const { hostnames } of grpcListeners) for (const hostname of hostnames) texts.add(hostname);
    }
    for (const { resource } of rawResources) collectTexts(resource.json, texts);
    for (const patch of patches) collectPatchTexts(patch, texts);
    for (const extension of extensionsWritten(part)) for (const { text } of extension.texts) texts.add(text);
  }
  return texts;
}

/** A service and its subsets, by the names that Envoy knows them by. */
function clustersOf({ name, members = [] }: Definition): readonly string[] {
  return [name, ...members.map((subset) => `${name}|${subset}`)];
}

function unusedSubsets(
  definition: Definition,
  isUsed: (key: string) => boolean,
  texts: ReadonlySet<string>,
): readonly Diagnostic[] {
  const { name, members = [], document, path } = definition;
  const fallbacks = new Set<unknown>();
  visitValues(document.value, [...path.map(String), "subsets", "*", "fallback"], (value) => fallbacks.add(value));
  return members
    .filter((subset) => !fallbacks.has(subset))
    .filter((subset) => !isUsed(`services ${name} ${subset}`) && !texts.has(`${name}|${subset}`))
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
