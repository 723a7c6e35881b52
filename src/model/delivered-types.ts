/**
 * The messages that xDS delivers as resources, and the field that holds the name of each.
 */

/** Full message name → the proto name of its name field. */
export const deliveredTypes: Readonly<Record<string, string>> = {
  "envoy.extensions.transport_sockets.tls.v3.Secret": "name",
  "envoy.config.cluster.v3.Cluster": "name",
  "envoy.config.endpoint.v3.ClusterLoadAssignment": "cluster_name",
  "envoy.service.runtime.v3.Runtime": "name",
  "envoy.config.core.v3.TypedExtensionConfig": "name",
  "envoy.config.listener.v3.Listener": "name",
  "envoy.config.route.v3.ScopedRouteConfiguration": "name",
  "envoy.config.route.v3.RouteConfiguration": "name",
  "envoy.config.route.v3.VirtualHost": "name",
};

/** The short names of the messages: `Cluster`, `Listener`, … */
export const deliveredNouns: readonly string[] = Object.keys(deliveredTypes).map(noun);

/** The full message name of `Cluster`, `envoy.config.cluster.v3.Cluster` or its type URL; undefined when xDS delivers no such type. */
export function deliveredType(written: string): string | undefined {
  const name = written.slice(written.lastIndexOf("/") + 1);
  if (Object.hasOwn(deliveredTypes, name)) return name;
  return Object.keys(deliveredTypes).find((type) => noun(type) === name);
}

function noun(type: string): string {
  return type.slice(type.lastIndexOf(".") + 1);
}
