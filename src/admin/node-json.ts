/**
 * Nodes in the shape of the admin API.
 */
import type { NodeStatus, StreamStatus, TypeStatus } from "../fleet/node-status.ts";
import type { PlacedNode } from "../fleet/whole-fleet.ts";
import type { Rejection } from "../fleet/stream-record.ts";
import type { NodeJson } from "./api-schema.ts";
import { isoTime } from "./iso-time.ts";
import { typeName } from "./snapshot-json.ts";

type TypeJson = NodeJson["types"][number];

/** One node; what is not known is left out. */
export function nodeJson(node: PlacedNode): NodeJson {
  const { replica, group, wanted, movingTo, acknowledged, gate, refusal } = node;
  return {
    id: node.id,
    cluster: node.cluster,
    locality: { ...node.locality },
    userAgent: node.userAgent,
    ...(group === undefined ? {} : { group }),
    connected: node.connected,
    ...(replica === undefined ? {} : { replica }),
    lastSeen: isoTime(node.lastSeenMs),
    status: node.status,
    ...(wanted === undefined ? {} : { wanted }),
    ...(movingTo === undefined ? {} : { movingTo }),
    ...(acknowledged === undefined ? {} : { acknowledged }),
    ...(gate === undefined ? {} : { waiting: waitingJson(gate) }),
    ...(refusal === undefined
      ? {}
      : { refused: { reason: refusal.reason, peer: refusal.peer, at: isoTime(refusal.atMs), count: refusal.count } }),
    streams: node.streams.map(streamJson),
    types: node.types.map(typeJson),
  };
}

function streamJson({ variant, peer, sinceMs, gate }: StreamStatus): NodeJson["streams"][number] {
  const waiting = gate === undefined ? {} : { waiting: waitingJson(gate) };
  return { variant, peer, since: isoTime(sinceMs), ...waiting };
}

function waitingJson(gate: NonNullable<NodeStatus["gate"]>): NonNullable<NodeJson["waiting"]> {
  return {
    for: gate.waitingFor,
    since: isoTime(gate.sinceMs),
    ...(gate.deadlineAtMs === undefined ? {} : { deadline: isoTime(gate.deadlineAtMs) }),
    overdue: gate.overdue,
    snapshot: gate.snapshotVersion,
  };
}

function typeJson(type: TypeStatus): TypeJson {
  const { sentVersionInfo, acknowledgedVersionInfo, lastRejection } = type;
  return {
    type: typeName(type.typeUrl),
    status: type.status,
    subscribedTo: type.wildcard ? "all" : type.namesCount,
    ...(sentVersionInfo === undefined ? {} : { sentVersion: sentVersionInfo }),
    ...(acknowledgedVersionInfo === undefined ? {} : { acknowledgedVersion: acknowledgedVersionInfo }),
    ...(lastRejection === undefined ? {} : { lastRejection: rejectionJson(lastRejection) }),
  };
}

function rejectionJson(rejection: Rejection): NonNullable<TypeJson["lastRejection"]> {
  return {
    version: rejection.versionInfo,
    ...(rejection.snapshotVersion === undefined ? {} : { snapshot: rejection.snapshotVersion }),
    message: rejection.message,
    at: isoTime(rejection.atMs),
    resourcesCount: rejection.resourcesCount,
    resources: rejection.resources.map(({ typeUrl, name, version, at }) => ({
      type: typeName(typeUrl),
      name,
      version,
      ...(at === undefined ? {} : { at: { ...at } }),
    })),
  };
}
