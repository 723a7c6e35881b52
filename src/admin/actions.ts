/**
 * What each route of the admin server does: a request in, an answer out, no HTTP.
 */
import type { z } from "zod";
import type { Resource } from "../snapshot/resource.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { isoTime } from "./iso-time.ts";
import { listPage } from "./list-page.ts";
import type { AdminViews } from "./admin-views.ts";
import type { Operation } from "./api-routes.ts";
import {
  confirmationSchema,
  eventListQuery,
  explainQuery,
  loadQuery,
  noQuery,
  nodeListQuery,
  nodeResourcesQuery,
  routes,
  snapshotListQuery,
  snapshotQuery,
} from "./api-routes.ts";
import { loadJson, loadSettingsJson, readLoadSettings } from "./load-json.ts";
import { loadSettingsSchema } from "./load-schema.ts";
import type { ExplanationJson } from "./explain-schema.ts";
import { nodeResourcesJson, readPlace, typeUrlOf } from "./node-resources-json.ts";
import { nodeJson } from "./node-json.ts";
import { openApiDocument } from "./openapi.ts";
import type { Answer } from "./problem.ts";
import { problem } from "./problem.ts";
import { rolloutActions } from "./rollout-actions.ts";
import { getRolloutReport } from "./rollout-report.ts";
import { splitActions } from "./split-actions.ts";
import { groupJson, refusedJson, snapshotJson, warningsJson } from "./snapshot-json.ts";

/** A request as far as an action looks at it. */
export interface ActionRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: unknown;
  readonly ifMatch: string | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly body: unknown;
}

export type Action = (request: ActionRequest) => Answer | Promise<Answer>;

/** For half of the last minute the loop was late by this much: no Envoy is answered in time any more. */
const STARVED_MS = 1_000;

/** An action for each route; `version` is Fairway's own. */
export function createActions(views: AdminViews, version: string): Readonly<Record<Operation, Action>> {
  const document = openApiDocument(routes, version);
  return {
    getHealth: () => health(views),
    getReadiness: () => readinessAnswer(views),
    getMetrics: async () => ({
      status: 200,
      body: await views.metrics(),
      headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
    }),
    getOpenApi: () => ok(document),
    listSnapshots: ({ query }) => withQuery(snapshotListQuery, query, (asked) => listSnapshots(views, asked)),
    getSnapshot: ({ params, query }) =>
      withQuery(snapshotQuery, query, (asked) => getSnapshot(views, params["version"] ?? "", asked)),
    listWarnings: ({ query }) => withQuery(noQuery, query, () => ok(warningsJson(views.warnings()))),
    confirmSnapshot: (request) => confirm(views, request),
    listNodes: ({ query }) =>
      withQuery(nodeListQuery, query, (asked) => {
        const { nodes, next } = views.nodes(asked, asked.scope);
        return ok({ nodes: nodes.map(nodeJson), ...(next === undefined ? {} : { next }) });
      }),
    getLoad: ({ query }) =>
      withQuery(loadQuery, query, (asked) => {
        const page = views.load(asked);
        return page === undefined ? problem(404, "no node of this id reports its load") : ok(loadJson(page));
      }),
    getLoadSettings: () => ok(loadSettingsJson(views.loadSettings())),
    putLoadSettings: ({ body }) => {
      const asked = loadSettingsSchema.safeParse(body);
      if (!asked.success) return problem(400, `the settings are wrong: ${details(asked.error)}`);
      views.configureLoad(readLoadSettings(asked.data));
      return ok(loadSettingsJson(views.loadSettings()));
    },
    explainRequest: ({ query }) => withQuery(explainQuery, query, (asked) => explain(views, asked)),
    ...splitActions(views),
    ...rolloutActions(views),
    getRolloutReport: (request) => getRolloutReport(views, request),
    listReplicas: ({ query }) => withQuery(noQuery, query, () => listReplicas(views)),
    listRefusedInstances: ({ query }) =>
      withQuery(noQuery, query, () => {
        const { count, first } = views.refusedInstances();
        return ok({ count, instances: first, unnamed: views.unnamedInstances() });
      }),
    listEvents: ({ query }) =>
      withQuery(eventListQuery, query, ({ limit, after }) => {
        const events = after === undefined ? views.events(0).slice(-limit) : views.events(after).slice(0, limit);
        return ok({ events: events.map(({ atMs, ...event }) => ({ ...event, at: isoTime(atMs) })) });
      }),
    getNode: ({ params }) => {
      const node = views.node(params["id"] ?? "");
      return node === undefined ? problem(404, "no node of this id is or lately was connected") : ok(nodeJson(node));
    },
    getNodeResources: ({ params, query }) =>
      withQuery(nodeResourcesQuery, query, (asked) => getNodeResources(views, params["id"] ?? "", asked)),
  };
}

async function listReplicas(views: AdminViews): Promise<Answer> {
  const listed = await views.replicas();
  if (!listed.ok) {
    const title = "etcd does not answer";
    return problem(503, `etcd does not say which replicas there are: ${listed.error}`, { title });
  }
  return ok({
    replicas: listed.value.map(({ id, isSelf, admin, startedAtMs, registryRevision, acknowledgedRevision }) => ({
      id,
      isSelf,
      admin,
      startedAt: isoTime(startedAtMs),
      registryRevision,
      acknowledgedRevision,
    })),
  });
}

