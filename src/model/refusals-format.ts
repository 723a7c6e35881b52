/**
 * Format strings of access logs, headers and bodies: `%COMMAND(argument):length%`.
 *
 * Which commands exist depends on the Envoy, so only a percent sign that begins no command is told.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
 */
import type { SubstitutionFormatString } from "../gen/envoy/config/core/v3/substitution_format_string_pb.d.ts";
import type { EnvoyProblem } from "./envoy-problem.ts";
import type { Path } from "./position.ts";
import { problem, ruleFor } from "./refusal-rule.ts";
import type { RuleTable } from "./refusal-rule.ts";

/** Wider than Envoy's own expression: what it takes beyond that is left to Envoy. */
const command = /%%|%[A-Z0-9_]+(?:\([^]*?\))?(?::[0-9]+)?%/y;

export const formatRules: RuleTable = {
  "envoy.config.core.v3.SubstitutionFormatString": ruleFor<SubstitutionFormatString>(({ format }) => {
    if (format.case === "jsonFormat") return inJson(format.value, ["json_format"]);
    const source = format.case === "textFormatSource" ? format.value.specifier : undefined;
    return source?.case === "inlineString" ? formatProblems(source.value, ["text_format_source", "inline_string"]) : [];
  }),
};

/** None, or that a percent sign of the text begins no command. */
export function formatProblems(text: string, path: Path): readonly EnvoyProblem[] {
  for (let from = text.indexOf("%"); from !== -1; from = text.indexOf("%", from)) {
    command.lastIndex = from;
    const found = command.exec(text);
    if (found === null) {
      const message = `the % at character ${from + 1} begins no command such as %PROTOCOL%`;
      return [problem("invalid-format", path, { message, hint: "write %% for a percent sign" })];
    }
    from += found[0].length;
  }
  return [];
}

function inJson(value: unknown, path: Path): readonly EnvoyProblem[] {
  if (typeof value === "string") return formatProblems(value, path);
  if (value === null || typeof value !== "object") return [];
  return Array.isArray(value)
    ? value.flatMap((item: unknown, index) => inJson(item, [...path, index]))
    : Object.entries(value).flatMap(([key, item]) => inJson(item, [...path, key]));
}
