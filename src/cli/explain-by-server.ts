/**
 * The explanation of a running server, asked for over its admin API.
 */
import type { Explanation } from "../explain/explanation.ts";
import { FairwayError } from "../support/fairway-error.ts";
import { addressProblem, askServer, detailOf } from "./ask-server.ts";
import { tell } from "./output.ts";

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
  const wrong = addressProblem(server);
  if (wrong !== undefined) {
    tell(`error: ${wrong}`);
    return undefined;
  }
  const answer = await askServer(server, `/v1/explain?${query.toString()}`);
  const { status, body } = answer;
  if (status === 200 && body !== undefined) return body as Explanation;
  const detail = detailOf(answer);
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
