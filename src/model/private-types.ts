/**
 * Private types beside the Envoy API: the files of further descriptor sets, added to those of the API.
 *
 * A set brings what it imports along, made by another compiler and perhaps from an older Envoy API. Such a
 * file is left out, because the API has it already, as long as it says nothing that the API does not say;
 * a type that would mean two things is an error, and so is an import that is nowhere.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { FieldDescriptorProto_Label, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { DescriptorProto, EnumDescriptorProto, FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";

/** The bytes of a FileDescriptorSet, uncompressed, and what to call it. */
export interface DescriptorSet {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What a type consists of, as far as two definitions of it could differ: a line for each field or value. */
type Outline = ReadonlySet<string>;

const wayOut = "make it with `buf build -o types.binpb` or `protoc --include_imports -o types.binpb`";

/** The files of the API and those that the sets add, each after what it imports; or a sentence for each mistake. */
export function addPrivateTypes(
  apiFiles: readonly FileDescriptorProto[],
  sets: readonly DescriptorSet[],
): Result<readonly FileDescriptorProto[], readonly string[]> {
  const problems: string[] = [];
  const files = new Map(apiFiles.map((file) => [file.name, file]));
  const types = new Map(
    apiFiles.flatMap((file) => [...outlines(file)].map(([name, outline]) => [name, { file, outline }])),
  );
  for (const set of sets) {
    const report = (problem: string) => problems.push(`${set.name}: ${problem}`);
    for (const file of filesOf(set, report)) {
      const known = files.get(file.name);
      // The language's own files come with every compiler, in its version.
      if (known !== undefined && file.name.startsWith("google/protobuf/")) continue;
      const defined = [...outlines(file)];
      for (const [name, outline] of defined) {
        const other = types.get(name);
        if (known === undefined && other !== undefined) {
          report(
            `${name} of ${file.name} is defined in ${other.file.name} already; compile with the same import paths`,
          );
        } else if (known !== undefined) {
          const extra = [...outline].find((line) => other?.outline.has(line) !== true);
          if (extra !== undefined)
            report(`${name} has ${extra}, which it has not here; compile against the same ${file.name}`);
        }
      }
      if (known !== undefined) continue;
      files.set(file.name, file);
      for (const [name, outline] of defined) types.set(name, { file, outline });
    }
  }
  if (problems.length === 0) problems.push(...missingImports(files));
  return problems.length === 0 ? ok(inOrder(files)) : err(problems);
}

function filesOf({ bytes }: DescriptorSet, report: (problem: string) => void): readonly FileDescriptorProto[] {
  try {
    const { file } = fromBinary(FileDescriptorSetSchema, bytes);
    if (file.length > 0 && file.every(({ name }) => name !== "")) return file;
  } catch {
    // Told below, as bytes that happen to parse are.
  }
  report(`this is no descriptor set; ${wayOut}`);
  return [];
}

/** Every message, enum and extension of a file by its full name. */
function outlines(file: FileDescriptorProto): ReadonlyMap<string, Outline> {
  const found = new Map<string, Outline>();
  const addEnum = (scope: string, { name, value }: EnumDescriptorProto) =>
    found.set(scope + name, new Set(value.map((each) => `the value ${each.name} = ${each.number}`)));
  const addFields = (scope: string, fields: DescriptorProto["field"]) =>
    new Set(
      fields.map(({ name, number, type, typeName, label }) => {
        const kind = typeName === "" ? `scalar ${type}` : typeName.slice(1);
        return `the field ${name} = ${number} (${label === FieldDescriptorProto_Label.REPEATED ? "repeated " : ""}${kind})`;
      }),
    );
  const addMessage = (scope: string, { name, field, nestedType, enumType, extension }: DescriptorProto): void => {
    const inner = `${scope}${name}.`;
    found.set(scope + name, addFields(inner, field));
    for (const nested of nestedType) addMessage(inner, nested);
    for (const nested of enumType) addEnum(inner, nested);
    for (const each of extension) found.set(inner + each.name, addFields(inner, [each]));
  };
  const scope = file.package === "" ? "" : `${file.package}.`;
  for (const message of file.messageType) addMessage(scope, message);
  for (const each of file.enumType) addEnum(scope, each);
  for (const each of file.extension) found.set(scope + each.name, addFields(scope, [each]));
  return found;
}

function missingImports(files: ReadonlyMap<string, FileDescriptorProto>): readonly string[] {
  return [...files.values()].flatMap(({ name, dependency }) =>
    dependency
      .filter((wanted) => !files.has(wanted))
      .map((wanted) => `${name} imports ${wanted}, which is neither in the Envoy API nor in a set; ${wayOut}`),
  );
}

/** Readers of a descriptor set expect each file after those that it imports. */
function inOrder(files: ReadonlyMap<string, FileDescriptorProto>): readonly FileDescriptorProto[] {
  const ordered = new Set<FileDescriptorProto>();
  const started = new Set<string>();
  const add = (name: string): void => {
    const file = files.get(name);
    if (file === undefined || started.has(name)) return;
    started.add(name);
    for (const dependency of file.dependency) add(dependency);
    ordered.add(file);
  };
  for (const name of files.keys()) add(name);
  return [...ordered];
}
