/**
 * One request to an Envoy, and its answer with what the backend saw.
 */
import { request } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { json } from "node:stream/consumers";

/** An answer, with what the backend saw if one was asked. */
export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly seen: { readonly path: string; readonly host: string; readonly headers: IncomingHttpHeaders } | undefined;
}

/** One request; `fetch` would neither take a Host header nor leave a redirect alone. */
export async function ask(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  method = "GET",
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const client = request(url, { method, headers, agent: false }, (response) => {
    const isJson = response.headers["content-type"] === "application/json";
    const body = isJson ? (json(response) as Promise<Answer["seen"]>) : Promise.resolve(response.resume() && undefined);
    body.then((seen) => resolve({ status: response.statusCode, headers: response.headers, seen }), reject);
  });
  client.once("error", reject);
  client.end();
  return promise;
}
