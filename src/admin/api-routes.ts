/**
 * Every route of the admin server as data: what it takes and what it answers.
 *
 * The server registers these and no others, and the OpenAPI document is written from them, so that neither
 * can know a route that the other does not.
 */
import { z } from "zod";
import {
  confirmedSchema,
  eventListSchema,
  healthSchema,
  nodeListSchema,
  nodeResourcesSchema,
  nodeSchema,
  problemSchema,
  readinessSchema,
  refusedInstancesSchema,
  replicaListSchema,
  snapshotListSchema,
  snapshotSchema,
  warningListSchema,
} from "./api-schema.ts";
import { explanationSchema } from "./explain-schema.ts";
import { loadSchema, loadSettingsSchema } from "./load-schema.ts";
import { rolloutRoutes } from "./rollout-routes.ts";
import {
  resetWeightsSchema,
  setWeightsSchema,
  splitHistorySchema,
  splitListSchema,
  splitSchema,
} from "./split-schema.ts";

/** One answer; without a schema it is text. */
export interface RouteAnswer {
  readonly description: string;
  readonly schema?: z.ZodType;
}

/** One route. Paths are written as OpenAPI does: `/v1/nodes/{id}`. */
export interface Route {
  readonly operation: string;
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly summary: string;
  readonly query: z.ZodObject;
  readonly headers?: Readonly<Record<string, string>>;
  readonly optionalHeaders?: Readonly<Record<string, string>>;
  /** What a PUT or POST brings, as JSON; a PUT must. */
  readonly body?: z.ZodType;
  readonly answers: Readonly<Record<number, RouteAnswer>>;
}

export const noQuery = z.strictObject({});
/** 1,000 nodes are about 2 MB of JSON, a few milliseconds of the event loop. */
const limit = z.coerce.number().int().min(1).max(1_000);
const after = z.string().max(1_024).optional().describe("`next` of the page before");
const flag = z.enum(["true", "false"]).transform((text) => text === "true");

const scope = z
  .enum(["fleet", "local"])
  .default("fleet")
  .describe("The nodes of all replicas, or those of the one that is asked");

export const snapshotListQuery = z.strictObject({
  limit: limit.default(100).describe("How many groups"),
  after,
  group: z.string().max(256).optional().describe("Only this group"),
  history: z.coerce.number().int().min(0).max(50).default(10).describe("How many past versions of each group"),
  scope,
});

export const snapshotQuery = z.strictObject({
  limit: limit.default(1_000).describe("How many resources; fewer when they are large"),
  after,
  type: z.string().max(256).optional().describe("Only this type, such as clusters"),
  include: z.literal("resources").optional().describe("Also the resources, as proto3 JSON with secrets redacted"),
});

export const nodeListQuery = z.strictObject({
  limit: limit.default(1_000),
  after,
  group: z.string().max(256).optional().describe("Only nodes of this group"),
  status: z.enum(["synced", "stale", "not_sent", "error"]).optional(),
  connected: flag.optional(),
  scope,
});

export const nodeResourcesQuery = z.strictObject({
  limit: limit.default(1_000).describe("How many resources"),
  after,
  type: z.string().max(256).optional().describe("Only this type, such as clusters"),
});

export const loadQuery = z.strictObject({
  limit: limit.default(100).describe("How many clusters"),
  after,
  cluster: z.string().max(1_024).optional().describe("Only this cluster, by Envoy's name of it"),
  node: z.string().max(256).optional().describe("As this node alone reports it"),
});

export const eventListQuery = z.strictObject({
  limit: limit.default(1_000).describe("How many events: with `after` the next ones, without the newest"),
  after: z.coerce.number().int().min(0).optional().describe("Only events with a greater id"),
});

export const explainQuery = z.strictObject({
  method: z.string().max(64).default("GET"),
  url: z.string().describe("Such as https://shop.example.com/cart?id=1"),
  header: z
    .union([z.string(), z.array(z.string()).max(100)])
    .default([])
    .describe("`name: value`; may repeat"),
  node: z.string().max(4_096).optional().describe("An id, id=ID,cluster=CLUSTER, or Envoy's node as JSON"),
  group: z.string().max(256).optional().describe("The node group, instead of a node"),
});

/** Who confirms, and why; all of it may be left out. */
export const confirmationSchema = z.strictObject({
  actor: z.string().min(1).max(200).default("somebody").describe("Who confirms; nobody checks it"),
  reason: z.string().max(500).optional(),
  local: z.boolean().default(false).describe("Only on the replica that is asked, also when etcd is away"),
});

