/**
 * Envoy's client status service on the port of discovery, over a running control plane.
 */
import { ClientStatusService } from "../admin/client-status-service.ts";
import { findNode } from "../fleet/list-nodes.ts";
import { ClientStatusDiscoveryServiceDefinition } from "../gen/envoy/service/status/v3/csds.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
import type { DescriptorSet } from "../model/private-types.ts";
import type { Redactor } from "../snapshot/redact.ts";
import { createRedactor } from "../snapshot/redact.ts";
import { holdsSecrets } from "../snapshot/render.ts";
import type { Resource } from "../snapshot/resource.ts";
import type { Clock } from "../support/clock.ts";
import { refusalOfNode } from "../xds/verify-node.ts";
import type { ControlPlane } from "./control-plane.ts";
import { loadEnvoyApi } from "./envoy-api-file.ts";

/** What it is made from. */
export interface ClientStatusSetup {
  readonly plane: ControlPlane;
  /** Private types that resources may hold. */
  readonly sets: readonly DescriptorSet[];
  readonly clock: Clock;
  /** A node must show that it is the one that it says; then it is told of itself only. */
  readonly verifiesNode: boolean;
}

/** Adds the service; call it before the server listens. */
export function registerClientStatus({ plane, sets, clock, verifiesNode }: ClientStatusSetup): void {
  const isPublic = publicResources(sets);
  const service = new ClientStatusService({
    source: {
      nodes: () => plane.server.nodes(),
      resources: (id, query) => plane.inspectNode(id, query),
      node: (id) => findNode(plane.fleet, id, clock.monotonicMs()),
      content: (resource) => (isPublic(resource) ? resource.body : undefined),
    },
    maySee: (node, peer) => !verifiesNode || refusalOfNode(node, peer) === undefined,
  });
  const { fullName, methods } = ClientStatusDiscoveryServiceDefinition;
  plane.server.register(`/${fullName}/${methods.streamClientStatus.name}`, (call) => service.stream(call));
  plane.server.register(`/${fullName}/${methods.fetchClientStatus.name}`, (call) => service.fetch(call));
}

/** Whether a resource may be shown as it is; looked at once, since that takes as long as rendering it. */
function publicResources(sets: readonly DescriptorSet[]): (resource: Resource) => boolean {
  const known = new WeakMap<Resource, boolean>();
  // Loaded when first asked for: serving needs no descriptors in this thread.
  let loaded: { readonly api: EnvoyApi; readonly redact: Redactor } | undefined;
  const load = () => {
    const api = loadEnvoyApi(sets);
    return { api, redact: createRedactor(api) };
  };
  return (resource) => {
    let isPublic = known.get(resource);
    if (isPublic === undefined) {
      const { api, redact } = (loaded ??= load());
      known.set(resource, (isPublic = !holdsSecrets(resource, api, redact)));
    }
    return isPublic;
  };
}
