/**
 * Regular expressions that RE2 does not take, wherever Envoy's API has one.
 */
import type { RegexMatcher } from "../gen/envoy/type/matcher/v3/regex_pb.d.ts";
import { problem, ruleFor } from "./refusal-rule.ts";
import type { RuleTable } from "./refusal-rule.ts";
import { regexProblem } from "./regex-check.ts";

export const regexRules: RuleTable = {
  "envoy.type.matcher.v3.RegexMatcher": ruleFor<RegexMatcher>(({ regex }) => {
    const found = regexProblem(regex);
    return found === undefined ? [] : [problem("invalid-regex", ["regex"], found)];
  }),
};
