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
  const answer = await ask(`${server.replace(/\/+$/, "")}/v1/explain?${query.toString()}`, server);
  if (answer.status === 200) return answer.body as Explanation;
  const { detail = `status ${answer.status}` } = (answer.body ?? {}) as { readonly detail?: string };
  if (answer.status !== 400) throw new FairwayError("ADMIN_UNREACHABLE", `${server} does not answer: ${detail}`);
  tell(`error: ${detail}`);
  return undefined;
}

async function ask(url: string, server: string): Promise<{ readonly status: number; readonly body: unknown }> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    return { status: response.status, body: await response.json() };
  } catch (cause) {
    throw new FairwayError(
      "ADMIN_UNREACHABLE",
      `${server} cannot be asked; is it the admin address of a running server?`,
      { cause },
    );
  }
}
