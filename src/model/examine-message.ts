/**
 * Everything that Envoy would hold against one resource that fits its type: the constraints of its protos,
 * and what Envoy refuses beyond them.
 *
 * Raw resources are examined where they are read, so that each problem has the line of its field; all
 * others when they are encoded, with the line of what they were made from.
 */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import { violatedConstraints } from "./constraints.ts";
import type { EnvoyApi } from "./envoy-api.ts";
import type { EnvoyProblem } from "./envoy-problem.ts";
import { findRefusals } from "./refusals.ts";

/** The problems of one message; none means that Envoy takes it as far as anyone here can tell. */
export function examineMessage(api: EnvoyApi, type: DescMessage, message: Message): readonly EnvoyProblem[] {
  return [...violatedConstraints(api, type, message), ...findRefusals(api, type, message)];
}
