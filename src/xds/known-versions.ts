/**
 * Whether a client that comes back holds anything that this control plane has never served.
 *
 * Its first request of a type says so: in delta each resource with its version, in SotW the version of the last response.
 */
import type { TypeTable } from "../snapshot/snapshot.ts";
import { tableVersion } from "../snapshot/snapshot.ts";
import { resourceName } from "./offer.ts";
import { byName } from "./response-limits.ts";
import type { Demand } from "./stream-state.ts";

/** Whether it claims to hold anything at all. */
export function holdsNothing(demand: Demand): boolean {
  return demand.variant === "sotw" ? demand.versionInfo === "" : demand.initialVersions.size === 0;
}

/** Whether all that it names is in one of the tables. */
export function isKnown(demand: Demand, tables: readonly TypeTable[]): boolean {
  if (holdsNothing(demand)) return true;
  if (demand.variant === "sotw") return tables.some((table) => isVersionOf(table, demand));
  for (const [name, version] of demand.initialVersions) {
    const known = resourceName(name);
    // Without a version it is a name that it was told not to exist.
    if (version !== "" && !tables.some((table) => table.resources.get(known)?.version === version)) return false;
  }
  return true;
}

/** The version of a full state is that of the table; of types that are named it is that of what was named. */
function isVersionOf(table: TypeTable, { versionInfo, names }: Demand & { readonly variant: "sotw" }): boolean {
  if (table.version === versionInfo) return true;
  const named = names.flatMap((name) => table.resources.get(resourceName(name)) ?? []);
  return tableVersion(named.toSorted(byName)) === versionInfo;
}
