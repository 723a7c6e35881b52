/**
 * The `validate.rules` of a field as a plain record: only what was written, under the names of the proto.
 *
 * The rules are proto2, where 0 that is written differs from 0 that is not, so they are read by reflection
 * once for each field and are simple afterwards. What the Envoy API does not use, such as the formats `email`
 * and `uri`, is not enforced in private types either.
 */
import type { DescField, DescMessage, DescOneof, Message } from "@bufbuild/protobuf";
import { getOption, hasOption } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { present } from "../support/assert.ts";
import type { EnvoyApi } from "./envoy-api.ts";

/** Limits of a number, of a truth value or of a duration. */
export interface RangeRules<T = number | bigint> {
  readonly const?: T;
  readonly lt?: T;
  readonly lte?: T;
  readonly gt?: T;
  readonly gte?: T;
  readonly in?: readonly T[];
  readonly not_in?: readonly T[];
  readonly ignore_empty?: boolean;
}

/** Limits of a text or of bytes; lengths are those of code points and bytes. */
export interface TextRules<T = string> {
  readonly const?: T;
  readonly len?: bigint;
  readonly min_len?: bigint;
  readonly max_len?: bigint;
  readonly len_bytes?: bigint;
  readonly min_bytes?: bigint;
  readonly max_bytes?: bigint;
  readonly pattern?: string;
  readonly prefix?: T;
  readonly suffix?: T;
  readonly contains?: T;
  readonly not_contains?: T;
  readonly in?: readonly T[];
  readonly not_in?: readonly T[];
  /** 1 is a header's name, 2 a header's value. */
  readonly well_known_regex?: number;
  /** True when absent. */
  readonly strict?: boolean;
  readonly ignore_empty?: boolean;
}

/** `google.protobuf.Duration` in a rule, and in a message. */
export interface DurationParts {
  readonly seconds?: bigint;
  readonly nanos?: number;
}

/** How many items a list or pairs a map may have, and what each must be. */
export interface CountRules {
  readonly min_items?: bigint;
  readonly max_items?: bigint;
  readonly min_pairs?: bigint;
  readonly max_pairs?: bigint;
  readonly ignore_empty?: boolean;
}

/** `validate.FieldRules`: at most one kind, and what is said of messages besides. */
export interface FieldRules {
  readonly message?: { readonly required?: boolean; readonly skip?: boolean };
  readonly string?: TextRules;
  readonly bytes?: TextRules<Uint8Array>;
  readonly bool?: { readonly const?: boolean };
  readonly enum?: RangeRules<number> & { readonly defined_only?: boolean };
  readonly duration?: RangeRules<DurationParts> & { readonly required?: boolean };
  readonly timestamp?: { readonly required?: boolean };
  readonly any?: { readonly required?: boolean };
  readonly repeated?: CountRules & { readonly unique?: boolean; readonly items?: FieldRules };
  readonly map?: CountRules & { readonly keys?: FieldRules; readonly values?: FieldRules };
  /** And the kinds of numbers, which are alike. */
  readonly [kind: string]: unknown;
}

/** Reads the options of descriptors. */
export interface RuleReader {
  of(field: DescField): FieldRules | undefined;
  isRequired(oneof: DescOneof): boolean;
  /** Whether the type has said that nothing in it is to be checked. */
  isOff(type: DescMessage): boolean;
}

/** The kinds of numbers in `validate.FieldRules`. */
export const numberKinds = [
  ...["float", "double", "int32", "int64", "uint32", "uint64"],
  ...["sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64"],
] as const;

/** A reader over the options that the descriptors of this API have. */
export function createRuleReader({ registry }: EnvoyApi): RuleReader {
  const extension = (name: string) => present(registry.getExtension(`validate.${name}`), "Envoy's protos import it");
  const [rules, required, disabled, ignored] = ["rules", "required", "disabled", "ignored"].map(extension) as [
    ReturnType<typeof extension>,
    ReturnType<typeof extension>,
    ReturnType<typeof extension>,
    ReturnType<typeof extension>,
  ];
  const known = new Map<DescField, FieldRules | undefined>();
  return {
    of(field) {
      if (!known.has(field)) {
        const option = hasOption(field, rules) ? (getOption(field, rules) as Message) : undefined;
        const type = present(rules.message, "validate.rules is a message");
        known.set(field, option === undefined ? undefined : written(reflect(type, option)));
      }
      return known.get(field);
    },
    isRequired: (oneof) => hasOption(oneof, required) && getOption(oneof, required) === true,
    isOff: (type) => [disabled, ignored].some((option) => hasOption(type, option) && getOption(type, option) === true),
  };
}

/** The fields of a message that were written. */
function written(message: ReflectMessage): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const value: unknown = message.get(field);
    if (field.fieldKind === "message") record[field.name] = written(value as ReflectMessage);
    else if (field.fieldKind === "list") {
      const items = [...(value as Iterable<unknown>)];
      record[field.name] = field.listKind === "message" ? items.map((item) => written(item as ReflectMessage)) : items;
    } else record[field.name] = value;
  }
  return record;
}
