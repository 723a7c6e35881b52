/**
 * Which nodes somebody asks about: Envoy's NodeMatcher over what nodes say of themselves.
 *
 * A node is selected when one of the matchers matches, and a matcher when all of its parts do. Of a node's
 * metadata the scalars are kept, so a matcher of what is not kept is refused instead of answered wrongly.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/matcher/v3/node.proto
 */
import { matchesText } from "../explain/match-text.ts";
import type { StringMatcherJson } from "../gen/envoy/type/matcher/v3/string_pb.d.ts";
import type { NodeMatcher } from "../gen/envoy/type/matcher/v3/node.ts";
import type { StringMatcher } from "../gen/envoy/type/matcher/v3/string.ts";
import type { StructMatcher } from "../gen/envoy/type/matcher/v3/struct.ts";
import type { ValueMatcher } from "../gen/envoy/type/matcher/v3/value.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { NodeIdentity } from "../xds/stream-event.ts";

/** Whether a node is among those that are asked about. */
export type NodeSelector = (node: NodeIdentity) => boolean;

/** Whether something holds for the value at this path of a node's metadata. */
type ValueTest = (metadata: NodeIdentity["metadata"], path: string) => boolean;

/** More is not a question but an attack. */
const MATCHERS_MAX = 100;
const PATTERN_CHARS_MAX = 1_000;

/** Without matchers all nodes; the error says what cannot be matched. */
export function selectNodes(matchers: readonly NodeMatcher[]): Result<NodeSelector, string> {
  if (matchers.length > MATCHERS_MAX) return err(`at most ${MATCHERS_MAX} node_matchers are taken`);
  try {
    const tests = matchers.map(nodeTest);
    return ok((node) => tests.length === 0 || tests.some((test) => test(node)));
  } catch (cause) {
    if (cause instanceof Unmatchable) return err(cause.message);
    throw cause;
  }
}

/** Carries the reason out of the nested matchers; it never leaves this file. */
class Unmatchable extends Error {}

function nodeTest({ nodeId, nodeMetadatas }: NodeMatcher): NodeSelector {
  const idTest = nodeId === undefined ? () => true : textTest(nodeId);
  const metadataTests = nodeMetadatas.map(structTest);
  return (node) => idTest(node.id) && metadataTests.every((test) => test(node.metadata));
}

function structTest({ path, value }: StructMatcher): (metadata: NodeIdentity["metadata"]) => boolean {
  const keys = path.map(({ segment }) => segment?.value ?? "");
  if (keys.length === 0 || keys.includes("")) throw new Unmatchable("node_metadatas needs a path of keys");
  if (value === undefined) throw new Unmatchable("node_metadatas needs a value");
  const test = valueTest(value);
  return (metadata) => test(metadata, keys.join("."));
}

function valueTest({ matchPattern }: ValueMatcher): ValueTest {
  switch (matchPattern?.$case) {
    case "stringMatch": {
      const test = textTest(matchPattern.value);
      return onScalar((value) => typeof value === "string" && test(value));
    }
    case "boolMatch":
      return onScalar((value) => value === matchPattern.value);
    case "doubleMatch": {
      const pattern = matchPattern.value.matchPattern;
      if (pattern === undefined) throw new Unmatchable("double_match needs a range or an exact value");
      if (pattern.$case === "exact") return onScalar((value) => value === pattern.value);
      const { start, end } = pattern.value;
      return onScalar((value) => typeof value === "number" && value >= start && value < end);
    }
    case "presentMatch":
      return onScalar(() => matchPattern.value);
    case "orMatch": {
      const tests = matchPattern.value.valueMatchers.map(valueTest);
      return (metadata, path) => tests.some((test) => test(metadata, path));
    }
    case "listMatch":
      return listTest(matchPattern.value.matchPattern?.value);
    case "nullMatch":
      throw new Unmatchable("null_match cannot be answered: of a node's metadata no nulls are kept");
    case undefined:
      throw new Unmatchable("a value matcher is empty");
  }
}

/** The items of a list have their index as the last part of their path. */
function listTest(item: ValueMatcher | undefined): ValueTest {
  if (item === undefined) throw new Unmatchable("list_match needs one_of");
  const test = valueTest(item);
  return (metadata, path) => {
    for (let index = 0; metadata.has(`${path}.${index}`); index += 1) {
      if (test(metadata, `${path}.${index}`)) return true;
    }
    return false;
  };
}

function onScalar(test: (value: string | number | boolean) => boolean): ValueTest {
  return (metadata, path) => {
    const value = metadata.get(path);
    return value !== undefined && test(value);
  };
}

function textTest(matcher: StringMatcher): (text: string) => boolean {
  const { matchPattern, ignoreCase } = matcher;
  if (matchPattern === undefined) throw new Unmatchable("a string matcher is empty");
  if (matchPattern.$case === "custom") throw new Unmatchable("string matchers of extensions are not supported");
  const { $case, value } = matchPattern;
  const pattern = $case === "safeRegex" ? value.regex : value;
  if (pattern.length > PATTERN_CHARS_MAX) throw new Unmatchable("a pattern is too long");
  const json: StringMatcherJson =
    $case === "safeRegex" ? { safeRegex: { regex: pattern } } : { [$case]: pattern, ignoreCase };
  // Only an expression that is none has no verdict.
  if (matchesText(json, "") === undefined) throw new Unmatchable(`${JSON.stringify(pattern)} is not an RE2 expression`);
  return (text) => matchesText(json, text) === true;
}
