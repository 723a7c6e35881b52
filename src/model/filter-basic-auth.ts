/**
 * `basicAuth`: requests must carry a name and a password that a secret knows.
 */
import * as z from "zod";
import { filterPart } from "./filter-part.ts";
import { block, name, scalar } from "./schema-scalars.ts";

/** Who is not on the list is answered 401 and asked for a password. */
export interface BasicAuth {
  readonly users: string;
  /** The list, once it is read: lines of htpasswd. */
  readonly list?: string;
  /** For the backend, with the name. */
  readonly forwardUsernameHeader?: string;
  /** What browsers show; Envoy's own words when absent. */
  readonly realm?: string;
}

const schema = block({
  users: name.meta({ description: "The secret with `users`, as `htpasswd -s` writes them.", examples: ["team"] }),
  forwardUsernameHeader: scalar("changeableHeader").optional().describe("A header for the backend with the name."),
  realm: z
    .string({ error: "text" })
    .regex(/^[\x20-\x7e]{1,100}$/, { error: "headerValue" })
    .optional()
    .describe("What browsers show when they ask."),
}).meta({
  description: "Requests must carry a name and a password that a secret knows.",
  examples: [{ users: "team", forwardUsernameHeader: "x-user" }],
});

export const basicAuth = filterPart({
  schema,
  build: ({ users, forwardUsernameHeader, realm }): BasicAuth => ({
    users,
    ...(forwardUsernameHeader === undefined ? {} : { forwardUsernameHeader: forwardUsernameHeader.toLowerCase() }),
    ...(realm === undefined ? {} : { realm }),
  }),
  names: [{ section: "secrets", at: ["users"], secretPart: "users" }],
  fill: (settings, outside) => {
    const lines = outside.credentials(settings.users).map(({ name: user, secret }) => `${user}:${secret}\n`);
    return { ...settings, list: lines.join("") };
  },
});
