/**
 * Format strings of access logs, headers and bodies: `%COMMAND(argument):length%`.
 *
 * Which commands exist depends on the Envoy: `format-commands.ts` has those of the Envoys that Fairway is tried with.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
 */
import type { SubstitutionFormatString } from "../gen/envoy/config/core/v3/substitution_format_string_pb.d.ts";
import { closestName } from "./closest-name.ts";
import type { EnvoyProblem } from "./envoy-problem.ts";
import type { FormatCommand } from "./format-commands.ts";
import { formatCommands } from "./format-commands.ts";
import type { Path } from "./position.ts";
import { problem, ruleFor } from "./refusal-rule.ts";
import type { RuleTable } from "./refusal-rule.ts";

/** Wider than Envoy's own expression: what it takes beyond that is left to Envoy. */
const command = /%%|%([A-Z0-9_]+)(?:\(([^]*?)\))?(?::([0-9]+))?%/y;

export const formatRules: RuleTable = {
  "envoy.config.core.v3.SubstitutionFormatString": ruleFor<SubstitutionFormatString>(({ format, formatters }) => {
    // They bring commands of their own, and are asked first.
    const isExtended = formatters.length > 0;
    if (format.case === "jsonFormat") return inJson(format.value, ["json_format"], isExtended);
    const source = format.case === "textFormatSource" ? format.value.specifier : undefined;
    if (source?.case !== "inlineString") return [];
    return formatProblems(source.value, ["text_format_source", "inline_string"], isExtended);
  }),
};

/** None, or the first thing that is wrong: a percent sign that begins no command, or a command that Envoy does not take. */
export function formatProblems(text: string, path: Path, isExtended = false): readonly EnvoyProblem[] {
  for (let from = text.indexOf("%"); from !== -1; from = text.indexOf("%", from)) {
    command.lastIndex = from;
    const found = command.exec(text);
    if (found === null) {
      const message = `the % at character ${from + 1} begins no command such as %PROTOCOL%`;
      return [problem("invalid-format", path, { message, hint: "write %% for a percent sign" })];
    }
    const wrong = isExtended ? undefined : commandProblem(found);
    if (wrong !== undefined) return [problem("invalid-format", path, wrong)];
    from += found[0].length;
  }
  return [];
}

type Words = { readonly message: string; readonly hint: string };

/** What Envoy has against a command that it has read. */
function commandProblem([whole, name, parameter = "", length]: RegExpExecArray): Words | undefined {
  // Two percent signs.
  if (name === undefined) return undefined;
  const known = formatCommands.get(name);
  if (known === undefined) {
    const near = closestName(name, formatCommands.keys());
    const hint = near === undefined ? commandList : `did you mean \`%${written(near)}%\`?`;
    return { message: `Envoy knows no command \`%${name}%\``, hint };
  }
  const right = `write \`%${written(name)}%\``;
  if (known.parameter === "none" && parameter !== "") {
    return { message: `\`%${name}%\` takes no parameter, but has (${parameter})`, hint: right };
  }
  if (known.parameter === "required" && parameter === "") {
    return { message: `\`%${name}%\` needs a parameter`, hint: right };
  }
  if (!known.hasLength && length !== undefined) {
    return { message: `\`%${name}%\` takes no length, but has :${length}`, hint: `write it without :${length}` };
  }
  return parameterProblem(known, { whole, parameter });
}

function parameterProblem(
  { words, isHeader }: FormatCommand,
  { whole, parameter }: { readonly whole: string; readonly parameter: string },
): Words | undefined {
  if (isHeader === true && parameter.split("?").length > 2) {
    const message = `\`${whole}\` names more than one other header`;
    return {
      message,
      hint: "a header has one other in its place: `%REQ(X?Y)%`; write the rest as commands of their own",
    };
  }
  if (isHeader === true && /[\s()]/.test(parameter)) {
    return { message: `\`${whole}\` names no header`, hint: "header names have letters, digits and hyphens" };
  }
  const [word = ""] = parameter.split(":", 1);
  // Envoy reads some of them in lower case too; which, is left to it.
  if (words === undefined || word === "" || words.some((each) => each.toLowerCase() === word.toLowerCase())) {
    return undefined;
  }
  return { message: `\`${whole}\` does not begin with one of its words`, hint: `write one of ${words.join(", ")}` };
}

/** A command with what it cannot do without. */
function written(name: string): string {
  const known = formatCommands.get(name);
  if (known?.parameter !== "required") return name;
  return `${name}(${known.isHeader === true ? "x-header" : (known.words?.[0] ?? "…")})`;
}

const commandList =
  "the list: https://www.envoyproxy.io/docs/envoy/latest/configuration/advanced/substitution_formatter";

function inJson(value: unknown, path: Path, isExtended: boolean): readonly EnvoyProblem[] {
  if (typeof value === "string") return formatProblems(value, path, isExtended);
  if (value === null || typeof value !== "object") return [];
  return Array.isArray(value)
    ? value.flatMap((item: unknown, index) => inJson(item, [...path, index], isExtended))
    : Object.entries(value).flatMap(([key, item]) => inJson(item, [...path, key], isExtended));
}
