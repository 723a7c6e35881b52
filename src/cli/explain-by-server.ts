/**
 * The explanation of a running server, asked for over its admin API.
 */
import type { Explanation } from "../explain/explanation.ts";
import { FairwayError } from "../support/fairway-error.ts";
import { tell } from "./output.ts";

/** The server itself gives up after 10 s. */
const ANSWER_MS_MAX = 15_000;

/** What is asked; the server reads it as the command does. */
export interface AskedOfServer {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly string[];
  readonly node?: string | undefined;
  readonly group?: string | undefined;
}

/** Undefined when the question is wrong, which was told; throws when there is no answer. */
export async function explainByServer(asked: AskedOfServer, server: string): Promise<Explanation | undefined> {
  const query = new URLSearchParams({ method: asked.method, url: asked.url });
  for (const header of asked.headers) query.append("header", header);
  if (asked.node !== undefined) query.set("node", asked.node);
  if (asked.group !== undefined) query.set("group", asked.group);
  if (!/^https?:\/\/./i.test(server) || !URL.canParse(server)) {
    tell(`error: "${server}" is not a URL; write http://HOST:PORT, the admin address of a running server`);
    return undefined;
  }
  const { status, body } = await ask(`${server.replace(/\/+$/, "")}/v1/explain?${query.toString()}`, server);
  if (status === 200 && body !== undefined) return body as Explanation;
  const { detail } = (body ?? {}) as { readonly detail?: string };
  if (status === 400 && detail !== undefined) {
    tell(`error: ${detail}`);
    return undefined;
  }
  const told =
    detail === undefined || status === 404
      ? `${server} answered ${status}: it is not the admin address of a server that can explain`
      : `${server} has no explanation now: ${detail}`;
  throw new FairwayError("ADMIN_UNREACHABLE", told);
}

/** The body is undefined when it is not JSON, which another program answers. */
async function ask(url: string, server: string): Promise<{ readonly status: number; readonly body: unknown }> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    const text = await response.text();
    return { status: response.status, body: parsed(text) };
  } catch (cause) {
    throw new FairwayError("ADMIN_UNREACHABLE", `${server} cannot be asked: ${whyNot(cause)}`, { cause });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function whyNot(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === "TimeoutError") return `no answer in ${ANSWER_MS_MAX / 1000} s`;
  const inner: Error & { readonly code?: unknown } = cause.cause instanceof Error ? cause.cause : cause;
  if (inner.code === "ECONNREFUSED") return "nobody listens there (ECONNREFUSED); is the server running?";
  return `${inner.message}; is it the admin address of a running server?`;
}
