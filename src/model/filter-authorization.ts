/**
 * `authorization`: who may do what, decided by Envoy itself from the connection, the request and its token.
 */
import * as z from "zod";
import type { AddressRange } from "./address.ts";
import { readAddressRange } from "./address.ts";
import { buildPathMatch, buildValueMatch } from "./build-match.ts";
import type { ClaimPath } from "./filter-jwt.ts";
import { claim, claimPath } from "./filter-jwt.ts";
import { filterPart } from "./filter-part.ts";
import type { ValueMatch } from "./intent-match.ts";
import type { PathMatch } from "./intent-route.ts";
import { pathMatch, valueMatch } from "./schema-match.ts";
import { addressRange, block, exactlyOne, name, refuse, scalar } from "./schema-scalars.ts";
import { byName } from "./sort.ts";

/** The first rule that takes a request decides. */
export interface Authorization {
  readonly rules: readonly AccessRule[];
  readonly default: "allow" | "deny";
  /** Counted and let through. */
  readonly shadow: boolean;
}

/** Takes a request when all of its conditions hold; each list that is not empty is one, and one item suffices. */
export interface AccessRule {
  readonly name: string;
  readonly action: "allow" | "deny";
  readonly clientRanges: readonly AddressRange[];
  readonly peerRanges: readonly AddressRange[];
  readonly methods: readonly string[];
  readonly paths: readonly PathMatch[];
  /** All of them. */
  readonly headers: readonly ValueMatch[];
  /** All of them, each with one of its values. */
  readonly claims: readonly { readonly claim: ClaimPath; readonly values: readonly (string | number | boolean)[] }[];
  readonly subjectAltNames: readonly TextMatch[];
}

export interface TextMatch {
  readonly kind: "exact" | "prefix" | "suffix";
  readonly text: string;
}

/** Every request is held against all of them until one takes it. */
const RULES_MAX = 100;
/** The name of what is allowed for want of a rule. */
const DEFAULT = "default";

const subjectAltName = z.union([
  scalar("text"),
  exactlyOne({
    exact: scalar("text").optional().describe("Equal to this."),
    prefix: scalar("text").optional().describe("Starts with this."),
    suffix: scalar("text").optional().describe("Ends with this."),
  }),
]);

const conditions = {
  clientCIDRs: z
    .array(addressRange)
    .min(1)
    .optional()
    .describe("The client's address, by trusted headers if there are."),
  peerCIDRs: z.array(addressRange).min(1).optional().describe("The address of the connection."),
  methods: z.array(scalar("method")).min(1).optional().describe("HTTP methods."),
  paths: z.array(pathMatch).min(1).optional().describe("Paths; a text is a prefix of whole path elements."),
  headers: z.record(scalar("headerName"), valueMatch).optional().describe("Headers by name; all must match."),
  claims: z
    .array(
      block({
        name: claim,
        values: z
          .array(z.union([z.string({ error: "text" }), z.number(), z.boolean()]))
          .min(1)
          .describe("The claim must be one of these, or a list that holds one."),
      }),
    )
    .min(1)
    .optional()
    .describe("Claims of the token that `jwt` has let through; all must match."),
  subjectAltNames: z.array(subjectAltName).min(1).optional().describe("Names in the client's certificate."),
};

const rule = block({
  name: name.optional().meta({ description: "Shown in statistics and logs; made from the position when absent." }),
  action: z.enum(["allow", "deny"]).meta({ description: "What is done with a request that the rule takes." }),
  ...conditions,
})
  .superRefine((value, context) => {
    if (Object.keys(conditions).some((key) => value[key as keyof typeof conditions] !== undefined)) return;
    const message = "a rule without conditions takes every request";
    refuse(context, { code: "missing-key", message, hint: "write clientCIDRs, paths, …, or use `default`" });
  })
  .meta({
    description: "Takes a request when all conditions hold; of a list one suffices.",
    examples: [{ action: "allow", clientCIDRs: ["10.0.0.0/8"] }],
  });

const schema = block({
  rules: z.array(rule).max(RULES_MAX).optional().describe("In the order in which they are tried."),
  default: z
    .enum(["allow", "deny"])
    .optional()
    .meta({ description: "For requests that no rule takes; deny when absent." }),
  shadow: z.boolean().optional().describe("Only counts what it would deny."),
})
  .superRefine((value, context) => {
    const { rules = [] } = value;
    if (value.default === "allow" && !rules.some(({ action }) => action === "deny")) {
      const hint = "add a rule with `action: deny`, or leave `default: allow` out";
      refuse(context, { code: "invalid-value", message: "nothing is ever denied", hint, path: ["default"] });
    }
    const names = new Set([DEFAULT]);
    for (const [index, each] of rules.entries()) {
      const given = nameOf(each, index);
      if (names.has(given)) {
        const path = ["rules", index, ...(each.name === undefined ? [] : ["name"])];
        refuse(context, {
          code: "duplicate-name",
          message: `the name \`${given}\` is taken`,
          hint: "choose another",
          path,
        });
      }
      names.add(given);
    }
  })
  .meta({
    description: "Who may do what; the first rule that takes a request decides.",
    examples: [{ rules: [{ action: "allow", clientCIDRs: ["10.0.0.0/8"] }] }],
  });

type RuleValue = z.infer<typeof rule>;

export const authorization = filterPart({
  schema,
  build: (value): Authorization => ({
    rules: (value.rules ?? []).map(buildRule),
    default: value.default ?? "deny",
    shadow: value.shadow ?? false,
  }),
});

function buildRule(value: RuleValue, index: number): AccessRule {
  return {
    name: nameOf(value, index),
    action: value.action,
    clientRanges: (value.clientCIDRs ?? []).map(readAddressRange),
    peerRanges: (value.peerCIDRs ?? []).map(readAddressRange),
    methods: value.methods ?? [],
    paths: (value.paths ?? []).map(buildPathMatch),
    headers: Object.entries(value.headers ?? {})
      .map(([header, written]) => buildValueMatch(header.toLowerCase(), written))
      .toSorted(byName),
    claims: (value.claims ?? []).map((each) => ({ claim: claimPath(each.name), values: each.values })),
    subjectAltNames: (value.subjectAltNames ?? []).map(buildText),
  };
}

function nameOf(value: Pick<RuleValue, "name">, index: number): string {
  return value.name ?? `rule-${index + 1}`;
}

function buildText(written: z.infer<typeof subjectAltName>): TextMatch {
  if (typeof written === "string") return { kind: "exact", text: written };
  if (written.prefix !== undefined) return { kind: "prefix", text: written.prefix };
  if (written.suffix !== undefined) return { kind: "suffix", text: written.suffix };
  return { kind: "exact", text: written.exact ?? "" };
}
