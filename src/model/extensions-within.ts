/**
 * The filters in Envoy's own words (`extensions`) at one place, or in all of what is attached there.
 */
import type { DocumentParts } from "./build-document.ts";
import type { Extension } from "./filter-extensions.ts";
import type { FilterParts } from "./filter-parts.ts";
import type { AttachedPolicy } from "./intent-policy.ts";

/** What has policies: a gateway, or a route with its rules. */
interface Site {
  readonly policies: readonly AttachedPolicy[];
  readonly rules?: readonly { readonly policies: readonly AttachedPolicy[]; readonly httpFilters?: FilterParts }[];
}

/** Those of the policies of a gateway, or of a route and all its rules; also those that a nearer policy replaces. */
export function extensionsWithin({ policies, rules = [] }: Site): readonly Extension[] {
  return [
    ...policies.flatMap(({ policy }) => extensionsAmong(policy.httpFilters)),
    ...rules.flatMap((rule) => [
      ...extensionsAmong(rule.httpFilters),
      ...extensionsWithin({ policies: rule.policies }),
    ]),
  ];
}

const ofDocument = new WeakMap<DocumentParts, readonly Extension[]>();

/** Those that one document holds, attached or not; remembered, because most documents hold none in each build. */
export function extensionsWritten(parts: DocumentParts): readonly Extension[] {
  const known = ofDocument.get(parts);
  if (known !== undefined) return known;
  const found = [
    ...parts.policies.flatMap(({ httpFilters }) => extensionsAmong(httpFilters)),
    ...parts.routes.flatMap(({ rules }) => rules.flatMap(({ httpFilters }) => extensionsAmong(httpFilters))),
  ];
  ofDocument.set(parts, found);
  return found;
}

function extensionsAmong(parts: FilterParts | undefined): readonly Extension[] {
  const settings = parts?.extensions?.settings;
  return settings === undefined || settings === "none" ? [] : settings.filters;
}
