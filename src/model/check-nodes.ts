/**
 * What the schema cannot say about one node group: names that look like patterns, which there are none of.
 */
import type { Path, Problem } from "./position.ts";
import type { NodeGroupValue } from "./schema.ts";

/** A warning only: an id may hold a star. */
export function checkNodeGroup(path: Path, group: NodeGroupValue): readonly Problem[] {
  const { id, cluster } = group.match ?? {};
  return [...literalGlobs([...path, "match", "id"], id), ...literalGlobs([...path, "match", "cluster"], cluster)];
}

function literalGlobs(path: Path, written: string | readonly string[] | undefined): readonly Problem[] {
  const items =
    typeof written === "string"
      ? [{ text: written, path }]
      : (written ?? []).map((text, index) => ({ text, path: [...path, index] }));
  return items
    .filter(({ text }) => text.includes("*"))
    .map((item) => ({
      code: "literal-glob",
      severity: "warning",
      message: `"${item.text}" is taken literally: only an Envoy that is called exactly so matches`,
      hint: "list all of them, or match by `cluster` or `metadata`, which the Envoys of a group can have in common",
      path: item.path,
      at: "value",
    }));
}
