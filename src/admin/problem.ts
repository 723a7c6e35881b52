/**
 * Answers to requests that cannot be met, as problem+json (RFC 9457).
 */
import type { Problem } from "./api-schema.ts";

/** What an action answers; `body` is written as JSON unless it is text. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const titles: Readonly<Record<number, string>> = {
  400: "The request cannot be understood",
  403: "The request is refused",
  404: "There is no such thing",
  405: "The method does not apply here",
  409: "It is not in a state for this",
  412: "The state is another than expected",
  413: "The request is too large",
  414: "The address is too long",
  415: "The content type is not understood",
  422: "What is asked for cannot be done",
  423: "It is locked",
  428: "The request must name the state that it is about",
  500: "Fairway failed",
  503: "Fairway is not ready",
};

/** A problem as an answer; `rest` adds what the caller can act on, and a title where that of the status says something else. */
export function problem(
  status: number,
  detail: string,
  rest: Omit<Problem, "type" | "title" | "status" | "detail"> & { readonly title?: string } = {},
): Answer {
  const body: Problem = { type: "about:blank", title: titles[status] ?? "The request failed", status, detail, ...rest };
  return { status, body, headers: { "content-type": PROBLEM_JSON } };
}

const PROBLEM_JSON = "application/problem+json; charset=utf-8";
