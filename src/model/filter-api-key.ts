/**
 * `apiKey`: requests must carry a key that a secret knows.
 */
import * as z from "zod";
import { filterPart } from "./filter-part.ts";
import { block, name, oneOrMore, refuse, scalar } from "./schema-scalars.ts";

/** Who has no known key is answered 401. */
export interface ApiKey {
  /** Names of secrets. */
  readonly keys: readonly string[];
  /** All of them, once they are read. */
  readonly credentials?: readonly { readonly name: string; readonly secret: string }[];
  readonly from: {
    readonly headers: readonly string[];
    readonly queryParams: readonly string[];
    readonly cookies: readonly string[];
  };
  /** For the backend, with the name of the client. */
  readonly forwardClientHeader?: string;
  /** Whether backends get the key too. */
  readonly forward: boolean;
}

const schema = block({
  keys: oneOrMore(name).meta({ description: "Secrets with `apiKeys`.", examples: ["partners"] }),
  from: block({
    headers: z.array(scalar("headerName")).min(1).optional().describe("Headers that hold the key."),
    queryParams: z.array(scalar("text")).min(1).optional().describe("Query parameters that hold the key."),
    cookies: z.array(scalar("text")).min(1).optional().describe("Cookies that hold the key."),
  })
    .superRefine((value, context) => {
      if (Object.keys(value).length > 0) return;
      const hint = "for example `{ headers: [x-api-key] }`";
      refuse(context, { code: "missing-key", message: "one of headers, queryParams, cookies is needed", hint });
    })
    .meta({
      description: "Where the key is; the first that a request has counts.",
      examples: [{ headers: ["x-api-key"] }],
    }),
  forwardClientHeader: scalar("changeableHeader")
    .optional()
    .describe("A header for the backend with the client's name."),
  forward: z.boolean().optional().meta({ description: "Whether backends get the key; false when absent." }),
}).meta({
  description: "Requests must carry a key that a secret knows.",
  examples: [{ keys: "partners", from: { headers: ["x-api-key"] } }],
});

export const apiKey = filterPart({
  schema,
  build: ({ keys, from, forwardClientHeader, forward }): ApiKey => ({
    keys: typeof keys === "string" ? [keys] : keys,
    from: { headers: from.headers ?? [], queryParams: from.queryParams ?? [], cookies: from.cookies ?? [] },
    ...(forwardClientHeader === undefined ? {} : { forwardClientHeader: forwardClientHeader.toLowerCase() }),
    forward: forward ?? false,
  }),
  names: [{ section: "secrets", at: ["keys"], secretPart: "apiKeys" }],
  fill: (settings, outside) => ({
    ...settings,
    credentials: settings.keys.flatMap((secret) => outside.credentials(secret)),
  }),
});
