/**
 * What is told of a build that ended without saying why.
 */
import type { SourceProblem, SourceState } from "../config/source.ts";
import type { Diagnostic } from "../model/diagnostic.ts";

/** A build that died has no line to blame; the newest change is the best place to look. */
export function failureDiagnostic(error: Error, state: SourceState): Diagnostic {
  const problem: SourceProblem | undefined = state.problems[0];
  return {
    code: "source-unreadable",
    severity: "error",
    message: error.message,
    at: { file: problem?.path ?? state.cause, line: 1, column: 1 },
    hint: "undo the last change, or split it up; what was served before stays",
  };
}
