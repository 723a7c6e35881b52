/**
 * What a route does with a request: weights that select nothing, and settings that exclude each other.
 */
import type {
  RetryPolicy_RetryBackOff,
  RouteAction,
  RouteAction_RequestMirrorPolicy,
  WeightedCluster,
} from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { EnvoyProblem } from "./envoy-problem.ts";
import { problem, refused, ruleFor, when } from "./refusal-rule.ts";
import type { RuleTable } from "./refusal-rule.ts";

const route = "envoy.config.route.v3";

/** Envoy adds weights up in 32 bits. */
const WEIGHTS_MAX = 4_294_967_295;

export const routeActionRules: RuleTable = {
  [`${route}.RouteAction`]: ruleFor<RouteAction>((action) => [...rewriteProblems(action), ...upgradeProblems(action)]),
  [`${route}.WeightedCluster`]: ruleFor<WeightedCluster>(weightProblems),
  [`${route}.RouteAction.RequestMirrorPolicy`]: ruleFor<RouteAction_RequestMirrorPolicy>(({ cluster, clusterHeader }) =>
    when((cluster === "") === (clusterHeader === ""), () =>
      refused(["cluster"], "a mirror needs either `cluster` or `cluster_header`"),
    ),
  ),
  [`${route}.RetryPolicy.RetryBackOff`]: ruleFor<RetryPolicy_RetryBackOff>(({ baseInterval: base, maxInterval: max }) =>
    when(
      base !== undefined &&
        max !== undefined &&
        (max.seconds < base.seconds || (max.seconds === base.seconds && max.nanos < base.nanos)),
      () => refused(["max_interval"], "must not be below base_interval"),
    ),
  ),
};

function weightProblems({ clusters }: WeightedCluster): readonly EnvoyProblem[] {
  const found = clusters.flatMap(({ name, clusterHeader, weight }, index) => [
    ...when(weight === undefined, () =>
      problem("invalid-weights", ["clusters", index, "weight"], { message: "each cluster needs a `weight`" }),
    ),
    ...when((name === "") === (clusterHeader === ""), () =>
      refused(["clusters", index, "name"], "needs either `name` or `cluster_header`"),
    ),
  ]);
  const sum = clusters.reduce((total, { weight = 0 }) => total + weight, 0);
  // The constraints of the proto ask for at least one.
  if (found.length > 0 || clusters.length === 0 || (sum > 0 && sum <= WEIGHTS_MAX)) return found;
  const message = sum === 0 ? "all weights are 0" : `the weights add up to ${sum}, which is more than ${WEIGHTS_MAX}`;
  return [problem("invalid-weights", ["clusters"], { message, hint: "only the ratio of the weights counts" })];
}

function rewriteProblems(action: RouteAction): readonly EnvoyProblem[] {
  const written = [
    ["prefix_rewrite", action.prefixRewrite !== ""],
    ["regex_rewrite", action.regexRewrite !== undefined],
    ["path_rewrite_policy", action.pathRewritePolicy !== undefined],
  ] as const;
  const [first, second] = written.filter(([, isSet]) => isSet).map(([name]) => name);
  return when(first !== undefined && second !== undefined, () =>
    refused([second ?? ""], `excludes \`${first}\``, "keep one of them"),
  );
}

function upgradeProblems({ upgradeConfigs }: RouteAction): readonly EnvoyProblem[] {
  const seen = new Set<string>();
  return upgradeConfigs.flatMap(({ upgradeType, connectConfig }, index) => {
    const type = upgradeType.toLowerCase();
    const repeated = seen.has(type);
    seen.add(type);
    return [
      ...when(repeated, () =>
        problem("duplicate-name", ["upgrade_configs", index, "upgrade_type"], {
          message: `the upgrade "${upgradeType}" is configured twice`,
        }),
      ),
      ...when(connectConfig !== undefined && type !== "connect" && type !== "connect-udp", () =>
        refused(["upgrade_configs", index, "connect_config"], "is for the upgrade CONNECT only"),
      ),
    ];
  });
}
