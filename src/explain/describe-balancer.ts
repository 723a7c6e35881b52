/**
 * How a cluster chooses among its hosts, in a few words.
 */
import type { ClusterJson } from "../gen/envoy/config/cluster/v3/cluster_pb.d.ts";
import type { RouteAction_HashPolicyJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";

/** What the extensions that hash have in common. */
interface HashingConfig {
  readonly consistentHashingLbConfig?: { readonly hashPolicy?: readonly RouteAction_HashPolicyJson[] };
  readonly localityWeightedLbConfig?: object;
}

const extensionPrefix = "envoy.load_balancing_policies.";

/** The policy, and how it treats localities. */
export function describeBalancer(cluster: ClusterJson): string {
  const { zoneAwareLbConfig: zones, localityWeightedLbConfig } = cluster.commonLbConfig ?? {};
  const config = cluster.loadBalancingPolicy?.policies?.[0]?.typedExtensionConfig?.typedConfig as
    | HashingConfig
    | undefined;
  const weighted = localityWeightedLbConfig ?? config?.localityWeightedLbConfig;
  return [
    describePolicy(cluster),
    ...(zones === undefined ? [] : [`the own zone first from ${zones.minClusterSize ?? "6"} endpoints on`]),
    ...(weighted === undefined ? [] : ["localities by weight"]),
  ].join(", ");
}

/** The first policy that an Envoy knows, by its old name: `RING_HASH by header x-user, else by cookie session`. */
function describePolicy({ loadBalancingPolicy, lbPolicy = "ROUND_ROBIN" }: ClusterJson): string {
  const extension = loadBalancingPolicy?.policies?.[0]?.typedExtensionConfig;
  if (extension === undefined) return isHashing(lbPolicy) ? `${lbPolicy} ${routeHash}` : lbPolicy;
  const { name = "an extension", typedConfig } = extension;
  const policy = name.startsWith(extensionPrefix) ? name.slice(extensionPrefix.length).toUpperCase() : name;
  if (!isHashing(policy)) return policy;
  const hashed = (typedConfig as HashingConfig | undefined)?.consistentHashingLbConfig?.hashPolicy ?? [];
  return `${policy} ${hashed.length === 0 ? routeHash : joinHashes(hashed)}`;
}

const routeHash = "by the hash policy of the route";

function isHashing(policy: string): boolean {
  return policy === "RING_HASH" || policy === "MAGLEV";
}

/** A terminal policy decides alone when the request has what it asks for; otherwise all are mixed. */
function joinHashes(policies: readonly RouteAction_HashPolicyJson[]): string {
  return policies
    .map((policy, index) => {
      const joint = index === 0 ? "" : policies[index - 1]?.terminal === true ? ", else " : " and ";
      return `${joint}${describeHash(policy)}`;
    })
    .join("");
}

/** `by header x-user`. */
export function describeHash({
  header,
  cookie,
  queryParameter,
  connectionProperties,
}: RouteAction_HashPolicyJson): string {
  if (header !== undefined) return `by header ${header.headerName}`;
  if (cookie !== undefined) return `by cookie ${cookie.name}`;
  if (queryParameter !== undefined) return `by query parameter ${queryParameter.name}`;
  return connectionProperties?.sourceIp === true ? "by the client's address" : "by filter state";
}
