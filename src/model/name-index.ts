/**
 * Which file defines a name and which files use it, kept from parse to parse, so that an edit looks at the
 * files that it can matter to and not at all of them.
 *
 * It answers whether the names of all files fit together. Where they do not, `parse-intent.ts` goes through
 * everything once more for the words, so that what is told never depends on what was there before.
 */
import { checkAttachments } from "./check-attachments.ts";
import { DEFAULT_GROUP, checkReferences } from "./check-references.ts";
import type { Definition, Reference, Section } from "./collect-names.ts";
import { sections } from "./collect-names.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { lintUnused } from "./lint-unused.ts";
import type { Definitions } from "./merge-documents.ts";

/** What of a checked file matters here; an object is one content. */
interface NamingFile {
  readonly definitions: readonly Definition[];
  readonly references: readonly Reference[];
}

/** Kept for the life of a parse cache; `update` first, then ask. */
export class NameIndex<File extends NamingFile> {
  #files: ReadonlySet<File> = new Set();
  readonly #definitions = emptyDefinitions();
  /** By `section name`. */
  readonly #definers = new Map<string, readonly File[]>();
  /** By `section name` and `section name member`. */
  readonly #users = new Map<string, Set<File>>();
  readonly #repeated = new Set<string>();
  /** Files whose references were found to be right, since nothing changed that they name. */
  #right = new WeakSet<File>();
  #unused = new WeakMap<File, readonly Diagnostic[]>();
  #texts: ReadonlySet<string> = new Set();

  /** Takes the files of now; gives those for which a name that they use may mean something else than before. */
  update(files: readonly File[]): ReadonlySet<File> {
    const before = this.#files;
    this.#files = new Set(files);
    const gone = [...before].filter((file) => !this.#files.has(file));
    const come = files.filter((file) => !before.has(file));
    for (const file of gone) this.#remove(file);
    for (const file of come) this.#add(file);
    const touched = [...gone, ...come];
    const affected = new Set<File>();
    for (const key of new Set(touched.flatMap(({ definitions }) => definitions.flatMap(keysDefined)))) {
      for (const user of this.#users.get(key) ?? []) affected.add(user);
    }
    for (const key of new Set(touched.flatMap(({ references }) => references.flatMap(keysUsed)))) {
      for (const definer of this.#definers.get(key) ?? []) this.#unused.delete(definer);
    }
    for (const file of affected) this.#right.delete(file);
    return affected;
  }

  /** By name; one of several where a name is repeated. */
  get definitions(): Definitions {
    return this.#definitions;
  }

  /** Whether each name is defined once, and each that is used is defined. */
  isRight(): boolean {
    if (this.#repeated.size > 0) return false;
    for (const file of this.#files) {
      if (this.#right.has(file)) continue;
      const isWrong =
        checkReferences(file.references, this.#definitions).length > 0 ||
        checkAttachments(file.references, this.#definitions).length > 0;
      if (isWrong) return false;
      this.#right.add(file);
    }
    return true;
  }

  /** The warnings about what nothing uses; the names must be right. `texts` are those of raw resources and patches, one object as long as they are the same. */
  unused(texts: ReadonlySet<string>): readonly Diagnostic[] {
    if (texts !== this.#texts) this.#unused = new WeakMap();
    this.#texts = texts;
    const isUsed = (key: string) => this.#users.has(key);
    const found: Diagnostic[] = [];
    for (const file of this.#files) {
      const known = this.#unused.get(file) ?? lintUnused(file.definitions, isUsed, texts);
      this.#unused.set(file, known);
      found.push(...known);
    }
    return found;
  }

  #add(file: File): void {
    for (const definition of file.definitions) {
      const key = keyOf(definition);
      const definers = [...(this.#definers.get(key) ?? []), file];
      this.#definers.set(key, definers);
      if (definers.length > 1) this.#repeated.add(key);
      this.#definitions[definition.section].set(definition.name, definition);
    }
    for (const key of file.references.flatMap(keysUsed)) {
      const users = this.#users.get(key);
      if (users === undefined) this.#users.set(key, new Set([file]));
      else users.add(file);
    }
  }

  #remove(file: File): void {
    for (const definition of file.definitions) {
      const key = keyOf(definition);
      const [first, ...others] = (this.#definers.get(key) ?? []).filter((other) => other !== file);
      if (others.length === 0) this.#repeated.delete(key);
      if (first === undefined) {
        this.#definers.delete(key);
        this.#definitions[definition.section].delete(definition.name);
      } else {
        this.#definers.set(key, [first, ...others]);
        const left = first.definitions.find((other) => keyOf(other) === key);
        if (left !== undefined) this.#definitions[definition.section].set(definition.name, left);
      }
    }
    for (const key of file.references.flatMap(keysUsed)) {
      const users = this.#users.get(key);
      users?.delete(file);
      if (users?.size === 0) this.#users.delete(key);
    }
  }
}

function emptyDefinitions(): Record<Section, Map<string, Definition>> {
  return Object.fromEntries(sections.map((section) => [section, new Map<string, Definition>()])) as Record<
    Section,
    Map<string, Definition>
  >;
}

function keyOf({ section, name }: { readonly section: Section; readonly name: string }): string {
  return `${section} ${name}`;
}

/** A node group that is defined also ends the one that is there without any. */
function keysDefined(definition: Definition): readonly string[] {
  return definition.section === "nodes"
    ? [keyOf(definition), keyOf({ section: "nodes", name: DEFAULT_GROUP })]
    : [keyOf(definition)];
}

function keysUsed(reference: Reference): readonly string[] {
  const key = keyOf(reference);
  return reference.member === undefined ? [key] : [key, `${key} ${reference.member.name}`];
}
