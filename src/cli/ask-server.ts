/**
 * One question to the admin API of a running server.
 */
import { FairwayError } from "../support/fairway-error.ts";

/** The server itself gives up after 10 s. */
const ANSWER_MS_MAX = 15_000;

/** Where the admin API is unless somebody says otherwise, here and to `serve`. */
export const SERVER_DEFAULT = "http://127.0.0.1:18001";

/** How a command that asks this server is called, ready to be pasted; nothing where it asks that one anyway. */
export function serverFlag(server: string): string {
  if (server === SERVER_DEFAULT) return "";
  return ` --server ${/^[\w.:/@%[\]-]+$/.test(server) ? server : `'${server.replaceAll("'", `'\\''`)}'`}`;
}

/** What it answered; the body is undefined when it is not JSON, which another program answers. */
export interface ServerAnswer {
  readonly status: number;
  readonly body: unknown;
  /** When the body is not JSON. */
  readonly text?: string;
}

/** What is wrong with the address of a server, or undefined. */
export function addressProblem(server: string): string | undefined {
  return /^https?:\/\/./i.test(server) && URL.canParse(server)
    ? undefined
    : `"${server}" is not a URL; write http://HOST:PORT, the admin address of a running server`;
}

/** Throws when nobody answers. `path` begins with a slash. */
export async function askServer(server: string, path: string, init: RequestInit = {}): Promise<ServerAnswer> {
  try {
    const url = `${server.replace(/\/+$/, "")}${path}`;
    const late = AbortSignal.timeout(ANSWER_MS_MAX);
    const signal = init.signal === undefined || init.signal === null ? late : AbortSignal.any([late, init.signal]);
    const response = await fetch(url, { ...init, signal });
    const text = await response.text();
    const body = parsed(text);
    return { status: response.status, body, ...(body === undefined ? { text } : {}) };
  } catch (cause) {
    throw new FairwayError("ADMIN_UNREACHABLE", `${server} cannot be asked: ${whyNot(cause)}`, { cause });
  }
}

/** The sentence of a problem that the server told. */
export function detailOf({ body }: ServerAnswer): string | undefined {
  const { detail } = (body ?? {}) as { readonly detail?: string };
  return detail;
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
