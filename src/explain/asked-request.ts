/**
 * The request that is asked about, read from a method, a URL and header lines.
 *
 * The URL is not parsed by the rules of browsers: a path with `..`, `//` or odd characters is what people
 * want explained, so it stays as it is written.
 */
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";

/** One request; header names in lower case, several of one name allowed. */
export interface AskedRequest {
  /** As written: methods know case. */
  readonly method: string;
  readonly scheme: "http" | "https";
  /** What the client connects to; the server name of TLS. */
  readonly hostname: string;
  /** As written in the URL. */
  readonly port?: number;
  /** The `Host` header: that of the URL, or the one that was given. */
  readonly host: string;
  /** With its query. */
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** What a request line and headers may have: Envoy's own default for all of them together. */
const REQUEST_CHARS_MAX = 60 * 1024;

const urlForm = /^(https?):\/\/(\[[\da-f:.]+\]|[^/?#:@[\]]+)(?::(\d{1,5}))?(\/[^?#]*)?(\?[^#]*)?(?:#.*)?$/i;
const token = /^[!#$%&'*+.^_`|~\w-]+$/;

/** The request, or a sentence about what is wrong with it. */
export function readAskedRequest(asked: {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly string[];
}): Result<AskedRequest, string> {
  const { method, url } = asked;
  if (url.length + asked.headers.join("").length > REQUEST_CHARS_MAX) {
    return err(`the request is larger than the ${REQUEST_CHARS_MAX} characters that Envoy takes`);
  }
  if (!token.test(method)) return err(`"${method}" is not a method; write one such as GET`);
  // Everything that a request line cannot hold: blanks, control characters and what is not ASCII.
  if (/[^\u0021-\u007E]/.test(url)) return err("a URL has printable ASCII only; percent-encode the rest");
  const parts = urlForm.exec(url);
  if (parts === null) return err(`"${url}" is not a URL; write http://HOST/PATH or https://HOST/PATH`);
  const [, scheme = "", hostname = "", portText, path = "/", query = ""] = parts;
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port === 0 || port > 65_535)) return err(`${portText} is not a port`);
  const headers = asked.headers.map(readHeader);
  const wrong = headers.find((header) => typeof header === "string");
  if (wrong !== undefined) return err(wrong);
  const pairs = headers as readonly (readonly [string, string])[];
  // A CONNECT names where it wants to in its first line, always with a port; its Host header counts for nothing.
  const isConnect = method === "CONNECT";
  const given = isConnect ? undefined : pairs.find(([name]) => name === "host" || name === ":authority")?.[1];
  const usualPort = scheme.toLowerCase() === "https" ? ":443" : ":80";
  const written = portText === undefined ? (isConnect ? usualPort : "") : `:${portText}`;
  return ok({
    method,
    scheme: scheme.toLowerCase() as AskedRequest["scheme"],
    hostname: hostname.replace(/^\[|\]$/g, ""),
    ...(port === undefined ? {} : { port }),
    host: given ?? `${hostname}${written}`,
    path: `${path}${query}`,
    headers: pairs.filter(([name]) => name !== "host" && !name.startsWith(":")),
  });
}

/** `name: value`, or a sentence. */
function readHeader(line: string): readonly [string, string] | string {
  const colon = line.indexOf(":", 1);
  const name = line.slice(0, colon).trim().toLowerCase();
  if (colon === -1 || !token.test(name.replace(/^:/, ""))) return `"${line}" is not a header; write 'name: value'`;
  const value = line.slice(colon + 1).trim();
  if (/[\u0000-\u0008\u000A-\u001F\u007F]/.test(value)) return `the header ${name} has a control character`;
  return [name, value];
}
