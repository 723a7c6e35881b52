/**
 * Random messages of any Envoy type, valid ones and ones that are a little wrong.
 *
 * Values come from the boundaries of the rules that the descriptors state: lengths, ranges and counts by one
 * too small, just right and by one too large, patterns nearly met, enum values that do not exist. Which of them are
 * right is asked of the interpreter, so that about half of the messages have no mistake at all; whether they really
 * are right is the oracle's to say.
 */
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { ScalarType, toBinary } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import type { FieldRules, RuleReader } from "../../src/model/constraint-rules.ts";
import type { EnvoyApi } from "../../src/model/envoy-api.ts";
import type { Random } from "../support/random.ts";
import type { ValuePool } from "./value-pool.ts";
import { valuePool } from "./value-pool.ts";

/** Deeper only what must be there is written, so that a message ends. */
const DEPTH_MAX = 4;

/** Deeper not even that: some types need themselves. */
const DEPTH_FORCED_MAX = 12;

/** Fields written in one message, so that wide types stay small. */
const FIELDS_MAX = 150;

/** What a message is made with. */
interface Making {
  readonly api: EnvoyApi;
  readonly rules: RuleReader;
  readonly random: Random;
  /** How probable a mistake is at each place where one can be made; 0 for a message that should be right. */
  readonly wrongness: number;
  fieldsLeft: number;
}

/** A message of this type as bytes. */
export function randomMessage(
  type: DescMessage,
  { api, rules, random }: Pick<Making, "api" | "rules" | "random">,
): Uint8Array {
  const wrongness = random.chance(0.35) ? 0 : random.pick([0.2, 0.5, 0.8]);
  return toBinary(type, make(type, { api, rules, random, wrongness, fieldsLeft: FIELDS_MAX }, 0));
}

function make(type: DescMessage, making: Making, depth: number): Message {
  const { random, rules, wrongness } = making;
  const message = reflect(type);
  for (const oneof of type.oneofs) {
    const must = rules.isRequired(oneof) && !random.chance(wrongness);
    if (!(must ? depth < DEPTH_FORCED_MAX : isWanted(making, depth))) continue;
    // At the bottom a scalar ends the message sooner.
    const scalars = oneof.fields.filter((field) => field.message === undefined);
    setField(message, random.pick(depth >= DEPTH_MAX && scalars.length > 0 ? scalars : oneof.fields), making, depth);
  }
  for (const field of type.fields) {
    if (field.oneof !== undefined) continue;
    const of = rules.of(field) ?? {};
    const must = mustBeThere(field, of) && !random.chance(wrongness);
    if (must ? depth < DEPTH_FORCED_MAX : isWanted(making, depth, rules.of(field)))
      setField(message, field, making, depth);
  }
  return message.message;
}

function mustBeThere(
  field: DescField,
  { message, duration, any, repeated, map, string, ...rest }: FieldRules,
): boolean {
  if (field.fieldKind === "message") return (message?.required ?? duration?.required ?? any?.required) === true;
  if (field.fieldKind === "list") return (repeated?.min_items ?? 0n) > 0n;
  if (field.fieldKind === "map") return (map?.min_pairs ?? 0n) > 0n;
  return string !== undefined || Object.keys(rest).length > 0;
}

/** What has rules is written more often than what has none. */
function isWanted({ random, fieldsLeft }: Making, depth: number, rules?: FieldRules): boolean {
  return depth < DEPTH_MAX && fieldsLeft > 0 && random.chance((rules === undefined ? 0.6 : 0.9) / (depth + 1));
}

function setField(message: ReflectMessage, field: DescField, making: Making, depth: number): void {
  const of = making.rules.of(field) ?? {};
  making.fieldsLeft -= 1;
  if (field.fieldKind === "list") {
    const list = message.get(field);
    const { min_items: min = 0n, max_items: max, items = {} } = of.repeated ?? {};
    const count = randomCount(making, Number(min), max === undefined ? undefined : Number(max));
    const first = count > 20 ? element(field, items, making, depth) : undefined;
    for (let index = 0; index < count; index += 1) list.add(first ?? element(field, items, making, depth));
    return;
  }
  if (field.fieldKind === "map") {
    const map = message.get(field);
    const { min_pairs: min = 0n, keys = {}, values = {} } = of.map ?? {};
    const count = randomCount(making, Number(min), undefined);
    for (let index = 0; index < count; index += 1) {
      map.set(mapKey(field, keys, making), element(field, values, making, depth));
    }
    return;
  }
  message.set(field, element(field, of, making, depth));
}

/** A number of items about the bounds; a list of a thousand is made now and then. */
function randomCount({ random, wrongness }: Making, min: number, max: number | undefined): number {
  if (random.chance(wrongness)) {
    const counts = [min - 1, max === undefined || (max > 20 && !random.chance(0.02)) ? min : max + 1];
    return Math.max(0, random.pick(counts));
  }
  return Math.min(min + random.int(3), max ?? Infinity);
}

function mapKey(field: DescField & { readonly fieldKind: "map" }, rules: FieldRules, making: Making): string | number {
  if (field.mapKey !== ScalarType.STRING) return making.random.int(3);
  return choose(making, valuePool({ scalar: field.mapKey, rules })) as string;
}

/** One value: a field's own, a list's or a map's. */
function element(field: DescField, rules: FieldRules, making: Making, depth: number): unknown {
  const { message: type } = field;
  if (type === undefined) {
    return choose(making, valuePool({ scalar: field.scalar, type: field.enum, rules }));
  }
  if (type.typeName === "google.protobuf.Any") return packed(making);
  if (type.typeName === "google.protobuf.Struct") return reflect(type);
  const value = type.typeName.startsWith("google.protobuf.") ? type.fields[0] : undefined;
  if (type.typeName === "google.protobuf.Duration") {
    const duration = reflect(type);
    const { seconds, nanos } = choose(making, valuePool({ rules })) as { seconds: bigint; nanos: number };
    duration.set(type.field["seconds"]!, seconds);
    duration.set(type.field["nanos"]!, nanos);
    return duration;
  }
  if (value?.name === "value" && value.fieldKind === "scalar" && type.fields.length === 1) {
    const wrapped = choose(making, valuePool({ scalar: value.scalar, rules }));
    const wrapper = reflect(type);
    wrapper.set(value, wrapped);
    return wrapper;
  }
  return reflect(type, make(type, making, depth + 1));
}

/** An Any whose message lacks what it needs: Go's code does not look, so it must not matter. */
function packed({ api, random }: Making): ReflectMessage {
  const any = reflect(api.registry.getMessage("google.protobuf.Any")!);
  const name = random.pick(["envoy.config.cluster.v3.Cluster", "envoy.config.core.v3.Address"]);
  any.set(any.desc.field["typeUrl"]!, `type.googleapis.com/${name}`);
  return any;
}

function choose({ random, wrongness }: Making, { right, wrong }: ValuePool): unknown {
  const isWrong = wrong.length > 0 && (right.length === 0 || random.chance(wrongness));
  return random.pick(isWrong ? wrong : right);
}
