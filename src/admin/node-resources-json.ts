/**
 * The resources of one node in the shape of the admin API.
 */
import type { NodeStatus } from "../fleet/node-status.ts";
import { resourceTypes } from "../snapshot/type-url.ts";
import type { InspectedPage, InspectedPlace, InspectedResource } from "../xds/inspect-stream.ts";
import type { NodeResourcesJson } from "./api-schema.ts";
import { isoTime } from "./iso-time.ts";
import { deliveryJson, typeName } from "./snapshot-json.ts";

type ResourceJson = NodeResourcesJson["resources"][number];

/** One page; what the node said when it rejected something comes from its status. */
export function nodeResourcesJson({ resources, next }: InspectedPage, node: NodeStatus | undefined): NodeResourcesJson {
  return {
    resources: resources.map((resource) => resourceJson(resource, node)),
    ...(next === undefined ? {} : { next: `${typeName(next.typeUrl)}/${next.name}` }),
  };
}

/** The way back of `next`. */
export function readPlace(after: string): InspectedPlace {
  const slash = after.indexOf("/");
  return { typeUrl: typeUrlOf(after.slice(0, slash)), name: after.slice(slash + 1) };
}

/** A type by its name in the API, such as `clusters`. */
export function typeUrlOf(name: string): string {
  return resourceTypes.find(({ plural }) => plural === name)?.typeUrl ?? name;
}

function resourceJson(resource: InspectedResource, node: NodeStatus | undefined): ResourceJson {
  const { typeUrl, name, status, heldVersion, held, wanted } = resource;
  const at = wanted?.at ?? held?.at;
  const rejection = status === "error" ? rejectionOf(resource, node) : undefined;
  return {
    type: typeName(typeUrl),
    name,
    status,
    ...(heldVersion === undefined ? {} : { version: heldVersion }),
    ...(wanted === undefined ? {} : { wantedVersion: wanted.version }),
    ...(at === undefined ? {} : { at: { ...at } }),
    ...deliveryJson(wanted ?? held),
    ...(rejection === undefined ? {} : { rejection }),
  };
}

/** The node's last words about the type; earlier ones about other resources of it are not kept. */
function rejectionOf({ typeUrl }: InspectedResource, node: NodeStatus | undefined): ResourceJson["rejection"] {
  const last = node?.types.find((type) => type.typeUrl === typeUrl)?.lastRejection;
  return last === undefined ? undefined : { message: last.message, at: isoTime(last.atMs) };
}
