/**
 * The form of the rules about what Envoy refuses: one function for one type of message.
 */
import type { Message } from "@bufbuild/protobuf";
import type { DiagnosticCode } from "./diagnostic.ts";
import type { EnvoyProblem } from "./envoy-problem.ts";
import type { Path } from "./position.ts";

/** The problems of a message of its type, with paths that start at the message. */
export type Rule = (message: Message) => readonly EnvoyProblem[];

/** By full message name. */
export type RuleTable = Readonly<Record<string, Rule>>;

/** A rule over a generated type; the table that holds it says for which message name it is. */
export function ruleFor<Type>(find: (message: Type) => readonly EnvoyProblem[]): Rule {
  return (message) => find(message as unknown as Type);
}

/** What Envoy refuses without a name of its own. */
export function refused(path: Path, message: string, hint?: string): EnvoyProblem {
  return problem("envoy-refused", path, { message, ...(hint === undefined ? {} : { hint }) });
}

/** A problem with a code of its own. */
export function problem(
  code: DiagnosticCode,
  path: Path,
  words: { readonly message: string; readonly hint?: string },
): EnvoyProblem {
  return { code, path, ...words };
}

/** None or one. */
export function when(isWrong: boolean, told: () => EnvoyProblem): readonly EnvoyProblem[] {
  return isWrong ? [told()] : [];
}
