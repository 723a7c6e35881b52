/**
 * What Envoy refuses in a resource beyond the constraints of its protos.
 */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { EnvoyApi } from "./envoy-api.ts";
import type { EnvoyProblem } from "./envoy-problem.ts";

/** The reasons for which Envoy would answer this one resource with a NACK, as far as they are known here. */
export function findRefusals(_api: EnvoyApi, _type: DescMessage, _message: Message): readonly EnvoyProblem[] {
  return [];
}
