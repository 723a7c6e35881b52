/**
 * Filters that policies give in Envoy's own words, and where each stands.
 *
 * Their configs are in the chain, so there is one of each for every policy that has it.
 */
import type { AnyJson } from "../gen/google/protobuf/any_pb.d.ts";
import type { HttpFilterJson } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.d.ts";
import type { Extension, Extensions, FilterPlace } from "../model/filter-extensions.ts";
import type { EffectiveFilter } from "./effective-filters.ts";

/** Before each name, so that none is taken for one of Envoy's filters. */
const prefix = "extension.";

/** Whether a name in a chain is that of one of these. */
export function isExtensionName(name: string): boolean {
  return name.startsWith(prefix);
}

/** Those of one place, in the order of their policies; those before the router when there is no place. */
export function extensionsAt(
  filters: readonly EffectiveFilter[],
  place?: { readonly side: "before" | "after"; readonly part: FilterPlace },
): readonly HttpFilterJson[] {
  const found = new Map<string, HttpFilterJson>();
  for (const filter of filters) {
    for (const extension of extensionsOf(filter)) {
      if (extension.place?.side !== place?.side || extension.place?.part !== place?.part) continue;
      const name = nameOf(extension, filter.source);
      found.set(name, { name, typedConfig: extension.typedConfig, disabled: true });
    }
  }
  return [...found.values()];
}

/** What routes say to the extensions that hold there, by name; `on` switches a filter on. */
export function extensionsOfRoute(filter: EffectiveFilter | undefined, on: AnyJson): Readonly<Record<string, AnyJson>> {
  if (filter === undefined) return {};
  return Object.fromEntries(
    extensionsOf(filter).map((extension) => [nameOf(extension, filter.source), extension.routeConfig ?? on]),
  );
}

function extensionsOf({ name, part }: EffectiveFilter): readonly Extension[] {
  if (name !== "extensions" || part.settings === "none") return [];
  return (part.settings as Extensions).filters;
}

function nameOf({ name }: Extension, source: string): string {
  return `${prefix}${name}/${source}`;
}
