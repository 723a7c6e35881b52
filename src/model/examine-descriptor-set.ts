/**
 * What a descriptor set says of gRPC services, as far as Envoy could not make them callable over HTTP and JSON with it.
 *
 * The set is made smaller on the way: comments and source positions, which compilers may put in, are of no use to an
 * Envoy, and every Envoy gets the rest inside of its listener.
 */
import { createFileRegistry, create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto } from "@bufbuild/protobuf/wkt";
import { closestName } from "./closest-name.ts";

/** The set for Envoy, or what is wrong with it: completes "`file` …". `service` is the one that it is about. */
export type ExaminedDescriptorSet =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly problems: readonly DescriptorSetProblem[] };

export interface DescriptorSetProblem {
  readonly service?: string;
  readonly message: string;
  readonly hint: string;
}

/** The number of the extension `google.api.http` of a method's options. */
const HTTP_ANNOTATION = 72_295_728;

/** So many names fit into a hint. */
const NAMES_MAX = 5;

const wayOut =
  "make it with `buf build -o shop.binpb`, or with `protoc --include_imports --descriptor_set_out=shop.binpb shop.proto`";

/** Looks for the services; `needsAnnotations` when only methods that say how they are called over HTTP count. */
export function examineDescriptorSet(
  bytes: Uint8Array,
  { services, needsAnnotations }: { readonly services: readonly string[]; readonly needsAnnotations: boolean },
): ExaminedDescriptorSet {
  const read = readFiles(bytes);
  if (read === undefined) return refused("is no descriptor set", wayOut);
  const files = inOrder(read);
  const missing = missingImport(files);
  if (missing !== undefined) return refused(`lacks ${missing.wanted}, which ${missing.by} imports`, wayOut);
  const unresolved = unresolvedType(files);
  if (unresolved !== undefined) return refused(`does not fit together: ${unresolved}`, wayOut);
  const defined = new Map(files.flatMap(servicesOf));
  const problems = services.flatMap((name): readonly DescriptorSetProblem[] => {
    const service = defined.get(name);
    if (service === undefined) {
      return [{ service: name, message: `has no service \`${name}\``, hint: nearest(name, [...defined.keys()]) }];
    }
    if (!needsAnnotations || service.method.some(isAnnotated)) return [];
    const hint = "add `option (google.api.http)` to its methods, or write `autoMapping: true`";
    return [{ service: name, message: `does not say how a method of \`${name}\` is called over HTTP`, hint }];
  });
  if (problems.length > 0) return { ok: false, problems };
  const file = files.map((each) => ({ ...each, sourceCodeInfo: undefined }));
  return { ok: true, bytes: toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file })) };
}

function refused(message: string, hint: string): ExaminedDescriptorSet {
  return { ok: false, problems: [{ message, hint }] };
}

function readFiles(bytes: Uint8Array): readonly FileDescriptorProto[] | undefined {
  try {
    const { file } = fromBinary(FileDescriptorSetSchema, bytes);
    // Bytes of something else may happen to parse.
    return file.length > 0 && file.every(({ name }) => name !== "") ? file : undefined;
  } catch {
    return undefined;
  }
}

/** Envoy reads each file after those that it imports. */
function inOrder(files: readonly FileDescriptorProto[]): readonly FileDescriptorProto[] {
  const byName = new Map(files.map((file) => [file.name, file]));
  const started = new Set<string>();
  const ordered: FileDescriptorProto[] = [];
  const add = (name: string): void => {
    const file = byName.get(name);
    if (file === undefined || started.has(name)) return;
    started.add(name);
    for (const dependency of file.dependency) add(dependency);
    ordered.push(file);
  };
  for (const { name } of files) add(name);
  return ordered;
}

function missingImport(
  files: readonly FileDescriptorProto[],
): { readonly wanted: string; readonly by: string } | undefined {
  const names = new Set(files.map(({ name }) => name));
  for (const { name: by, dependency } of files) {
    const wanted = dependency.find((each) => !names.has(each));
    if (wanted !== undefined) return { wanted, by };
  }
  return undefined;
}

function unresolvedType(files: readonly FileDescriptorProto[]): string | undefined {
  try {
    createFileRegistry(create(FileDescriptorSetSchema, { file: [...files] }));
    return undefined;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}

function servicesOf(file: FileDescriptorProto): readonly (readonly [string, ServiceDescriptorProto])[] {
  const scope = file.package === "" ? "" : `${file.package}.`;
  return file.service.map((service) => [scope + service.name, service]);
}

function isAnnotated({ options }: MethodDescriptorProto): boolean {
  return options?.$unknown?.some(({ no }) => no === HTTP_ANNOTATION) === true;
}

function nearest(name: string, defined: readonly string[]): string {
  if (defined.length === 0) return "there is no service in it at all; name the file that defines it";
  const bare = defined.find((each) => each.endsWith(`.${name}`));
  const near = bare ?? closestName(name, defined);
  if (near !== undefined) return `did you mean \`${near}\`?`;
  const more = defined.length > NAMES_MAX ? ` and ${defined.length - NAMES_MAX} more` : "";
  return `its services: ${defined.slice(0, NAMES_MAX).join(", ")}${more}`;
}
