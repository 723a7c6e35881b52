/**
 * What Envoy refuses in a resource beyond the constraints of its protos.
 *
 * Each rule is about one type of message and was learnt from what a real Envoy answers; the test with a
 * real Envoy has the whole list, with Envoy's own words. Messages are walked by their descriptors, so that
 * a rule holds wherever its type stands, also inside an `Any`. What is missing here costs a rejection that
 * `fairway check --envoy` would have told; a rule that is too strict keeps a good config from being served,
 * so each says nothing when in doubt.
 */
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { ClusterLoadAssignment } from "../gen/envoy/config/endpoint/v3/endpoint_pb.d.ts";
import type { EnvoyApi } from "./envoy-api.ts";
import type { EnvoyProblem } from "./envoy-problem.ts";
import { addressRules, assignmentProblems } from "./refusals-address.ts";
import { clusterRules } from "./refusals-cluster.ts";
import { durationRules } from "./refusals-duration.ts";
import { extensionRules } from "./refusals-extension.ts";
import { formatRules } from "./refusals-format.ts";
import { listenerRules } from "./refusals-listener.ts";
import { loadBalancingRules } from "./refusals-load-balancing.ts";
import { quicRules } from "./refusals-quic.ts";
import { regexRules } from "./refusals-regex.ts";
import { routeRules } from "./refusals-route.ts";
import { routeActionRules } from "./refusals-route-action.ts";
import type { Rule, RuleTable } from "./refusal-rule.ts";
import { tlsRules } from "./refusals-tls.ts";

/** Several tables may have rules for one type. */
const tables: readonly RuleTable[] = [
  addressRules,
  clusterRules,
  durationRules,
  extensionRules,
  formatRules,
  listenerRules,
  loadBalancingRules,
  quicRules,
  regexRules,
  routeRules,
  routeActionRules,
  tlsRules,
];

const rulesOf: ReadonlyMap<string, readonly Rule[]> = new Map(
  [...new Set(tables.flatMap((table) => Object.keys(table)))].map((type) => [
    type,
    tables.flatMap((table) => table[type] ?? []),
  ]),
);

/** One walk through one message. */
interface Walk {
  readonly api: EnvoyApi;
  /** Where the walk is; pushed and popped. */
  readonly path: (string | number)[];
  readonly found: EnvoyProblem[];
}

type Fields = Readonly<Record<string, unknown>>;

const ANY = "google.protobuf.Any";

/** What metadata and structs hold is for filters to interpret. */
const opaque: ReadonlySet<string> = new Set(["envoy.config.core.v3.Metadata", "google.protobuf.Struct"]);

/** The reasons for which Envoy would answer this one resource with a NACK, as far as they are known here. */
export function findRefusals(api: EnvoyApi, type: DescMessage, message: Message): readonly EnvoyProblem[] {
  const walk: Walk = { api, path: [], found: [] };
  if (type.typeName === "envoy.config.endpoint.v3.ClusterLoadAssignment") {
    walk.found.push(...assignmentProblems(message as unknown as ClusterLoadAssignment));
  }
  visit(walk, type, message);
  return walk.found;
}

function visit(walk: Walk, type: DescMessage, message: Message): void {
  if (type.typeName === ANY) {
    visitAny(walk, message as Any);
    return;
  }
  for (const rule of rulesOf.get(type.typeName) ?? []) {
    for (const problem of rule(message)) walk.found.push({ ...problem, path: [...walk.path, ...problem.path] });
  }
  for (const field of fieldsToVisit(type)) visitField(walk, field, message);
}

function visitAny(walk: Walk, any: Any): void {
  const type = any.typeUrl === "" ? undefined : walk.api.descriptor(any.typeUrl);
  // Nothing is known of what holds no rule; an Any in an Any stands under `value` in proto3 JSON and is not looked into.
  if (type === undefined || type.typeName === ANY || !canHold(type)) return;
  const message = anyUnpack(any, walk.api.registry);
  if (message !== undefined) visit(walk, type, message);
}

function visitField(walk: Walk, field: DescField, message: Fields): void {
  const type = field.message;
  if (type === undefined) return;
  const value = field.oneof === undefined ? message[field.localName] : chosen(message[field.oneof.localName], field);
  if (value === undefined) return;
  walk.path.push(field.name);
  if (field.fieldKind === "message") visit(walk, type, value as Message);
  else {
    const entries = field.fieldKind === "list" ? (value as Message[]).entries() : Object.entries(value as object);
    for (const [step, item] of entries) {
      walk.path.push(step);
      visit(walk, type, item as Message);
      walk.path.pop();
    }
  }
  walk.path.pop();
}

function chosen(oneof: unknown, field: DescField): unknown {
  const { case: name, value } = oneof as { readonly case?: string; readonly value?: unknown };
  return name === field.localName ? value : undefined;
}

/** Descriptors live as long as their API. */
const learntFields = new WeakMap<DescMessage, readonly DescField[]>();
const learntHolders = new WeakMap<DescMessage, boolean>();

/** The fields in which a message that has a rule can stand. */
function fieldsToVisit(type: DescMessage): readonly DescField[] {
  let fields = learntFields.get(type);
  if (fields === undefined) {
    fields = type.fields.filter(({ message }) => message !== undefined && canHold(message));
    learntFields.set(type, fields);
  }
  return fields;
}

/** Whether this message, or one inside it, can have a rule; an `Any` can hold whatever has. */
function canHold(type: DescMessage): boolean {
  let holds = learntHolders.get(type);
  if (holds === undefined) {
    holds = reaches(type, new Set());
    learntHolders.set(type, holds);
  }
  return holds;
}

function reaches(type: DescMessage, seen: Set<DescMessage>): boolean {
  if (opaque.has(type.typeName) || seen.has(type)) return false;
  seen.add(type);
  if (type.typeName === ANY || rulesOf.has(type.typeName)) return true;
  return type.fields.some(({ message }) => message !== undefined && reaches(message, seen));
}
