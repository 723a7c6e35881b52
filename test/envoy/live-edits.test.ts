/**
 * The first promise: no request is lost when anything changes.
 *
 * Each edit renames the cluster behind the route, which is a new cluster, a route that moves and an old
 * cluster that goes, while requests never stop. A second listener holds its requests for seconds with the
 * fault filter, so that they are still on their old route long after it was replaced.
 */
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { freePort } from "../../demo/kit/ports.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { startScene } from "./scene.ts";

const EDITS = 1_000;

/** How long the fault filter holds a request; the grace of the config is longer. */
const HELD_MS = 2_000;

test.each(["delta", "sotw"] as const)(
  `loses no request on %s ADS while ${EDITS} edits swap clusters and routes`,
  { timeout: 180_000 },
  async (api) => {
    const heldPort = await freePort();
    let text: (edit: number) => string = () => "";
    await using scene = await startScene({
      backends: 2,
      api,
      config: ({ port, backends }) => {
        text = (edit) => swapConfig({ port, heldPort, edit, backend: backends[edit % 2] ?? "" });
        return text(0);
      },
    });
    await using steadyLoad = Load.start({ url: scene.url, concurrency: 4, requestsPerSecond: 300 });
    await using heldLoad = Load.start({
      url: `http://127.0.0.1:${heldPort}/`,
      headers: { "x-envoy-fault-delay-request": String(HELD_MS) },
      concurrency: 20,
      timeoutMs: 15_000,
    });
    let version = await scene.converged();
    for (let edit = 1; edit <= EDITS; edit += 1) {
      await scene.save(text(edit));
      // Bursts, which the control plane joins, and edits that come one by one take turns.
      if (edit % 5 === 0) version = await scene.converged(version);
    }
    const names = await remainingClusters(scene.envoy.stats.bind(scene.envoy));
    const [steady, held] = [await steadyLoad.stop(), await heldLoad.stop()];
    expect({ failed: steady.failed, failures: steady.failures }).toEqual({ failed: 0, failures: [] });
    expect({ failed: held.failed, failures: held.failures }).toEqual({ failed: 0, failures: [] });
    expect(steady.sent).toBeGreaterThan(1_000);
    expect(held.sent).toBeGreaterThan(50);
    // The clusters were swapped indeed, and the old ones went while requests ran.
    expect(names).toEqual([`shop-${EDITS}`]);
    expect(await scene.envoy.counter("cluster_manager.cluster_removed")).toBeGreaterThanOrEqual(EDITS / 5);
    expect(await scene.envoy.counter("cluster_manager.cds.update_rejected")).toBe(0);
  },
);

/** The shop clusters that are left when the grace of all the others has passed. */
async function remainingClusters(stats: (filter: string) => Promise<ReadonlyMap<string, number>>): Promise<string[]> {
  return waitUntil(
    async () => {
      const found = await stats("^cluster\\.shop-.*\\.membership_total$");
      const names = [...found.keys()].map((name) => name.split(".")[1] ?? "");
      return names.length === 1 ? names : undefined;
    },
    { what: "all replaced clusters to go", timeoutMs: 40_000, everyMs: 100 },
  );
}

/** One service with a new name in each edit; the raw listener shares the gateway's routes and can hold requests. */
function swapConfig(scene: {
  readonly port: number;
  readonly heldPort: number;
  readonly edit: number;
  readonly backend: string;
}): string {
  const { port, heldPort, edit, backend } = scene;
  return `
nodes:
  all: { updates: { grace: 4s } }
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  shop-${edit}: { endpoints: ["${backend}"] }
routes:
  shop: { rules: [{ backends: [{ service: shop-${edit} }], timeouts: { request: 3s } }] }
resources:
  - "@type": type.googleapis.com/envoy.config.listener.v3.Listener
    name: held
    address: { socket_address: { address: 127.0.0.1, port_value: ${heldPort} } }
    filter_chains:
      - filters:
          - name: envoy.filters.network.http_connection_manager
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
              stat_prefix: held
              rds: { route_config_name: public/http, config_source: { ads: {}, resource_api_version: V3 } }
              http_filters:
                - name: envoy.filters.http.fault
                  typed_config:
                    "@type": type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault
                    delay: { header_delay: {}, percentage: { numerator: 100 } }
                - name: envoy.filters.http.router
                  typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
`;
}
