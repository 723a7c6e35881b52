/**
 * The resource types that xDS delivers, and what the protocol needs to know of each.
 *
 * The order of the table is the order in which a change is added: what is referred to comes before what
 * refers to it (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#eventual-consistency-considerations).
 */

/** What a type is to the sequencer: clusters, endpoints and secrets supply; listeners and routes refer to them. */
export type TypeRole = "supply" | "reference";

/** One row of the table. */
export interface ResourceType {
  readonly typeUrl: string;
  /** The name that operators know: CDS, EDS, … */
  readonly shortName: string;
  /** The file under `snapshots/`, and the key in the admin API. */
  readonly plural: string;
  readonly role: TypeRole;
  /** In SotW a response of this type is the full state: absent means deleted (LDS, CDS, and SRDS as Envoy reads it). */
  readonly fullStateInSotw: boolean;
  /** Clients may ask for all resources of this type without naming them. */
  readonly wildcardAllowed: boolean;
  /**
   * A resource that disappears is not announced as removed: the client drops it when its parent goes.
   * Envoy keeps the endpoints of a removed load assignment anyway, and a removed extension config answers
   * requests with 5xx (envoy#32823).
   */
  readonly expiresByUnsubscribe: boolean;
  /** Clients ask for a name when a request needs it, and each name is answered by whatever serves it (VHDS). */
  readonly onDemand: boolean;
  /** The field that holds a resource's name. */
  readonly nameField: string;
}

const prefix = "type.googleapis.com/";

/** All types, in the order in which additions are sent; removals go the other way. */
export const resourceTypes: readonly ResourceType[] = [
  row("envoy.extensions.transport_sockets.tls.v3.Secret", "SDS", "secrets", { role: "supply", child: true }),
  row("envoy.config.cluster.v3.Cluster", "CDS", "clusters", { role: "supply", wildcard: true, fullState: true }),
  row("envoy.config.endpoint.v3.ClusterLoadAssignment", "EDS", "endpoints", {
    role: "supply",
    child: true,
    nameField: "cluster_name",
  }),
  row("envoy.service.runtime.v3.Runtime", "RTDS", "runtimes", { role: "supply" }),
  row("envoy.config.core.v3.TypedExtensionConfig", "ECDS", "extensions", { role: "reference", child: true }),
  row("envoy.config.listener.v3.Listener", "LDS", "listeners", { role: "reference", wildcard: true, fullState: true }),
  row("envoy.config.route.v3.ScopedRouteConfiguration", "SRDS", "scoped-routes", {
    role: "reference",
    wildcard: true,
    fullState: true,
  }),
  row("envoy.config.route.v3.RouteConfiguration", "RDS", "routes", { role: "reference", child: true }),
  row("envoy.config.route.v3.VirtualHost", "VHDS", "virtual-hosts", { role: "reference", demand: true }),
];

/** The type URLs that code names. */
export const typeUrls = {
  secret: `${prefix}envoy.extensions.transport_sockets.tls.v3.Secret`,
  cluster: `${prefix}envoy.config.cluster.v3.Cluster`,
  endpoints: `${prefix}envoy.config.endpoint.v3.ClusterLoadAssignment`,
  listener: `${prefix}envoy.config.listener.v3.Listener`,
  scopedRoute: `${prefix}envoy.config.route.v3.ScopedRouteConfiguration`,
  route: `${prefix}envoy.config.route.v3.RouteConfiguration`,
  virtualHost: `${prefix}envoy.config.route.v3.VirtualHost`,
  extension: `${prefix}envoy.config.core.v3.TypedExtensionConfig`,
  runtime: `${prefix}envoy.service.runtime.v3.Runtime`,
} as const;

const byTypeUrl = new Map(resourceTypes.map((type) => [type.typeUrl, type]));

/** The row of a type URL, or undefined when xDS does not deliver the type. */
export function resourceType(typeUrl: string): ResourceType | undefined {
  return byTypeUrl.get(typeUrl);
}

interface RowTraits {
  readonly role: TypeRole;
  readonly wildcard?: boolean;
  readonly fullState?: boolean;
  readonly child?: boolean;
  readonly demand?: boolean;
  readonly nameField?: string;
}

function row(message: string, shortName: string, plural: string, traits: RowTraits): ResourceType {
  return {
    typeUrl: prefix + message,
    shortName,
    plural,
    role: traits.role,
    fullStateInSotw: traits.fullState ?? false,
    wildcardAllowed: traits.wildcard ?? false,
    expiresByUnsubscribe: traits.child ?? false,
    onDemand: traits.demand ?? false,
    nameField: traits.nameField ?? "name",
  };
}
