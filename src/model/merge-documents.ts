/**
 * All documents together, by name.
 *
 * Top-level maps are merged; a name has one definition. Which of two is "the first" depends on their places
 * and not on the order in which the files were read, so that every replica says the same.
 */
import type { Definition, Section } from "./collect-names.ts";
import { sections } from "./collect-names.ts";
import type { Diagnostic, Place } from "./diagnostic.ts";
import { locate, placeOf } from "./position.ts";

/** Every defined name. */
export type Definitions = Readonly<Record<Section, ReadonlyMap<string, Definition>>>;

/** The definitions by section and name, and a diagnostic for each that comes second. */
export function mergeDocuments(all: readonly Definition[]): {
  readonly definitions: Definitions;
  readonly diagnostics: readonly Diagnostic[];
} {
  const merged = Object.fromEntries(sections.map((section) => [section, new Map<string, Definition>()])) as Record<
    Section,
    Map<string, Definition>
  >;
  const diagnostics: Diagnostic[] = [];
  for (const definition of all) {
    const other = merged[definition.section].get(definition.name);
    if (other === undefined) {
      merged[definition.section].set(definition.name, definition);
      continue;
    }
    const isFirst = comparePlaces(keyPlace(definition), keyPlace(other)) < 0;
    if (isFirst) merged[definition.section].set(definition.name, definition);
    diagnostics.push(isFirst ? defined(other) : defined(definition));
  }
  return { definitions: merged, diagnostics: diagnostics.map((diagnostic) => withFirst(merged, diagnostic)) };
}

/** By file, line, column; by code units, because a locale would differ between machines. */
export function comparePlaces(left: Place, right: Place): number {
  if (left.file !== right.file) return left.file < right.file ? -1 : 1;
  return left.line - right.line || left.column - right.column;
}

type SecondDefinition = Diagnostic & { readonly definition: Definition };

function defined(definition: Definition): SecondDefinition {
  const problem = {
    code: "duplicate-name",
    message: `\`${definition.name}\` is defined twice under \`${definition.section}\``,
    hint: "rename or remove one of them",
    path: definition.path,
    at: "key",
  } as const;
  return { ...locate(definition.document, problem), definition };
}

function withFirst(merged: Record<Section, Map<string, Definition>>, diagnostic: Diagnostic): Diagnostic {
  const { definition, ...rest } = diagnostic as SecondDefinition;
  const first = merged[definition.section].get(definition.name) ?? definition;
  return { ...rest, related: { at: keyPlace(first), message: "first defined here" } };
}

function keyPlace(definition: Definition): Place {
  return placeOf(definition.document, definition.path, "key");
}
