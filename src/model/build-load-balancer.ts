/**
 * From a checked and merged `loadBalancer` block to that of the intent.
 */
import { durationMs } from "./duration.ts";
import type { HashKey, LoadBalancer, SlowStart, ZoneAware } from "./intent-service.ts";
import type { LoadBalancerValue } from "./merge-policy.ts";
import { defaultPolicy } from "./schema-load-balancer.ts";
import { defined, sortedRecord } from "./sort.ts";

type HashKeyValue = NonNullable<LoadBalancerValue["hashOn"]>[number];

/** Builds the block; the policy is written out because the block was. */
export function buildLoadBalancer(block: LoadBalancerValue): LoadBalancer {
  const { policy, choiceCount, healthyPanicThreshold, hashOn, ringHash, maglev, slowStart } = block;
  const { zoneAware, localityWeights, overprovisioningFactor } = block;
  return {
    policy: policy ?? defaultPolicy,
    ...defined({ choiceCount, healthyPanicThresholdPercent: healthyPanicThreshold }),
    ...(hashOn === undefined ? {} : { hashOn: hashOn.map(buildHashKey) }),
    ...(ringHash === undefined ? {} : { ringHash: defined(ringHash) }),
    ...(maglev === undefined ? {} : { maglev: defined(maglev) }),
    ...(slowStart === undefined ? {} : { slowStart: buildSlowStart(slowStart) }),
    ...(zoneAware === undefined ? {} : { zoneAware: buildZoneAware(zoneAware) }),
    ...(localityWeights === undefined ? {} : { localityWeights: sortedRecord(localityWeights) }),
    ...defined({ overprovisioningPercent: overprovisioningFactor }),
  };
}

function buildHashKey({ header, cookie, queryParam }: HashKeyValue): HashKey {
  if (header !== undefined) return { kind: "header", name: header.toLowerCase() };
  if (queryParam !== undefined) return { kind: "queryParam", name: queryParam };
  if (cookie === undefined) return { kind: "sourceIp" };
  if (typeof cookie === "string") return { kind: "cookie", name: cookie };
  const { name, ttl, path } = cookie;
  return { kind: "cookie", name, ...(ttl === undefined ? {} : { ttlMs: durationMs(ttl) }), ...defined({ path }) };
}

type SlowStartValue = NonNullable<LoadBalancerValue["slowStart"]>;

function buildSlowStart({ window, aggression, minWeightPercent }: SlowStartValue): SlowStart {
  return { windowMs: durationMs(window), ...defined({ aggression, minWeightPercent }) };
}

function buildZoneAware(block: NonNullable<LoadBalancerValue["zoneAware"]>): ZoneAware {
  const { routingEnabled, minClusterSize, failTrafficOnPanic } = block;
  return defined({ routingPercent: routingEnabled, minClusterSize, failTrafficOnPanic });
}
