/**
 * The admin HTTP server: health, readiness, metrics and the `/v1` API, over read models that it is handed.
 *
 * Holds: a request that a foreign web page made is refused before anything looks at it; every request,
 * body, wait and number of connections is bounded; every answer that is not a success is problem+json.
 */
import type { AddressInfo } from "node:net";
import { fastify } from "fastify";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { FairwayError } from "../support/fairway-error.ts";
import type { Action, ActionRequest } from "./actions.ts";
import { createActions } from "./actions.ts";
import type { AdminViews } from "./admin-views.ts";
import type { Route } from "./api-routes.ts";
import { routes } from "./api-routes.ts";
import type { Answer } from "./problem.ts";
import { problem } from "./problem.ts";
import { createRequestGuard } from "./request-guard.ts";

export interface AdminServerOptions {
  /** Port 0 picks a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Further names in `Host` that are ours, such as that of a container. */
  readonly allowedHosts?: readonly string[];
  /** Fairway's own version, for the OpenAPI document. */
  readonly version: string;
  readonly views: AdminViews;
  /** Told of what went wrong on our side; the client is told nothing of it. */
  readonly onError: (error: unknown) => void;
}

/** A server that does not listen yet. */
export interface AdminServer {
  /** For tests without a socket. */
  readonly app: FastifyInstance;
  /** Rejects with PORT_IN_USE or LISTEN_FAILED. */
  listen(): Promise<{ readonly host: string; readonly port: number }>;
  /** Also ends requests that are under way. */
  close(): Promise<void>;
}

/** Nothing that is sent to us is larger than a sentence. */
const BODY_BYTES_MAX = 64 * 1024;
/** To receive a whole request: clients are on the same host or network. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Longer than Prometheus' usual scrape interval is of no use, shorter costs a connection each. */
const KEEP_ALIVE_MS = 30_000;
/** A few people, dashboards and scrapers; a fleet does not talk to this port. */
const CONNECTIONS_MAX = 256;
/** Node ids are names that people chose; percent-encoded they take three times the room. */
const PARAM_LENGTH_MAX = 2_048;

const headersOfAll = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};

/** Makes the server; it listens when it is told to. */
export function createAdminServer(options: AdminServerOptions): AdminServer {
  const app = fastify({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
    frameworkErrors: (error, _request, reply) => {
      void send(reply.headers(headersOfAll), problem(error.statusCode ?? 400, error.message));
    },
  });
  app.server.headersTimeout = REQUEST_TIMEOUT_MS;
  app.server.maxConnections = CONNECTIONS_MAX;
  app.removeContentTypeParser("text/plain");
  guard(app, options);
  const actions = createActions(options.views, options.version);
  for (const route of routes) register(app, route, actions[route.operation]);
  refuseOtherMethods(app);
  app.setNotFoundHandler((_request, reply) => send(reply, problem(404, "the admin API has no such path")));
  app.setErrorHandler((error, _request, reply) => send(reply, failure(error, options.onError)));
  return {
    app,
    listen: () => listen(app, options.listen),
    close: () => app.close(),
  };
}

function guard(app: FastifyInstance, { listen: { host }, allowedHosts }: AdminServerOptions): void {
  const judge = createRequestGuard(host, allowedHosts ?? []);
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(headersOfAll);
    const refusal = judge({
      host: request.headers.host,
      origin: request.headers.origin,
      secFetchSite: single(request.headers["sec-fetch-site"]),
    });
    if (refusal !== undefined) return send(reply, problem(403, refusal));
  });
}

function register(app: FastifyInstance, { method, path, query }: Route, act: Action): void {
  app.route({
    method,
    url: fastifyPath(path),
    handler: async (request, reply) =>
      send(reply, refusalOfQuery(path, query, request.query) ?? (await act(actionRequest(request)))),
  });
}

/** Of a route without parameters: a misspelt one, ignored, would answer another question than was asked. */
function refusalOfQuery(path: string, query: Route["query"], asked: unknown): Answer | undefined {
  if (!path.startsWith("/v1/") || Object.keys(query.shape).length > 0) return undefined;
  const parsed = query.safeParse(asked);
  const why = parsed.success ? [] : parsed.error.issues.map(({ message }) => message);
  return parsed.success ? undefined : problem(400, `the query is wrong: ${why.join("; ")}`);
}

/** A path that exists under another method is not absent, and must not look so. */
function refuseOtherMethods(app: FastifyInstance): void {
  for (const path of new Set(routes.map((route) => route.path))) {
    const allowed: readonly string[] = routes
      .filter((route) => route.path === path)
      .flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]));
    const allow = allowed.join(", ");
    app.route({
      method: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].filter((name) => !allowed.includes(name)),
      url: fastifyPath(path),
      // Before the body is read: a body of an unknown type is not what is wrong with the request.
      onRequest: async (_request, reply) =>
        send(reply.header("allow", allow), problem(405, `this path takes ${allow}`)),
      handler: async (_request, reply) => send(reply, problem(405, `this path takes ${allow}`)),
    });
  }
}

function actionRequest(request: FastifyRequest): ActionRequest {
  return {
    params: request.params as Readonly<Record<string, string>>,
    query: request.query,
    ifMatch: request.headers["if-match"],
    idempotencyKey: single(request.headers["idempotency-key"]),
    body: request.body,
  };
}

function send(reply: FastifyReply, { status, body, headers }: Answer): FastifyReply {
  return reply
    .code(status)
    .headers({ "content-type": "application/json; charset=utf-8", ...headers })
    .send(typeof body === "string" ? body : `${JSON.stringify(body)}\n`);
}

/** The client's mistakes are explained to it; ours are not, because the message could hold anything. */
function failure(error: unknown, onError: (error: unknown) => void): Answer {
  const status =
    typeof error === "object" && error !== null && "statusCode" in error && typeof error.statusCode === "number"
      ? error.statusCode
      : 500;
  if (status < 500 && error instanceof Error) return problem(status, error.message);
  onError(error);
  return problem(500, "an internal error; the log has it");
}

async function listen(
  app: FastifyInstance,
  { host, port }: AdminServerOptions["listen"],
): Promise<{ readonly host: string; readonly port: number }> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    const taken = cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE";
    if (taken) {
      throw new FairwayError("PORT_IN_USE", `the admin address ${host}:${port} is taken; choose another with --admin`, {
        cause,
      });
    }
    throw new FairwayError("LISTEN_FAILED", `the admin server cannot listen on ${host}:${port}`, { cause });
  }
  return { host, port: (app.server.address() as AddressInfo).port };
}

function fastifyPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ":$1");
}

function single(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === "string" || header === undefined ? header : header[0];
}
