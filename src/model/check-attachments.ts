/**
 * Policies that are attached side by side: at one gateway, route or rule each part has one source, because
 * the order of a list says nothing about which should win.
 */
import type { Reference } from "./collect-names.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { Definitions } from "./merge-documents.ts";
import { locate, placeOf } from "./position.ts";
import { policyPartNames } from "./schema-policy.ts";

/** The parts that two policies of one list hold both; what is no reference to a policy is left alone. */
export function checkAttachments(references: readonly Reference[], definitions: Definitions): readonly Diagnostic[] {
  // References are collected list by list, so those of one list follow each other.
  let list: readonly Reference[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const reference of references) {
    if (reference.section !== "policies") continue;
    const [first] = list;
    list = first !== undefined && inOneList(first, reference) ? [...list, reference] : [reference];
    const clash = clashOf(list.slice(0, -1), reference, definitions);
    if (clash !== undefined) diagnostics.push(clash);
  }
  return diagnostics;
}

function inOneList(left: Reference, right: Reference): boolean {
  if (left.document !== right.document || left.path.length !== right.path.length) return false;
  return left.path.slice(0, -1).every((step, index) => step === right.path[index]);
}

function clashOf(others: readonly Reference[], reference: Reference, definitions: Definitions): Diagnostic | undefined {
  const parts = partsOf(reference, definitions);
  for (const other of others) {
    const twice = other.name === reference.name;
    const both = partsOf(other, definitions).filter((part) => parts.includes(part));
    if (!twice && both.length === 0) continue;
    const held = both.map((part) => `\`${part}\``).join(" and ");
    const problem = {
      code: twice ? "duplicate-name" : "invalid-value",
      message: twice
        ? `the policy \`${reference.name}\` is attached twice`
        : `the policies \`${other.name}\` and \`${reference.name}\` both hold ${held}`,
      hint: twice ? "keep one of them" : "keep one of them here, or attach one to the route and one to the rule",
      path: reference.path,
      at: "value",
    } as const;
    const at = placeOf(other.document, other.path, "value");
    return { ...locate(reference.document, problem), related: { at, message: `\`${other.name}\` is attached here` } };
  }
  return undefined;
}

function partsOf({ name }: Reference, definitions: Definitions): readonly string[] {
  const definition = definitions.policies.get(name);
  const { policies } = (definition?.document.value ?? {}) as { readonly policies?: Readonly<Record<string, unknown>> };
  const policy = policies?.[name];
  return policy !== null && typeof policy === "object"
    ? policyPartNames.filter((part) => Object.hasOwn(policy, part))
    : [];
}