function getNodeResources(views: AdminViews, id: string, asked: z.infer<typeof nodeResourcesQuery>): Answer {
  const { limit, type, after } = asked;
  const typeUrl = type === undefined ? undefined : typeUrlOf(type);
  const page = views.nodeResources(id, { limit, typeUrl, after: after === undefined ? undefined : readPlace(after) });
  const node = views.node(id);
  if (page !== undefined) return ok(nodeResourcesJson(page, node));
  return node?.replica !== undefined && node.connected
    ? problem(404, `the node is connected to another replica, which knows its resources: ${node.replica}`)
    : problem(404, "no node of this id is connected");
}

function health(views: AdminViews): Answer {
  const eventLoopDelay = views.loopDelay();
  const stalled = eventLoopDelay.p50Ms > STARVED_MS;
  return { status: stalled ? 503 : 200, body: { status: stalled ? "stalled" : "alive", eventLoopDelay } };
}

function readinessAnswer(views: AdminViews): Answer {
  const { ready, reasons } = views.ready();
  if (!ready) return { status: 503, body: { status: "not_ready", reasons } };
  return ok({ status: reasons.length === 0 ? "ready" : "degraded", reasons });
}

function listSnapshots(views: AdminViews, asked: z.infer<typeof snapshotListQuery>): Answer {
  const groups = views.groups(asked.scope).filter(({ name }) => asked.group === undefined || name === asked.group);
  const page = listPage(groups, asked);
  const refused = views.refused();
  return ok({
    groups: page.items.map((group) => groupJson(group, asked.history)),
    ...(refused === undefined ? {} : { refused: refusedJson(refused) }),
    ...(page.next === undefined ? {} : { next: page.next }),
  });
}

async function getSnapshot(views: AdminViews, version: string, asked: z.infer<typeof snapshotQuery>): Promise<Answer> {
  const [first, ...others]: readonly Snapshot[] = await views.snapshots(version);
  if (first === undefined) return problem(404, "no group has, lately had or waits for this version");
  const render = asked.include === "resources" ? (resource: Resource) => views.renderResource(resource) : undefined;
  const body = await snapshotJson([first, ...others], { ...asked, render });
  return { ...ok(body), headers: { etag: `"${first.version}"` } };
}

async function explain(views: AdminViews, asked: z.infer<typeof explainQuery>): Promise<Answer> {
  const { method, url, header, node, group } = asked;
  const headers = typeof header === "string" ? [header] : header;
  const explained = await views.explain({ method, url, headers, node, group });
  if (explained.ok) return ok(explained.value satisfies ExplanationJson);
  return problem(explained.error.kind === "question" ? 400 : 503, explained.error.message);
}

/** The precondition names the version a second time: it must be typed by somebody who looked at what is held. */
async function confirm(views: AdminViews, { params, ifMatch, body }: ActionRequest): Promise<Answer> {
  const version = params["version"] ?? "";
  if (ifMatch === undefined) return problem(428, `send If-Match: "${version}" to say which held version is meant`);
  if (ifMatch !== `"${version}"`) return problem(412, "If-Match and the address name different versions", held(views));
  const asked = confirmationSchema.safeParse(body ?? {});
  if (!asked.success) return problem(400, `the confirmation is wrong: ${details(asked.error)}`);
  const { actor, reason, local } = asked.data;
  const confirmed = await views.confirm({ version, actor, reason, isLocal: local });
  if (confirmed.ok) return ok({ version, groups: confirmed.value });
  if (confirmed.error.kind === "unavailable") {
    const { message } = confirmed.error;
    const detail = `nothing is released, because the other replicas cannot be told of it now: ${message}`;
    return problem(503, detail, { title: "Nothing is released" });
  }
  const now = confirmed.error.held;
  const detail = now.length === 0 ? "nothing is held now" : "another version is held now";
  return problem(412, detail, { held: now.map((each) => ({ ...each })) });
}

function held(views: AdminViews): { readonly held: { group: string; version: string }[] } {
  return {
    held: views
      .groups("local")
      .flatMap((group) => (group.held ? [{ group: group.name, version: group.held.snapshot.version }] : [])),
  };
}

/** A misspelt parameter is refused: ignoring it would answer another question than was asked. */
function withQuery<Schema extends z.ZodObject>(
  schema: Schema,
  query: unknown,
  act: (asked: z.infer<Schema>) => Answer | Promise<Answer>,
): Answer | Promise<Answer> {
  const parsed = schema.safeParse(query);
  const empty = emptyParameter(schema, query);
  if (empty !== undefined)
    return problem(400, `the query is wrong: ${empty}: is empty; give it a value, or leave it out`);
  if (parsed.success) return act(parsed.data);
  return problem(400, `the query is wrong: ${details(parsed.error)}`);
}

/** A variable that a script has not set; as a number it would be 0. Only of `after` it is the beginning. */
function emptyParameter(schema: z.ZodObject, query: unknown): string | undefined {
  if (typeof query !== "object" || query === null) return undefined;
  const [name] = Object.entries(query).find(([each, value]) => value === "" && each !== "after") ?? [];
  return name !== undefined && name in schema.shape ? name : undefined;
}

function details({ issues }: z.ZodError): string {
  return issues.map(({ path, message }) => [...path, message].join(": ")).join("; ");
}

function ok(body: unknown): Answer {
  return { status: 200, body };
}
