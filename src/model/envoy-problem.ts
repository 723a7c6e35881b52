/**
 * What an Envoy would refuse about a message that fits its type, and where inside the message.
 */
import type { DiagnosticCode } from "./diagnostic.ts";
import type { Path } from "./position.ts";

/** One reason for which Envoy would refuse a resource. */
export interface EnvoyProblem {
  readonly code: DiagnosticCode;
  /** From the top of the resource: proto field names in snake_case, list positions, map keys; a message in an `Any` continues the path of the `Any`, as its proto3 JSON does. */
  readonly path: Path;
  /** A sentence that stands without the path: "must be at least 1, but is 0". */
  readonly message: string;
  readonly hint?: string;
}

/** The message as a sentence of its own: one that starts with its verb gets the field as its subject. */
export function problemSentence({ path, message }: EnvoyProblem): string {
  const last = path.at(-1);
  if (last === undefined || !/^(?:must|is|needs|has|matches|names) /.test(message)) return message;
  return `${typeof last === "number" ? `item ${last + 1} of the list` : `\`${last}\``} ${message}`;
}
