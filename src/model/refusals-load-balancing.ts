/**
 * Load balancers whose settings contradict each other.
 */
import type {
  Cluster,
  Cluster_LbSubsetConfig_LbSubsetSelector,
  LoadBalancingPolicy,
} from "../gen/envoy/config/cluster/v3/cluster_pb.d.ts";
import type { EnvoyProblem } from "./envoy-problem.ts";
import type { Path } from "./position.ts";
import { problem, refused, ruleFor, when } from "./refusal-rule.ts";
import type { RuleTable } from "./refusal-rule.ts";

/** `Cluster.LbPolicy`. */
const policy = { RING_HASH: 2, MAGLEV: 5, LOAD_BALANCING_POLICY_CONFIG: 7 } as const;
/** `LbSubsetSelectorFallbackPolicy.KEYS_SUBSET`. */
const keysSubset = 4;

/** Envoy's defaults for the entries of a hash ring. */
const RING_MIN = 1_024n;
const RING_MAX = 8_388_608n;

interface RingSizes {
  readonly minimumRingSize?: bigint | undefined;
  readonly maximumRingSize?: bigint | undefined;
}

interface MaglevTable {
  readonly tableSize?: bigint | undefined;
}

const extensions = "envoy.extensions.load_balancing_policies";

export const loadBalancingRules: RuleTable = {
  "envoy.config.cluster.v3.Cluster": ruleFor<Cluster>(({ lbPolicy: chosen, lbConfig, loadBalancingPolicy }) => {
    const lbPolicy: number = chosen;
    if (loadBalancingPolicy !== undefined) return [];
    if (lbPolicy === policy.RING_HASH && lbConfig.case === "ringHashLbConfig") {
      return ringProblems(lbConfig.value, ["ring_hash_lb_config"]);
    }
    if (lbPolicy === policy.MAGLEV && lbConfig.case === "maglevLbConfig") {
      return tableProblems(lbConfig.value, ["maglev_lb_config"]);
    }
    const message = "LOAD_BALANCING_POLICY_CONFIG needs `load_balancing_policy`";
    return when(lbPolicy === policy.LOAD_BALANCING_POLICY_CONFIG, () =>
      problem("missing-key", ["load_balancing_policy"], { message }),
    );
  }),
  "envoy.config.cluster.v3.LoadBalancingPolicy": ruleFor<LoadBalancingPolicy>(({ policies }) =>
    when(policies.length === 0, () => problem("missing-key", ["policies"], { message: "needs at least one policy" })),
  ),
  "envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector":
    ruleFor<Cluster_LbSubsetConfig_LbSubsetSelector>(fallbackProblems),
  [`${extensions}.ring_hash.v3.RingHash`]: ruleFor<RingSizes>((sizes) => ringProblems(sizes, [])),
  [`${extensions}.maglev.v3.Maglev`]: ruleFor<MaglevTable>((table) => tableProblems(table, [])),
};

function ringProblems(sizes: RingSizes, path: Path): readonly EnvoyProblem[] {
  const minimum = sizes.minimumRingSize ?? RING_MIN;
  const maximum = sizes.maximumRingSize ?? RING_MAX;
  const field = sizes.minimumRingSize === undefined ? "maximum_ring_size" : "minimum_ring_size";
  return when(minimum > maximum, () =>
    refused([...path, field], `the smallest ring (${minimum}) is larger than the largest (${maximum})`),
  );
}

function tableProblems({ tableSize }: MaglevTable, path: Path): readonly EnvoyProblem[] {
  return when(tableSize !== undefined && !isPrime(tableSize), () =>
    refused([...path, "table_size"], `must be a prime number, but is ${tableSize}`, "65537 is Envoy's default"),
  );
}

/** The constraints of the proto keep it below five million, so that trying is quick. */
function isPrime(value: bigint): boolean {
  const number = Number(value);
  // Anything larger is told as that.
  if (number > 5_000_011) return true;
  for (let divisor = 2; divisor * divisor <= number; divisor += 1) if (number % divisor === 0) return false;
  return number > 1;
}

function fallbackProblems(selector: Cluster_LbSubsetConfig_LbSubsetSelector): readonly EnvoyProblem[] {
  const { keys, fallbackKeysSubset } = selector;
  const fallbackPolicy: number = selector.fallbackPolicy;
  if (fallbackPolicy !== keysSubset) return [];
  const path = ["fallback_keys_subset"];
  if (fallbackKeysSubset.length === 0) return [problem("missing-key", path, { message: "KEYS_SUBSET needs keys" })];
  const stranger = fallbackKeysSubset.find((key) => !keys.includes(key));
  if (stranger !== undefined) return [refused(path, `"${stranger}" is not among the keys of the selector`)];
  return when(new Set(fallbackKeysSubset).size === new Set(keys).size, () =>
    refused(path, "must have fewer keys than the selector"),
  );
}
