/**
 * Envoy's own constraints: the `validate.rules` options of its protos.
 */
import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { EnvoyApi } from "./envoy-api.ts";
import type { EnvoyProblem } from "./envoy-problem.ts";

/** Every violated constraint of the message and of all that is in it, `Any` included. */
export function violatedConstraints(_api: EnvoyApi, _type: DescMessage, _message: Message): readonly EnvoyProblem[] {
  return [];
}
