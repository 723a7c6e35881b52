/**
 * Label values with a bound, so that no input can grow the number of series.
 */
import { resourceType } from "../snapshot/type-url.ts";

/** What every value beyond the bound is called. */
export const OTHER = "other";

/** More groups than people tell apart on a graph; whoever gives each node a group of its own gets `other`. */
export const GROUP_LABELS_MAX = 200;

/** A name as a label. */
export type Labels = (name: string) => string;

/** The first names keep their own label, every later one is `other`. */
export function boundedLabels(labelsMax: number): Labels {
  const known = new Set<string>();
  return (name) => {
    if (known.has(name)) return name;
    if (known.size >= labelsMax) return OTHER;
    known.add(name);
    return name;
  };
}

/** The short name of a type that xDS delivers, such as `CDS`; a node may ask for any other. */
export function typeLabel(typeUrl: string): string {
  return resourceType(typeUrl)?.shortName ?? OTHER;
}
