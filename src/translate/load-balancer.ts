/**
 * Load balancing: which host of a cluster a request goes to.
 *
 * The hashing policies are written as Envoy's extensions, because only there a cluster can say itself what
 * is hashed: the hash policy of a route would be the same for all backends of a rule, and every route to
 * the cluster would have to repeat it.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/load_balancers
 */
import type {
  ClusterJson,
  Cluster_CommonLbConfigJson,
  Cluster_SlowStartConfigJson,
} from "../gen/envoy/config/cluster/v3/cluster_pb.d.ts";
import type { RouteAction_HashPolicyJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { ConsistentHashingLbConfigJson } from "../gen/envoy/extensions/load_balancing_policies/common/v3/common_pb.d.ts";
import type { MaglevJson } from "../gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.d.ts";
import type { RingHashJson } from "../gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.d.ts";
import type { HashKey, LoadBalancer, SlowStart, ZoneAware } from "../model/intent-service.ts";
import { unreachable } from "../support/assert.ts";
import { duration } from "./duration.ts";
import { packAny } from "./pack-any.ts";

/** Envoy's own defaults, written out so that a reader of the resource sees what holds. */
const defaultMinimumRingSize = 1_024;
const defaultMaximumRingSize = 8_388_608;
const defaultTableSize = 65_537;
const defaultAggression = 1;
const defaultMinWeightPercent = 10;
const defaultRoutingPercent = 100;
const defaultMinClusterSize = 6;

/** Envoy demands a name for each number that its runtime may override. */
const aggressionRuntimeKey = "fairway.slow_start.aggression";

const extensions = "envoy.extensions.load_balancing_policies";

/** The part of a cluster that says how it is balanced. */
export function translateLoadBalancer(balancer: LoadBalancer): ClusterJson {
  const { healthyPanicThresholdPercent: value } = balancer;
  const common = {
    ...(value === undefined ? {} : { healthyPanicThreshold: { value } }),
    ...localities(balancer),
  };
  return { ...policy(balancer), ...(Object.keys(common).length === 0 ? {} : { commonLbConfig: common }) };
}

/** Of an extension it stands in its own configuration. */
function localities({ zoneAware, localityWeights, policy: name }: LoadBalancer): Cluster_CommonLbConfigJson {
  if (zoneAware !== undefined) return { zoneAwareLbConfig: translateZoneAware(zoneAware) };
  const isExtension = name === "RING_HASH" || name === "MAGLEV";
  return localityWeights === undefined || isExtension ? {} : { localityWeightedLbConfig: {} };
}

function translateZoneAware(zones: ZoneAware): NonNullable<Cluster_CommonLbConfigJson["zoneAwareLbConfig"]> {
  return {
    routingEnabled: { value: zones.routingPercent ?? defaultRoutingPercent },
    minClusterSize: String(zones.minClusterSize ?? defaultMinClusterSize),
    ...(zones.failTrafficOnPanic === undefined ? {} : { failTrafficOnPanic: zones.failTrafficOnPanic }),
  };
}

function policy(balancer: LoadBalancer): ClusterJson {
  const { choiceCount, ringHash, maglev, slowStart, localityWeights } = balancer;
  const weighted = localityWeights === undefined ? {} : { localityWeightedLbConfig: {} };
  const slow = slowStart === undefined ? {} : { slowStartConfig: translateSlowStart(slowStart) };
  switch (balancer.policy) {
    case "ROUND_ROBIN":
      return { lbPolicy: "ROUND_ROBIN", ...(slowStart === undefined ? {} : { roundRobinLbConfig: slow }) };
    case "LEAST_REQUEST": {
      const config = { ...(choiceCount === undefined ? {} : { choiceCount }), ...slow };
      return {
        lbPolicy: "LEAST_REQUEST",
        ...(Object.keys(config).length === 0 ? {} : { leastRequestLbConfig: config }),
      };
    }
    case "RANDOM":
      return { lbPolicy: "RANDOM" };
    case "RING_HASH": {
      const config: RingHashJson = {
        // Envoy's own, and the only one that gRPC clients take; they do not take it for granted.
        hashFunction: "XX_HASH",
        minimumRingSize: String(ringHash?.minimumRingSize ?? defaultMinimumRingSize),
        maximumRingSize: String(ringHash?.maximumRingSize ?? defaultMaximumRingSize),
        ...hashing(balancer.hashOn),
        ...weighted,
      };
      return extensionPolicy("ring_hash", "RingHash", config);
    }
    case "MAGLEV": {
      const config: MaglevJson = {
        tableSize: String(maglev?.tableSize ?? defaultTableSize),
        ...hashing(balancer.hashOn),
        ...weighted,
      };
      return extensionPolicy("maglev", "Maglev", config);
    }
    default:
      return unreachable(balancer.policy);
  }
}

function extensionPolicy(name: string, message: string, config: object): ClusterJson {
  const typedConfig = packAny(`${extensions}.${name}.v3.${message}`, config);
  return {
    loadBalancingPolicy: {
      policies: [{ typedExtensionConfig: { name: `envoy.load_balancing_policies.${name}`, typedConfig } }],
    },
  };
}

/** Without keys the hash policy of the route counts, which a raw resource may have. */
function hashing(keys: readonly HashKey[] | undefined): {
  readonly consistentHashingLbConfig?: ConsistentHashingLbConfigJson;
} {
  if (keys === undefined) return {};
  return {
    consistentHashingLbConfig: {
      // The first key that a request has decides alone; Envoy would mix all of them.
      hashPolicy: keys.map((key) => ({ ...translateHashKey(key), terminal: true })),
    },
  };
}

function translateHashKey(key: HashKey): RouteAction_HashPolicyJson {
  switch (key.kind) {
    case "header":
      return { header: { headerName: key.name } };
    case "cookie":
      return {
        cookie: {
          name: key.name,
          ...(key.ttlMs === undefined ? {} : { ttl: duration(key.ttlMs) }),
          ...(key.path === undefined ? {} : { path: key.path }),
        },
      };
    case "queryParam":
      return { queryParameter: { name: key.name } };
    case "sourceIp":
      return { connectionProperties: { sourceIp: true } };
    default:
      return unreachable(key);
  }
}

function translateSlowStart({ windowMs, aggression, minWeightPercent }: SlowStart): Cluster_SlowStartConfigJson {
  return {
    slowStartWindow: duration(windowMs),
    aggression: { defaultValue: aggression ?? defaultAggression, runtimeKey: aggressionRuntimeKey },
    minWeightPercent: { value: minWeightPercent ?? defaultMinWeightPercent },
  };
}
