/**
 * A ClusterLoadAssignment: the hosts of a cluster, by priority and locality.
 *
 * Every cluster has one, even without any host: a cluster whose load assignment never comes keeps Envoy
 * warming for 15 s. Every locality carries `locality` and a weight of at least 1: Envoy does not mind
 * their absence, but gRPC's own xDS clients then have no target to pick from.
 */
import type { ClusterLoadAssignmentJson } from "../gen/envoy/config/endpoint/v3/endpoint_pb.d.ts";
import type {
  EndpointJson,
  LbEndpointJson,
  LocalityLbEndpointsJson,
} from "../gen/envoy/config/endpoint/v3/endpoint_components_pb.d.ts";
import { socketPath } from "../model/address.ts";
import type { Endpoint, LoadBalancer } from "../model/intent-service.ts";

/** Where Envoy's load balancers look for the labels of a host. */
const lbMetadata = "envoy.lb";

const healthStatuses = { healthy: "HEALTHY", draining: "DRAINING", unhealthy: "UNHEALTHY" } as const;

/** What of a policy stands in the assignment. */
export interface AssignmentPolicy {
  /** Said host by host. */
  readonly healthCheckPort?: number | undefined;
  readonly loadBalancer?: Pick<LoadBalancer, "localityWeights" | "overprovisioningPercent"> | undefined;
}

/** Endpoints may come in any order; equal sets give equal assignments. */
export function translateLoadAssignment(
  clusterName: string,
  endpoints: readonly Endpoint[],
  policy: AssignmentPolicy = {},
): ClusterLoadAssignmentJson {
  const groups = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints.toSorted(inOrder)) {
    const key = localityKey(endpoint);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [endpoint]);
    else group.push(endpoint);
  }
  const overprovisioningFactor = policy.loadBalancer?.overprovisioningPercent;
  return {
    clusterName,
    endpoints: [...groups.values()].map((group) => localityEndpoints(group, policy)),
    ...(overprovisioningFactor === undefined ? {} : { policy: { overprovisioningFactor } }),
  };
}

function localityEndpoints(
  endpoints: readonly Endpoint[],
  { healthCheckPort, loadBalancer }: AssignmentPolicy,
): LocalityLbEndpointsJson {
  const first = endpoints[0];
  const { region, zone, subZone } = first?.locality ?? {};
  const weights = loadBalancer?.localityWeights;
  const name = [region, zone, subZone].filter((part) => part !== undefined).join("/");
  return {
    locality: {
      ...(region === undefined ? {} : { region }),
      ...(zone === undefined ? {} : { zone }),
      ...(subZone === undefined ? {} : { subZone }),
    },
    priority: first?.priority ?? 0,
    loadBalancingWeight:
      weights === undefined
        ? endpoints.reduce((sum, endpoint) => sum + (endpoint.weight ?? 1), 0)
        : (weights[name] ?? 1),
    lbEndpoints: endpoints.map((endpoint) => lbEndpoint(endpoint, healthCheckPort)),
  };
}

function lbEndpoint(endpoint: Endpoint, healthCheckPort?: number): LbEndpointJson {
  const labels = Object.entries(endpoint.labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    endpoint: endpointAt(endpoint, healthCheckPort),
    ...(endpoint.health === undefined ? {} : { healthStatus: healthStatuses[endpoint.health] }),
    ...(labels.length === 0 ? {} : { metadata: { filterMetadata: { [lbMetadata]: Object.fromEntries(labels) } } }),
    ...(endpoint.weight === undefined ? {} : { loadBalancingWeight: endpoint.weight }),
  };
}

/** An address, and the port that health checks ask when it is another one. */
export function endpointAt(
  { host, port }: { readonly host: string; readonly port: number },
  healthCheckPort?: number,
): EndpointJson {
  const path = socketPath(host);
  // A socket has no other port to ask.
  if (path !== undefined) return { address: { pipe: { path } } };
  return {
    address: { socketAddress: { address: host, portValue: port } },
    ...(healthCheckPort === undefined ? {} : { healthCheckConfig: { portValue: healthCheckPort } }),
  };
}

/** By priority, locality, then address. */
function inOrder(a: Endpoint, b: Endpoint): number {
  return (
    (a.priority ?? 0) - (b.priority ?? 0) ||
    compareText(localityKey(a), localityKey(b)) ||
    compareText(a.host, b.host) ||
    a.port - b.port
  );
}

function localityKey(endpoint: Endpoint): string {
  const { region, zone, subZone } = endpoint.locality ?? {};
  return JSON.stringify([endpoint.priority ?? 0, region ?? "", zone ?? "", subZone ?? ""]);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
