/**
 * One instance of a service as it registered in etcd: a key below the service's prefix, and a value.
 *
 * The value is `host:port`, or JSON with the words of an endpoint in a config file. Instances are written by programs
 * that nobody has reviewed, so each is judged alone: one that is wrong is left out and told, and the others stay.
 */
import type * as z from "zod";
import type { RegistryEntry } from "../config/registry-change.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import { sameContent } from "../support/same-content.ts";
import { parseAddress } from "./address.ts";
import { explainIssue } from "./explain-issue.ts";
import type { Endpoint } from "./intent-service.ts";
import type { Problem } from "./position.ts";
import { compileSchema } from "./quick-schema.ts";
import { instanceSchema } from "./schema-service.ts";
import { defined, sortedRecord } from "./sort.ts";

/** Larger than any instance, and small enough for a hundred thousand of them. */
const VALUE_BYTES_MAX = 16 * 1024;

/** As many as fit into a line of a log. */
const PROBLEMS_MAX = 5;

/** Why a key is no instance. */
export interface InstanceProblem {
  readonly key: string;
  readonly revision: number;
  readonly message: string;
}

/** What is refused at this moment: how much of it, and the first of it. */
export interface RefusedInstances {
  readonly count: number;
  readonly first: readonly InstanceProblem[];
}

/** What registers at this moment and is of no service of the config: how many keys, and the first places. */
export interface UnnamedInstances {
  readonly count: number;
  readonly prefixes: readonly string[];
}

/**
 * Reads the entry of a service with this prefix. Labels that are those of `like` are the same object: instances have them
 * in common.
 */
export function readInstance(
  entry: Omit<RegistryEntry, "createdRevision">,
  prefix: string,
  like?: Pick<Endpoint, "labels">,
): Result<Endpoint, InstanceProblem> {
  const { key, value, revision } = entry;
  const refuse = (message: string) => err({ key, revision, message });
  const id = key.slice(prefix.length);
  if (id === "") return refuse("the key has no instance id behind the prefix");
  if (key.includes("\uFFFD")) return refuse("the key is not valid UTF-8");
  if (id.includes("/")) return refuse(`the instance id "${id}" has a slash in it`);
  if (value.byteLength > VALUE_BYTES_MAX) {
    return refuse(`the value has ${value.byteLength} bytes; an instance has at most ${VALUE_BYTES_MAX}`);
  }
  const text = decode(value);
  if (text === undefined) return refuse("the value is not valid UTF-8");
  const parsed = parseValue(text);
  if (!parsed.ok) return refuse(parsed.error);
  const { address, labels = {}, locality, weight, priority, health, draining } = parsed.value;
  const where = parseAddress(address);
  if (!where.ok) return refuse(where.error.message);
  const [region, zone, subZone] = locality?.split("/") ?? [];
  return ok({
    // Joined, it is one text; added up, it would be four that hold each other.
    at: { file: ["etcd:", key, "@", String(revision)].join(""), line: 1, column: 1 },
    host: where.value.host,
    port: where.value.port,
    labels: like !== undefined && sameContent(like.labels, labels) ? like.labels : sortedRecord(labels),
    ...(region === undefined ? {} : { locality: { region, ...defined({ zone, subZone }) } }),
    ...defined({ weight, priority, health: draining === true ? "draining" : health }),
  });
}

const fitsSchema = compileSchema(instanceSchema);

type InstanceValue = z.infer<typeof instanceSchema>;

function parseValue(text: string): Result<InstanceValue, string> {
  if (!text.trimStart().startsWith("{")) return ok({ address: text.trim() });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    return err(`the value is not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  if (fitsSchema(json)) return ok(json as InstanceValue);
  const parsed = instanceSchema.safeParse(json);
  if (parsed.success) return ok(parsed.data);
  const problems = parsed.error.issues.flatMap((issue) => explainIssue(json, issue));
  return err(problems.slice(0, PROBLEMS_MAX).map(problemText).join("; "));
}

/** The message has the name of the key itself. */
function problemText({ path, message, hint }: Problem): string {
  const where = path.slice(0, -1);
  return `${where.length === 0 ? "" : `${where.join(".")}: `}${message}${hint === undefined ? "" : ` (${hint})`}`;
}

/** It keeps nothing from one text to the next. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

function decode(value: Uint8Array): string | undefined {
  try {
    return utf8.decode(value);
  } catch {
    return undefined;
  }
}
