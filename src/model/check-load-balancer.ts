/**
 * What the schema cannot say about a load balancer: fields beside a policy that has no use for them, and a
 * hash of nothing.
 */
import type { LoadBalancerValue } from "./merge-policy.ts";
import type { Path, Problem } from "./position.ts";
import {
  defaultPolicy,
  fieldPolicies,
  hashPolicies,
  RING_SIZE_MAX,
  RING_SIZE_MIN_DEFAULT,
} from "./schema-load-balancer.ts";

/** The problems of a block, a subset's merged with its service's; `path` is that of the block. */
export function* checkLoadBalancer(path: Path, block: LoadBalancerValue): Iterable<Problem> {
  const policy = block.policy ?? defaultPolicy;
  for (const field of Object.keys(block)) {
    const needed = fieldPolicies[field];
    if (needed === undefined || needed.includes(policy)) continue;
    const message = `\`${field}\` belongs to the polic${needed.length === 1 ? "y" : "ies"} ${needed.join(" and ")}`;
    const hint = `write \`policy: ${needed[0]}\`, or remove it`;
    yield { code: "invalid-value", message, hint, path: [...path, field], at: "key" };
  }
  const { minimumRingSize = RING_SIZE_MIN_DEFAULT, maximumRingSize = RING_SIZE_MAX } = block.ringHash ?? {};
  if (minimumRingSize > maximumRingSize) {
    const message = `the ring of at least ${minimumRingSize} cannot have at most ${maximumRingSize} entries`;
    const hint = "write a smaller `minimumRingSize`, or a larger `maximumRingSize`";
    yield { code: "invalid-value", message, hint, path: [...path, "ringHash"], at: "key" };
  }
  if (block.zoneAware !== undefined && block.localityWeights !== undefined) {
    const message = "`zoneAware` and `localityWeights` are two ways to divide requests among localities";
    const hint = "keep one of them: the own zone first, or shares that you write";
    yield { code: "invalid-value", message, hint, path: [...path, "localityWeights"], at: "key" };
  }
  if (hashPolicies.includes(policy) && block.hashOn === undefined) {
    yield {
      code: "missing-hash-key",
      severity: "warning",
      message: `${policy} without \`hashOn\` chooses hosts at random`,
      hint: "write what equal requests have in common: `hashOn: [{ header: x-user }]`",
      path: [...path, "policy"],
      at: "value",
    };
  }
}
