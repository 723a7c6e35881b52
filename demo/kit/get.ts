/**
 * One HTTP request to an admin page on this machine, answered as text or JSON.
 */
import { request } from "node:http";

/** An answer, whatever its status. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Asks 127.0.0.1; `method` is GET unless given. Rejects when nobody answers in time. */
export function ask(
  port: number,
  path: string,
  options: {
    readonly method?: string;
    readonly timeoutMs?: number;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Promise<Answer> {
  const { method = "GET", timeoutMs = 10_000, headers = {} } = options;
  return new Promise((resolve, reject) => {
    // Not kept alive: a program that is restarted between two questions must not answer one of them with a reset.
    const outgoing = request(
      { host: "127.0.0.1", port, path, method, headers, agent: false, timeout: timeoutMs },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString("utf8"),
          });
        });
      },
    );
    outgoing.on("timeout", () =>
      outgoing.destroy(new Error(`no answer from 127.0.0.1:${port}${path} in ${timeoutMs} ms`)),
    );
    outgoing.on("error", reject);
    outgoing.end();
  });
}

/** The JSON of a 2xx answer; the caller vouches for its shape. */
export async function askJson<T>(port: number, path: string): Promise<T> {
  const answer = await ask(port, path);
  if (answer.status < 200 || answer.status > 299) {
    throw new Error(`127.0.0.1:${port}${path} answered ${answer.status}: ${answer.text.slice(0, 500)}`);
  }
  return JSON.parse(answer.text) as T;
}
