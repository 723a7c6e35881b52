/**
 * `grpcJson`: clients that speak HTTP and JSON call gRPC services, as `google.api.http` in their protos says.
 *
 * What the services look like is read from a descriptor set, a file beside Fairway that is watched like a certificate.
 */
import * as z from "zod";
import { resolveFile } from "./build-secret.ts";
import type { Place } from "./diagnostic.ts";
import { examineDescriptorSet } from "./examine-descriptor-set.ts";
import type { Outside } from "./filter-part.ts";
import { filterPart } from "./filter-part.ts";
import { placeOf } from "./position.ts";
import { block, scalar } from "./schema-scalars.ts";
import { defined } from "./sort.ts";

/** What is transcoded, and how. */
export interface GrpcJson {
  readonly descriptorSet: DescriptorSetSource;
  /** In the order written, each once. */
  readonly services: readonly string[];
  readonly autoMapping: boolean;
  readonly convertGrpcStatus: boolean;
  readonly ignoreUnknownQueryParameters: boolean;
  readonly ignoredQueryParameters: readonly string[];
  readonly rejectUnknownMethod: boolean;
  readonly print: PrintOptions;
}

/** Envoy's own where absent. */
export interface PrintOptions {
  readonly addWhitespace?: boolean;
  readonly alwaysPrintPrimitiveFields?: boolean;
  readonly alwaysPrintEnumsAsInts?: boolean;
  readonly preserveProtoFieldNames?: boolean;
  readonly streamNewlineDelimited?: boolean;
}

export type DescriptorSetSource =
  | { readonly kind: "read"; readonly base64: string }
  /** Not read yet; `places` are those of the services. */
  | { readonly kind: "file"; readonly path: string; readonly at: Place; readonly places: readonly Place[] };

const flag = (description: string) =>
  z
    .boolean()
    .optional()
    .meta({ description: `${description}; false when absent.` });

const printOptions = block({
  addWhitespace: flag("Spaces and line breaks for people"),
  alwaysPrintPrimitiveFields: flag("Also fields that have their default, such as 0 and an empty text"),
  alwaysPrintEnumsAsInts: flag("Enums as numbers and not as names"),
  preserveProtoFieldNames: flag("Names of fields as in the proto and not in lowerCamelCase"),
  streamNewlineDelimited: flag("A stream as one object in each line and not as an array"),
}).meta({ description: "How answers are written.", examples: [{ alwaysPrintPrimitiveFields: true }] });

const schema = block({
  descriptorSet: scalar("text").meta({
    description: "A descriptor set with all imports, a file beside Fairway, relative to this config file; watched.",
    examples: ["protos/shop.binpb"],
  }),
  services: z
    .array(scalar("grpcService"))
    .min(1)
    .meta({ description: "The services that can be called, by their full names.", examples: [["shop.v1.Orders"]] }),
  autoMapping: flag("Also methods without google.api.http, by POST /package.Service/Method"),
  convertGrpcStatus: z.boolean().optional().meta({
    description: "Failures have a JSON body, google.rpc.Status; true when absent. Without it they have none.",
  }),
  ignoreUnknownQueryParameters: flag("Query parameters that are no field are left out; otherwise no method matches"),
  ignoredQueryParameters: z
    .array(scalar("text"))
    .min(1)
    .optional()
    .meta({ description: "Query parameters that are left out.", examples: [["key"]] }),
  rejectUnknownMethod: flag("What is no method is answered 404; otherwise it goes to the backend as it is"),
  printOptions: printOptions.optional(),
}).meta({
  description: "Clients call gRPC services with HTTP and JSON.",
  examples: [{ descriptorSet: "protos/shop.binpb", services: ["shop.v1.Orders"] }],
});

export const grpcJson = filterPart({
  schema,
  build: (value, { document, path }): GrpcJson => {
    const services = [...new Set(value.services)];
    return {
      descriptorSet: {
        kind: "file",
        path: resolveFile(document, value.descriptorSet),
        at: placeOf(document, [...path, "descriptorSet"], "value"),
        places: services.map((service) =>
          placeOf(document, [...path, "services", value.services.indexOf(service)], "value"),
        ),
      },
      services,
      autoMapping: value.autoMapping ?? false,
      convertGrpcStatus: value.convertGrpcStatus ?? true,
      ignoreUnknownQueryParameters: value.ignoreUnknownQueryParameters ?? false,
      ignoredQueryParameters: value.ignoredQueryParameters ?? [],
      rejectUnknownMethod: value.rejectUnknownMethod ?? false,
      print: defined(value.printOptions ?? {}),
    };
  },
  files: [["descriptorSet"]],
  fill: (settings, outside) => ({ ...settings, descriptorSet: readSet(settings, outside) }),
});

function readSet({ descriptorSet, services, autoMapping }: GrpcJson, outside: Outside): DescriptorSetSource {
  if (descriptorSet.kind !== "file") return descriptorSet;
  const { path, at, places } = descriptorSet;
  const bytes = outside.bytes(path, at);
  if (bytes === undefined) return descriptorSet;
  const examined = examineDescriptorSet(bytes, { services, needsAnnotations: !autoMapping });
  if (examined.ok) return { kind: "read", base64: Buffer.from(examined.bytes).toString("base64") };
  for (const { service, message, hint } of examined.problems) {
    const where = service === undefined ? at : (places[services.indexOf(service)] ?? at);
    outside.report({
      code: "invalid-descriptor-set",
      severity: "error",
      message: `${path} ${message}`,
      hint,
      at: where,
    });
  }
  return descriptorSet;
}
