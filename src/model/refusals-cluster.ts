/**
 * Clusters whose parts do not fit together: where hosts come from, how one is chosen, how they are checked.
 */
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { Cluster } from "../gen/envoy/config/cluster/v3/cluster_pb.d.ts";
import type { OutlierDetection } from "../gen/envoy/config/cluster/v3/outlier_detection_pb.d.ts";
import type {
  HealthCheck_HttpHealthCheck,
  HealthCheck_Payload,
} from "../gen/envoy/config/core/v3/health_check_pb.d.ts";
import type { ClusterLoadAssignment } from "../gen/envoy/config/endpoint/v3/endpoint_pb.d.ts";
import type { Int64Range } from "../gen/envoy/type/v3/range_pb.d.ts";
import type { EnvoyProblem } from "./envoy-problem.ts";
import { problem, refused, ruleFor, when } from "./refusal-rule.ts";
import type { RuleTable } from "./refusal-rule.ts";
import { hostProblems } from "./refusals-address.ts";
import { checkCodecProblems } from "./refusals-quic.ts";

/** `Cluster.DiscoveryType`. */
const discovery = { STATIC: 0, STRICT_DNS: 1, LOGICAL_DNS: 2, EDS: 3, ORIGINAL_DST: 4 } as const;
/** `Cluster.LbPolicy.CLUSTER_PROVIDED`. */
const clusterProvided = 6;

export const clusterRules: RuleTable = {
  "envoy.config.cluster.v3.Cluster": ruleFor<Cluster>((cluster) => [
    ...discoveryProblems(cluster),
    ...healthCheckProblems(cluster),
  ]),
  "envoy.config.cluster.v3.OutlierDetection": ruleFor<OutlierDetection>(({ baseEjectionTime, maxEjectionTime }) =>
    when(isBelow(maxEjectionTime, baseEjectionTime), () =>
      refused(["max_ejection_time"], "must not be below base_ejection_time"),
    ),
  ),
  "envoy.config.core.v3.HealthCheck.HttpHealthCheck": ruleFor<HealthCheck_HttpHealthCheck>((check) => [
    ...checkCodecProblems(check),
    ...statusProblems("expected_statuses", check.expectedStatuses),
    ...statusProblems("retriable_statuses", check.retriableStatuses),
  ]),
  "envoy.config.core.v3.HealthCheck.Payload": ruleFor<HealthCheck_Payload>(({ payload }) =>
    when(payload.case === "text" && !/^(?:[0-9a-fA-F]{2})*$/.test(payload.value), () =>
      refused(["text"], "must be hexadecimal digits in pairs", 'write 50494e47 for "PING"'),
    ),
  ),
};

function discoveryProblems(cluster: Cluster): readonly EnvoyProblem[] {
  const { clusterDiscoveryType, edsClusterConfig: eds, loadAssignment } = cluster;
  // An extension says itself what it needs.
  if (clusterDiscoveryType.case === "clusterType") return [];
  const type: number = clusterDiscoveryType.value ?? discovery.STATIC;
  const lbPolicy: number = cluster.lbPolicy;
  const found: EnvoyProblem[] = [];
  if (type === discovery.EDS && eds === undefined) {
    found.push(
      problem("missing-key", ["eds_cluster_config"], { message: "an EDS cluster needs `eds_cluster_config`" }),
    );
  }
  if (type !== discovery.EDS && eds !== undefined) {
    found.push(refused(["eds_cluster_config"], "is for clusters of type EDS only", "write `type: EDS`"));
  }
  if (type === discovery.STATIC && loadAssignment !== undefined) {
    found.push(...hostProblems(loadAssignment, ["load_assignment"]));
  }
  if (type === discovery.LOGICAL_DNS && hostCount(loadAssignment) !== 1) {
    const message = "a LOGICAL_DNS cluster has exactly one endpoint";
    found.push(refused(["load_assignment"], message, "for several write `type: STRICT_DNS`"));
  }
  if (type === discovery.ORIGINAL_DST) found.push(...originalDestinationProblems(cluster));
  else if (lbPolicy === clusterProvided && cluster.loadBalancingPolicy === undefined) {
    found.push(refused(["lb_policy"], "clusters of this type provide no load balancer", "write another lb_policy"));
  }
  return found;
}

function originalDestinationProblems(cluster: Cluster): readonly EnvoyProblem[] {
  const lbPolicy: number = cluster.lbPolicy;
  return [
    ...when(lbPolicy !== clusterProvided && cluster.loadBalancingPolicy === undefined, () =>
      refused(["lb_policy"], "an ORIGINAL_DST cluster needs the load balancer of its own", "write CLUSTER_PROVIDED"),
    ),
    ...when(cluster.loadAssignment !== undefined, () =>
      refused(["load_assignment"], "an ORIGINAL_DST cluster takes its hosts from the connections"),
    ),
  ];
}

function healthCheckProblems({ healthChecks }: Cluster): readonly EnvoyProblem[] {
  const nameless =
    healthChecks.length > 1 ? healthChecks.findIndex((check) => "name" in check && check.name === "") : -1;
  return when(nameless !== -1, () =>
    problem("missing-key", ["health_checks", nameless, "name"], {
      message: "each of several health checks needs a `name`",
    }),
  );
}

function hostCount(assignment: ClusterLoadAssignment | undefined): number {
  return assignment?.endpoints.length === 1 ? (assignment.endpoints[0]?.lbEndpoints.length ?? 0) : 0;
}

function statusProblems(field: string, ranges: readonly Int64Range[]): readonly EnvoyProblem[] {
  return ranges.flatMap(({ start, end }, index) =>
    when(start < 100n || start >= end || end > 600n, () =>
      refused([field, index], `${start} to ${end} is no range of statuses`, "start ≥ 100, end is one past the last"),
    ),
  );
}

/** Whether both are there and the first is shorter. */
function isBelow(duration: Duration | undefined, floor: Duration | undefined): boolean {
  if (duration === undefined || floor === undefined) return false;
  return duration.seconds < floor.seconds || (duration.seconds === floor.seconds && duration.nanos < floor.nanos);
}
