/**
 * Which names in a directory are config documents, and which are the droppings of editors.
 *
 * Editors and copy tools leave files beside the one they save: vim probes with `4913` and keeps `.x.swp`
 * and `x~`, emacs keeps `#x#` and `.#x`, rsync and many deploy tools write `.x.abc` or `x.tmp` first.
 * Reading one of them would show a document twice, or half of one.
 */

/** The link that a Kubernetes ConfigMap volume swaps: the only dotted name that means something. */
export const configMapLink = "..data";

/** Names that are never read or descended into. */
export function isIgnoredName(name: string): boolean {
  return (
    name.startsWith(".") ||
    name.endsWith("~") ||
    (name.startsWith("#") && name.endsWith("#")) ||
    name === "4913" ||
    /\.(?:tmp|swp|swo|swx)$/.test(name)
  );
}

/** Names that are read as documents. */
export function isDocumentName(name: string): boolean {
  return !isIgnoredName(name) && /\.(?:yaml|yml|json)$/.test(name);
}
