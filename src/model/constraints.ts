/**
 * Envoy's own constraints: the `validate.rules` options of its protos, which protoc-gen-validate turns into
 * code in Envoy and which are interpreted here over the descriptors.
 *
 * A type is compiled to closures when its first message is seen, so that types nobody uses cost nothing,
 * and a field that no rule can reach is never visited. What protoc-gen-validate does not do is done here as
 * Envoy does it when it takes an extension's config: the message in an `Any` is held to its own type.
 * https://github.com/bufbuild/protoc-gen-validate/blob/main/README.md
 */
import type { DescField, DescMessage, DescOneof, Message } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence, anyUnpack, isWrapperDesc } from "@bufbuild/protobuf/wkt";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { FieldRules, RuleReader } from "./constraint-rules.ts";
import { createRuleReader } from "./constraint-rules.ts";
import type { Judge } from "./constraint-values.ts";
import { countJudges, uniqueJudge, valueJudges } from "./constraint-values.ts";
import type { EnvoyApi } from "./envoy-api.ts";
import type { EnvoyProblem } from "./envoy-problem.ts";

/** How a walk is limited. */
interface ConstraintOptions {
  /** False leaves out what is in an `Any`, as protoc-gen-validate's own code does. */
  readonly intoAny?: boolean;
}

/** One walk through one message. */
interface Walk {
  readonly api: EnvoyApi;
  readonly intoAny: boolean;
  /** Where the walk is; pushed and popped, and copied for a problem only. */
  readonly path: (string | number)[];
  readonly found: EnvoyProblem[];
}

/** A message as the runtime keeps it: fields by their local names. */
type Fields = Readonly<Record<string, unknown>>;

/** Looks at one message, or at one value of a field. */
type Check<T = unknown> = (value: T, walk: Walk) => void;

/** Compiled types of an API; the API outlives them. */
const compilers = new WeakMap<EnvoyApi, Compiler>();

/** Every violated constraint of the message and of all that is in it, `Any` included. */
export function violatedConstraints(
  api: EnvoyApi,
  type: DescMessage,
  message: Message,
  { intoAny = true }: ConstraintOptions = {},
): readonly EnvoyProblem[] {
  const compiler = compilers.get(api) ?? new Compiler(createRuleReader(api));
  compilers.set(api, compiler);
  const walk: Walk = { api, intoAny, path: [], found: [] };
  compiler.checkOf(type)(message, walk);
  return walk.found;
}

/** Turns types into checks, each once. */
class Compiler {
  readonly #rules: RuleReader;
  readonly #checks = new Map<DescMessage, Check<Fields>>();
  readonly #reach = new Map<DescMessage, boolean>();

  constructor(rules: RuleReader) {
    this.#rules = rules;
  }

  checkOf(type: DescMessage): Check<Fields> {
    const known = this.#checks.get(type);
    if (known !== undefined) return known;
    const checks = this.#rules.isOff(type)
      ? []
      : [
          ...type.fields.flatMap((field) => this.#fieldCheck(field) ?? []),
          ...type.oneofs.filter((oneof) => this.#rules.isRequired(oneof)).map(oneofCheck),
        ];
    const check: Check<Fields> = (message, walk) => {
      for (const each of checks) each(message, walk);
    };
    this.#checks.set(type, check);
    return check;
  }

  /** The check of one field of a message; undefined when nothing can be wrong with it. */
  #fieldCheck(field: DescField): Check<Fields> | undefined {
    const rules = this.#rules.of(field) ?? {};
    if (field.fieldKind === "list") return this.#listCheck(field, rules);
    if (field.fieldKind === "map") return this.#mapCheck(field, rules);
    const { name, localName, oneof } = field;
    const unwrapped = field.fieldKind === "message" && isWrapperDesc(field.message) && oneof === undefined;
    const check = this.#valueCheck(field, rules, unwrapped);
    // A oneof that is not this field says nothing about it, and one that is has a value.
    if (oneof !== undefined) {
      return (
        check &&
        ((message, walk) => {
          const { case: chosen, value } = message[oneof.localName] as {
            readonly case?: string;
            readonly value?: unknown;
          };
          if (chosen === localName) at(walk, name, check, value);
        })
      );
    }
    if (field.fieldKind !== "message") {
      // What has implicit presence is checked even when nobody wrote it: 0 and "" are values.
      const implicit = field.presence === FeatureSet_FieldPresence.IMPLICIT;
      return (
        check &&
        ((message, walk) => {
          if (implicit || Object.hasOwn(message, localName)) at(walk, name, check, message[localName]);
        })
      );
    }
    const required = isRequired(rules);
    if (check === undefined && !required) return undefined;
    return (message, walk) => {
      const value = message[localName];
      if (value !== undefined) {
        if (check !== undefined) at(walk, name, check, value);
      } else if (required) {
        report(walk, "is required", name);
      }
    };
  }

  #listCheck(field: DescField & { readonly fieldKind: "list" }, rules: FieldRules): Check<Fields> | undefined {
    const { name, localName } = field;
    const { items = {}, ignore_empty: ignoreEmpty = false, unique = false } = rules.repeated ?? {};
    const counts = countJudges(rules.repeated ?? {});
    const check = this.#valueCheck(field, items);
    if (counts.length === 0 && check === undefined && !unique) return undefined;
    return (message, walk) => {
      const list = message[localName] as readonly unknown[];
      if (list.length === 0 && (ignoreEmpty || counts.length === 0)) return;
      walk.path.push(name);
      judge(counts, list.length, walk);
      const repeats = unique ? uniqueJudge() : undefined;
      for (let index = 0; index < list.length; index += 1) {
        const item = list[index];
        const problem = repeats?.(item);
        if (problem !== undefined) report(walk, problem, index);
        if (check !== undefined) at(walk, index, check, item);
      }
      walk.path.pop();
    };
  }

