/** A listener whose virtual hosts are asked for one by one (VHDS), all with the same two weighted clusters. */

/** `change` moves the weights; the names are those of the other ways of `npm run bench:weights`. */
export function onDemandConfig(count: number, port: number, change: number): string {
  const canary = 1 + (change % 50);
  const clusters = `[{ name: stable, weight: ${100 - canary} }, { name: canary, weight: ${canary} }]`;
  const hosts = Array.from(
    { length: count },
    (_, index) => `  - "@type": type.googleapis.com/envoy.config.route.v3.VirtualHost
    name: public/r${index}
    domains: [h${index}.test]
    routes: [{ match: { prefix: / }, route: { weighted_clusters: { clusters: ${clusters} } } }]
`,
  );
  return `
services:
  stable: { endpoints: ["127.0.0.1:9"] }
  canary: { endpoints: ["127.0.0.1:10"] }
resources:
  - "@type": type.googleapis.com/envoy.config.listener.v3.Listener
    name: public
    address: { socket_address: { address: 127.0.0.1, port_value: ${port} } }
    filter_chains:
      - filters:
          - name: envoy.filters.network.http_connection_manager
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
              stat_prefix: public
              rds: { route_config_name: public, config_source: { ads: {}, resource_api_version: V3 } }
              http_filters:
                - name: envoy.filters.http.on_demand
                  typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.on_demand.v3.OnDemand }
                - name: envoy.filters.http.router
                  typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
  - "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
    name: public
    vhds: { config_source: { ads: {}, resource_api_version: V3 } }
${hosts.join("")}`;
}
