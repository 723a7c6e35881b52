/**
 * Resources of one type as few large objects, for the way from the building thread to the serving thread.
 *
 * Ten thousand clusters are fifty thousand objects, each of which would be copied, and each body would be a piece of
 * memory of its own. Packed, their bodies are one piece that changes hands, and what is the same in many (types, files)
 * crosses once. The unpacked bodies are views of that piece, which lives as long as one of them, or copies.
 */
import { present } from "../support/assert.ts";
import type { Reference, Resource, ResourceName } from "./resource.ts";

/** Plain data: it survives the structured clone between threads. */
export interface PackedResources {
  readonly typeUrl: string;
  readonly names: readonly ResourceName[];
  readonly versions: readonly Resource["version"][];
  /** All bodies, one behind the other. */
  readonly bodies: Uint8Array<ArrayBuffer>;
  /** The files and the types that the numbers are positions of. */
  readonly files: readonly string[];
  readonly types: readonly string[];
  /** `NUMBERS_EACH` for each resource, in the order of `describe`. */
  readonly numbers: Int32Array<ArrayBuffer>;
  /** The type of each reference of all resources, and its name. */
  readonly referenceTypes: Int32Array<ArrayBuffer>;
  readonly referenceNames: readonly string[];
  /** By the position of the resource; few have any. */
  readonly timesToLive: ReadonlyMap<number, number>;
  /** Positions, too. */
  readonly onDemand: ReadonlySet<number>;
}

/** Where the body ends and where the references end, the file, the line, the column, and the hosts. */
const NUMBERS_EACH = 6;

export function packResources(typeUrl: string, resources: readonly Resource[]): PackedResources {
  const bodies = new Uint8Array(resources.reduce((bytes, { body }) => bytes + body.byteLength, 0));
  const numbers = new Int32Array(NUMBERS_EACH * resources.length);
  const [files, types] = [new Numbering(), new Numbering()];
  const references = resources.flatMap((resource) => resource.references);
  const timesToLive = new Map<number, number>();
  const onDemand = new Set<number>();
  let [bodyEnd, referencesEnd] = [0, 0];
  for (const [index, { body, references: own, at, hostCount, ...sent }] of resources.entries()) {
    bodies.set(body, bodyEnd);
    bodyEnd += body.byteLength;
    referencesEnd += own.length;
    const each = [bodyEnd, referencesEnd, files.of(at.file), at.line, at.column, hostCount];
    numbers.set(each, NUMBERS_EACH * index);
    if (sent.ttlMs !== undefined) timesToLive.set(index, sent.ttlMs);
    if (sent.onDemand === true) onDemand.add(index);
  }
  return {
    typeUrl,
    names: resources.map(({ name }) => name),
    versions: resources.map(({ version }) => version),
    bodies,
    referenceTypes: Int32Array.from(references, (reference) => types.of(reference.typeUrl)),
    referenceNames: references.map(({ name }) => name),
    files: files.texts,
    types: types.texts,
    numbers,
    timesToLive,
    onDemand,
  };
}

/** The same resources. */
export function unpackResources(
  packed: PackedResources,
  { isCopied = false }: { readonly isCopied?: boolean } = {},
): readonly Resource[] {
  const { typeUrl, names, versions, bodies, numbers, timesToLive, onDemand } = packed;
  let [bodyStart, referencesStart] = [0, 0];
  return names.map((name, index) => {
    const number = (which: number): number => numbers[NUMBERS_EACH * index + which] ?? 0;
    const [bodyEnd, referencesEnd] = [number(0), number(1)];
    const ttlMs = timesToLive.get(index);
    const resource: Resource = {
      typeUrl,
      name,
      version: present(versions[index], "each resource has a version"),
      body: isCopied ? bodies.slice(bodyStart, bodyEnd) : bodies.subarray(bodyStart, bodyEnd),
      references: referencesBetween(packed, referencesStart, referencesEnd),
      at: { file: packed.files[number(2)] ?? "", line: number(3), column: number(4) },
      hostCount: number(5),
      ...(ttlMs === undefined ? {} : { ttlMs }),
      ...(onDemand.has(index) ? { onDemand: true } : {}),
    };
    [bodyStart, referencesStart] = [bodyEnd, referencesEnd];
    return resource;
  });
}

function referencesBetween(packed: PackedResources, from: number, to: number): readonly Reference[] {
  const found: Reference[] = [];
  for (let index = from; index < to; index += 1) {
    const typeUrl = packed.types[packed.referenceTypes[index] ?? 0] ?? "";
    found.push({ typeUrl, name: packed.referenceNames[index] ?? "" });
  }
  return found;
}

/** A number for each text, in the order in which they come. */
class Numbering {
  readonly #numbers = new Map<string, number>();

  of(text: string): number {
    const number = this.#numbers.get(text) ?? this.#numbers.size;
    this.#numbers.set(text, number);
    return number;
  }

  get texts(): readonly string[] {
    return [...this.#numbers.keys()];
  }
}
