/**
 * What differs in a resource, and what Envoys make of it, in words that a plan and the report of a rollout share.
 */
import type { Place } from "../model/diagnostic.ts";
import type { JsonValue } from "../model/intent.ts";
import type { EffectWeight } from "./change-effects.ts";
import type { ExtensionChange } from "./extension-marks.ts";
import type { FieldChange } from "./field-changes.ts";
import type { PlannedChange } from "./plan.ts";
import { typeWord } from "./plan.ts";

/** A longer value says nothing in a line. */
const VALUE_LENGTH_MAX = 60;

export const signs = { added: "+", changed: "~", removed: "-" } as const;

/** Those that Envoys notice most come first, so that a bound cuts off what matters least. */
export function byWeight(changes: readonly PlannedChange[]): readonly PlannedChange[] {
  const ranks: Readonly<Record<EffectWeight, number>> = { disruptive: 0, notable: 1, quiet: 2 };
  const rank = ({ effects, extensions }: PlannedChange) =>
    Math.min(extensions.length > 0 ? 0 : 2, ...effects.map(({ weight }) => ranks[weight]));
  return changes.toSorted((a, b) => rank(a) - rank(b));
}

export function placeText({ file, line }: Place): string {
  return `${file}:${line}`;
}

/** `clusters/shop`. */
export function resourceText({ typeUrl, name }: Pick<PlannedChange, "typeUrl" | "name">): string {
  return `${typeWord(typeUrl)}/${name}`;
}

/** `route.timeout 3s → 5s`; a large part that comes or goes is only named. */
export function fieldText({ path, kind, before, after }: FieldChange): string {
  const where = pathText(path);
  const [old, now] = [valueText(before), valueText(after)];
  switch (kind) {
    case "changed":
      return `${where} ${old ?? "…"} → ${now ?? "…"}`;
    case "added":
      return `${where} added${now === undefined ? "" : `: ${now}`}`;
    case "removed":
      return `${where} removed${old === undefined ? "" : `, was ${old}`}`;
    case "reordered":
      return `${where} in another order`;
  }
}

/** Without the names that say nothing: of a network filter the last word is enough. */
function pathText(path: string): string {
  return path.replaceAll(/\.filters\[envoy\.filters\.network\.(\w+)\]\.typed_config/g, ".$1");
}

/** Undefined of a tree that is too large for a line. */
function valueText(value: JsonValue | undefined): string | undefined {
  if (typeof value === "string") {
    if (value.includes("\n")) return `a text of ${value.trimEnd().split("\n").length} lines`;
    const text = /^[\w./:|*%-]+$/.test(value) ? value : JSON.stringify(value);
    return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX)}…` : text;
  }
  const text = JSON.stringify(value ?? null);
  return text.length > VALUE_LENGTH_MAX ? undefined : text;
}

export function extensionText({ kind, code, place }: ExtensionChange): string {
  return `${code} ${kind}${place === undefined ? "" : ` at \`${place}\``}: read what it does, Fairway cannot tell`;
}