const seenChange = { "If-Match": 'The number of the last change that was seen, in quotes, as in `If-Match: "7"`' };

const notFound: RouteAnswer = { description: "There is none", schema: problemSchema };

/** In the order of the documentation. */
export const routes = [
  {
    operation: "getHealth",
    method: "GET",
    path: "/healthz",
    summary: "Whether the process is alive: 503 when its event loop has been starved for most of a minute.",
    query: noQuery,
    answers: {
      200: { description: "Alive", schema: healthSchema },
      503: { description: "Starved", schema: healthSchema },
    },
  },
  {
    operation: "getReadiness",
    method: "GET",
    path: "/readyz",
    summary: "Whether every group has a valid snapshot; a degraded server is ready and says why it is degraded.",
    query: noQuery,
    answers: {
      200: { description: "Ready, or degraded", schema: readinessSchema },
      503: { description: "Not ready", schema: readinessSchema },
    },
  },
  {
    operation: "getMetrics",
    method: "GET",
    path: "/metrics",
    summary: "Metrics in the Prometheus text format.",
    query: noQuery,
    answers: { 200: { description: "Prometheus text format" } },
  },
  {
    operation: "getOpenApi",
    method: "GET",
    path: "/v1/openapi.json",
    summary: "This document.",
    query: noQuery,
    answers: { 200: { description: "OpenAPI 3.1", schema: z.record(z.string(), z.unknown()) } },
  },
  {
    operation: "listSnapshots",
    method: "GET",
    path: "/v1/snapshots",
    summary: "What each group is given, what it was given before, what is held and what was refused.",
    query: snapshotListQuery,
    answers: { 200: { description: "A page of groups, sorted by name", schema: snapshotListSchema } },
  },
  {
    operation: "getSnapshot",
    method: "GET",
    path: "/v1/snapshots/{version}",
    summary: "One snapshot, current, past or held: every resource with its version and the line that caused it.",
    query: snapshotQuery,
    answers: { 200: { description: "A page of resources, by type and name", schema: snapshotSchema }, 404: notFound },
  },
  {
    operation: "listWarnings",
    method: "GET",
    path: "/v1/warnings",
    summary: "What the config that was taken over last was warned of.",
    query: noQuery,
    answers: { 200: { description: "The first of them, and how many there are", schema: warningListSchema } },
  },
  {
    operation: "confirmSnapshot",
    method: "POST",
    path: "/v1/snapshots/{version}/confirm",
    summary: "Releases a change that the removal guard holds, on all replicas.",
    query: noQuery,
    headers: { "If-Match": 'The version that is meant, in quotes, as in `If-Match: "0123456789abcdef"`' },
    body: confirmationSchema,
    answers: {
      200: { description: "Released", schema: confirmedSchema },
      412: { description: "Another version is held, or none; `held` says which", schema: problemSchema },
      428: { description: "If-Match is missing", schema: problemSchema },
      503: { description: "The other replicas cannot be told; nothing is released", schema: problemSchema },
    },
  },
  {
    operation: "listNodes",
    method: "GET",
    path: "/v1/nodes",
    summary: "Every node that is or lately was connected, and those that were refused.",
    query: nodeListQuery,
    answers: { 200: { description: "A page of nodes, sorted by id", schema: nodeListSchema } },
  },
  {
    operation: "getNode",
    method: "GET",
    path: "/v1/nodes/{id}",
    summary: "One node: which version of each type it has acknowledged or rejected, and why.",
    query: noQuery,
    answers: { 200: { description: "The node", schema: nodeSchema }, 404: notFound },
  },
  {
    operation: "getNodeResources",
    method: "GET",
    path: "/v1/nodes/{id}/resources",
    summary: "What a connected node has of each resource and is to have, with the line that caused it.",
    query: nodeResourcesQuery,
    answers: {
      200: { description: "A page of resources, by type and name", schema: nodeResourcesSchema },
      404: notFound,
    },
  },
  {
    operation: "getLoad",
    method: "GET",
    path: "/v1/load",
    summary: "How many requests went to each cluster and how they ended, as nodes report it (LRS).",
    query: loadQuery,
    answers: { 200: { description: "A page of clusters, sorted by name", schema: loadSchema }, 404: notFound },
  },
  {
    operation: "getLoadSettings",
    method: "GET",
    path: "/v1/load-settings",
    summary: "What nodes are asked to report of their load.",
    query: noQuery,
    answers: { 200: { description: "The settings", schema: loadSettingsSchema } },
  },
  {
    operation: "putLoadSettings",
    method: "PUT",
    path: "/v1/load-settings",
    summary: "Asks nodes to report something else, at once and until the server is started anew.",
    query: noQuery,
    body: loadSettingsSchema,
    answers: { 200: { description: "The settings from now on", schema: loadSettingsSchema } },
  },
  {
    operation: "explainRequest",
    method: "GET",
    path: "/v1/explain",
    summary: "What Envoys of a group do with a request, by the snapshot that is served, and which lines say so.",
    query: explainQuery,
    answers: {
      200: { description: "Every step of the request, also when the answer is 404", schema: explanationSchema },
      400: { description: "The request, node or group that is asked about is wrong", schema: problemSchema },
      503: { description: "Nothing is served yet, or the building thread is busy", schema: problemSchema },
    },
  },
  {
    operation: "listSplits",
    method: "GET",
    path: "/v1/splits",
    summary: "Every split of the config: the weights in force, by whom they were set, and which nodes have them.",
    query: noQuery,
    answers: { 200: { description: "The splits, sorted by name", schema: splitListSchema } },
  },
  {
    operation: "getSplit",
    method: "GET",
    path: "/v1/splits/{name}",
    summary: "One split; its ETag is the number of its last change.",
    query: noQuery,
    answers: { 200: { description: "The split", schema: splitSchema }, 404: notFound },
  },
  {
    operation: "putSplit",
    method: "PUT",
    path: "/v1/splits/{name}",
    summary: "Sets the weights of a split, within the limits of its file, and perhaps for a while only.",
    query: noQuery,
    headers: seenChange,
    body: setWeightsSchema,
    answers: {
      200: { description: "Set; `state` says how far it is", schema: splitSchema },
      404: notFound,
      412: { description: "Somebody else has changed it; `split` is as it is now", schema: problemSchema },
      422: { description: "The weights are none, or beyond the limits", schema: problemSchema },
      423: { description: "Somebody else holds it; `lock` says who, why and until when", schema: problemSchema },
      428: { description: "If-Match is missing", schema: problemSchema },
      503: { description: "The state cannot be written; nothing is changed", schema: problemSchema },
    },
  },
  {
    operation: "resetSplit",
    method: "POST",
    path: "/v1/splits/{name}/reset",
    summary: "Goes back to the weights of the file, which is always allowed.",
    query: noQuery,
    headers: seenChange,
    body: resetWeightsSchema,
    answers: {
      200: { description: "Those of the file are in force", schema: splitSchema },
      404: notFound,
      412: { description: "Somebody else has changed it; `split` is as it is now", schema: problemSchema },
      428: { description: "If-Match is missing", schema: problemSchema },
      503: { description: "The state cannot be written; nothing is changed", schema: problemSchema },
    },
  },
  {
    operation: "getSplitHistory",
    method: "GET",
    path: "/v1/splits/{name}/history",
    summary: "The last 200 changes of a split: what, by whom, when and why.",
    query: noQuery,
    answers: { 200: { description: "Newest first", schema: splitHistorySchema }, 404: notFound },
  },
  ...rolloutRoutes,
  {
    operation: "listReplicas",
    method: "GET",
    path: "/v1/replicas",
    summary: "The replicas that share an etcd, with their admin addresses and how far each is; none without etcd.",
    query: noQuery,
    answers: {
      200: { description: "The replicas, sorted by id", schema: replicaListSchema },
      503: { description: "etcd does not answer", schema: problemSchema },
    },
  },
  {
    operation: "listRefusedInstances",
    method: "GET",
    path: "/v1/refused-instances",
    summary:
      "The keys of etcd that are no instance at this moment, and why, and where something registers that is of no service.",
    query: noQuery,
    answers: { 200: { description: "The first of them, and how many there are", schema: refusedInstancesSchema } },
  },
  {
    operation: "listEvents",
    method: "GET",
    path: "/v1/events",
    summary: "The last 1,000 things that happened: changes accepted, refused and held, rejections, nodes refused.",
    query: eventListQuery,
    answers: { 200: { description: "The events, oldest first", schema: eventListSchema } },
  },
] as const satisfies readonly Route[];

/** The name of a route. */
export type Operation = (typeof routes)[number]["operation"];