  #mapCheck(field: DescField & { readonly fieldKind: "map" }, rules: FieldRules): Check<Fields> | undefined {
    const { name, localName } = field;
    const { keys = {}, values = {}, ignore_empty: ignoreEmpty = false } = rules.map ?? {};
    const counts = countJudges(rules.map ?? {});
    const keyJudges = valueJudges(keys, undefined);
    const check = this.#valueCheck(field, values);
    if (counts.length === 0 && keyJudges.length === 0 && check === undefined) return undefined;
    return (message, walk) => {
      const entries = Object.entries(message[localName] as Fields);
      if (entries.length === 0 && (ignoreEmpty || counts.length === 0)) return;
      walk.path.push(name);
      judge(counts, entries.length, walk);
      for (const [key, value] of entries) {
        walk.path.push(key);
        judge(keyJudges, key, walk, "the key ");
        check?.(value, walk);
        walk.path.pop();
      }
      walk.path.pop();
    };
  }

  /** The check of one value that is there: a field's, a list's or a map's. */
  #valueCheck(field: DescField, rules: FieldRules, unwrapped = false): Check | undefined {
    const { message: type } = field;
    if (type === undefined) return judgesCheck(valueJudges(rules, field.enum));
    if (isWrapperDesc(type)) {
      const judges = valueJudges(rules, undefined);
      if (judges.length === 0 || unwrapped) return judgesCheck(judges);
      return (wrapper, walk) => judge(judges, (wrapper as Fields)["value"], walk);
    }
    if (rules.duration !== undefined) return judgesCheck(valueJudges(rules, undefined));
    if (rules.message?.skip === true) return undefined;
    if (type.typeName === ANY) return (any, walk) => this.#checkAny(any as Any, walk);
    // protoc-gen-validate does not look into a message that has the rules of an Any.
    if (rules.any !== undefined || !this.#canViolate(type)) return undefined;
    let check: Check<Fields> | undefined;
    return (message, walk) => (check ??= this.checkOf(type))(message as Fields, walk);
  }

  #checkAny(any: Any, walk: Walk): void {
    if (!walk.intoAny || any.typeUrl === "") return;
    const type = walk.api.descriptor(any.typeUrl);
    if (type === undefined || !this.#canViolate(type)) return;
    const message = anyUnpack(any, walk.api.registry);
    if (message === undefined) return;
    // In proto3 JSON an Any in an Any stands under `value`, every other message beside `@type`.
    if (type.typeName === ANY) at(walk, "value", (inner) => this.#checkAny(inner as Any, walk), message);
    else this.checkOf(type)(message, walk);
  }

  /** Whether a rule can be reached from a message of this type; an `Any` can hold whatever has rules. */
  #canViolate(type: DescMessage): boolean {
    const known = this.#reach.get(type);
    if (known !== undefined) return known;
    const seen = new Set<DescMessage>();
    const reaches = (each: DescMessage): boolean => {
      if (each.typeName === ANY) return true;
      if (seen.has(each)) return false;
      seen.add(each);
      return (
        !this.#rules.isOff(each) &&
        (each.oneofs.some((oneof) => this.#rules.isRequired(oneof)) ||
          each.fields.some((field) => this.#rules.of(field) !== undefined) ||
          each.fields.some(({ message }) => message !== undefined && reaches(message)))
      );
    };
    const result = reaches(type);
    this.#reach.set(type, result);
    return result;
  }
}

const ANY = "google.protobuf.Any";

function isRequired({ message, duration, timestamp, any }: FieldRules): boolean {
  return (message?.required ?? duration?.required ?? timestamp?.required ?? any?.required) === true;
}

function oneofCheck(oneof: DescOneof): Check<Fields> {
  const names = oneof.fields.map(({ name }) => name);
  const problem = names.length === 1 ? `needs ${names[0]}` : `needs one of ${names.join(", ")}`;
  return (message, walk) => {
    if ((message[oneof.localName] as { readonly case?: string }).case === undefined) report(walk, problem);
  };
}

function judgesCheck(judges: readonly Judge[]): Check | undefined {
  return judges.length === 0 ? undefined : (value, walk) => judge(judges, value, walk);
}

function judge<T>(judges: readonly Judge<T>[], value: T, walk: Walk, subject = ""): void {
  for (const each of judges) {
    const problem = each(value);
    if (problem !== undefined) report(walk, subject + problem);
  }
}

function at(walk: Walk, step: string | number, check: Check, value: unknown): void {
  walk.path.push(step);
  check(value, walk);
  walk.path.pop();
}

function report(walk: Walk, message: string, ...steps: readonly (string | number)[]): void {
  walk.found.push({ code: "envoy-constraint", path: [...walk.path, ...steps], message });
}
