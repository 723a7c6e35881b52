/**
 * Credentials for a Prometheus that asks for them: where `serve` finds them, and to whom they are shown.
 *
 * They are never in a plan, because plans are kept and shown; and since anybody who may start a rollout chooses the address
 * in its plan, they go to the one address that the operator has named and to no other. Files are read at each look, so a
 * token that is renewed is in force at once.
 */
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { Option } from "commander";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";

/** As commander gives them. */
export interface PrometheusFlags {
  readonly prometheus?: string;
  readonly prometheusTokenFile?: string;
  readonly prometheusUser?: string;
  readonly prometheusPasswordFile?: string;
}

/** On the command line they would be seen by everybody on the machine. */
const TOKEN_VARIABLE = "FAIRWAY_PROMETHEUS_TOKEN";
const PASSWORD_VARIABLE = "FAIRWAY_PROMETHEUS_PASSWORD";

/** Where a secret is. */
type Secret =
  | { readonly kind: "file"; readonly flag: string; readonly path: string }
  | { readonly kind: "text"; readonly text: string };

/** Who asks, and where he may say so. */
export interface PrometheusAccess {
  readonly url: string;
  /** Absent: a bearer token. */
  readonly user?: string | undefined;
  readonly secret: Secret;
}

/** Adds the options. */
export function addPrometheusOptions(command: Command): Command {
  const add = (flag: string, description: string, variable: string) =>
    command.addOption(new Option(flag, description).env(variable));
  add("--prometheus <url>", "the Prometheus of rollouts that the credentials below are for", "FAIRWAY_PROMETHEUS");
  add(
    "--prometheus-token-file <file>",
    `a bearer token for it; or in ${TOKEN_VARIABLE}`,
    "FAIRWAY_PROMETHEUS_TOKEN_FILE",
  );
  add("--prometheus-user <name>", "who asks it, by basic authentication", "FAIRWAY_PROMETHEUS_USER");
  add(
    "--prometheus-password-file <file>",
    `the password of the user; or in ${PASSWORD_VARIABLE}`,
    "FAIRWAY_PROMETHEUS_PASSWORD_FILE",
  );
  return command;
}

/** What was said about it, undefined when nothing was, or a sentence for each mistake. */
export function readPrometheusOptions(
  flags: PrometheusFlags,
  environment: NodeJS.ProcessEnv = process.env,
): Result<PrometheusAccess | undefined, readonly string[]> {
  const { prometheus: url, prometheusTokenFile, prometheusUser: user, prometheusPasswordFile } = flags;
  const problems: string[] = [];
  const secretOf = (flag: string, path: string | undefined, variable: string): Secret | undefined => {
    const text = environment[variable];
    if (path !== undefined && text !== undefined) problems.push(`${flag} and ${variable} are both given; give one`);
    if (path !== undefined) return { kind: "file", flag, path };
    return text === undefined ? undefined : { kind: "text", text };
  };
  const token = secretOf("--prometheus-token-file", prometheusTokenFile, TOKEN_VARIABLE);
  const password = secretOf("--prometheus-password-file", prometheusPasswordFile, PASSWORD_VARIABLE);
  const orFile = `--prometheus-password-file or ${PASSWORD_VARIABLE}`;
  if (token !== undefined && (user !== undefined || password !== undefined)) {
    problems.push("a token and a user with a password are both given for Prometheus; give one");
  } else if (user !== undefined && password === undefined) problems.push(`--prometheus-user needs ${orFile}`);
  else if (user === undefined && password !== undefined) problems.push(`${orFile} needs --prometheus-user`);
  if (user?.includes(":") === true) problems.push("--prometheus-user: a user of basic authentication has no colon");
  const secret = token ?? password;
  if (secret === undefined && url !== undefined) {
    problems.push(`--prometheus is where credentials may go, and there are none: see --prometheus-token-file`);
  }
  if (secret !== undefined && url === undefined) {
    problems.push("credentials for Prometheus need --prometheus, the address that they are for");
  }
  if (url !== undefined && addressOf(url) === undefined) {
    problems.push(`--prometheus "${url}" is no address; write http://prometheus:9090, without a user or a query`);
  }
  const unreadable = problems.length === 0 && secret !== undefined ? whyUnusable(secret, user) : undefined;
  if (unreadable !== undefined) problems.push(unreadable);
  if (problems.length > 0) return err(problems);
  return ok(secret === undefined || url === undefined ? undefined : { url, user, secret });
}

/** What to send along to this address, which is nothing where the credentials are not for it; the error is a sentence's end. */
export async function authorizationFor(
  access: PrometheusAccess | undefined,
  url: string,
): Promise<Result<string | undefined, string>> {
  if (access === undefined || !isFor(access, url)) return ok(undefined);
  const { secret, user } = access;
  if (secret.kind === "text") return authorization(secret.text, user);
  try {
    const read = authorization(await readFile(secret.path, "utf8"), user);
    return read.ok ? read : err(`${secret.flag} ${secret.path} ${read.error}`);
  } catch (cause) {
    return err(`${secret.flag} ${secret.path} cannot be read (${codeOf(cause)})`);
  }
}

/** Below the address that they are for. */
function isFor(access: PrometheusAccess, url: string): boolean {
  const [own, asked] = [addressOf(access.url), addressOf(url)];
  return own !== undefined && asked !== undefined && `${asked}/`.startsWith(`${own}/`);
}

/** Without the slash at its end; undefined when it is none. */
function addressOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, origin, pathname, username, password, search, hash } = new URL(text);
  if (!/^https?:$/.test(protocol) || `${username}${password}${search}${hash}` !== "") return undefined;
  return `${origin}${pathname}`.replace(/\/+$/, "");
}

/** The header; what is in it is in no message. */
function authorization(text: string, user: string | undefined): Result<string, string> {
  const secret = text.replace(/\r?\n$/, "");
  if (secret === "") return err("is empty");
  if (user !== undefined) return ok(`Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}`);
  return /^[\x21-\x7e]+$/.test(secret) ? ok(`Bearer ${secret}`) : err("is no token: it has blanks or signs within");
}

/** At the start, so that a path that is misspelt is told at once. */
function whyUnusable(secret: Secret, user: string | undefined): string | undefined {
  const where =
    secret.kind === "file" ? `${secret.flag} ${secret.path}` : user === undefined ? TOKEN_VARIABLE : PASSWORD_VARIABLE;
  try {
    const read = authorization(secret.kind === "file" ? readFileSync(secret.path, "utf8") : secret.text, user);
    return read.ok ? undefined : `${where} ${read.error}`;
  } catch (cause) {
    return `${where} cannot be read (${codeOf(cause)})`;
  }
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
}
