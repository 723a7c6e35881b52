/**
 * How config documents lie in etcd: one key each, and a mark while a push that takes several transactions is under way.
 */

/** Where documents are; behind it stands what would be the path of a file. */
export const CONFIG_PREFIX = "/fairway/config/";

/**
 * While this key is there the documents are between two states, and nobody takes them over. It stays when a push dies:
 * half a config must not come into force because time has passed.
 */
export const PUSH_MARK = `${CONFIG_PREFIX}.push`;

/** Who pushes, and since when; marks of older versions do not say that. */
export interface PushMark {
  readonly by: string;
  readonly since?: string;
}

/** Whoever finds a mark reads no more of it: anybody may have written it. */
const MARK_LENGTH_MAX = 200;

const MARK_PATTERN = /^(?<by>.*), since (?<since>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$/s;

/** The value of a mark is a text for people, which older versions show as it is. */
export function pushMarkText({ by, since }: PushMark): string {
  return since === undefined ? by : `${by.slice(0, MARK_LENGTH_MAX - 40)}, since ${since}`;
}

/** Reads the value of a mark. */
export function readPushMark(value: Uint8Array): PushMark {
  const text = Buffer.from(value).toString("utf8").slice(0, MARK_LENGTH_MAX);
  const { by, since } = MARK_PATTERN.exec(text)?.groups ?? {};
  return by === undefined || since === undefined ? { by: text } : { by, since };
}

/** Of a push that has died, with the way out. */
export function describeUnfinishedPush({ by, since }: PushMark): string {
  const begun = since === undefined ? "" : `, begun ${since}`;
  return (
    `a push to ${CONFIG_PREFIX} of etcd is not finished (${by}${begun}), ` +
    "so no replica takes over any change of it: run `fairway push` again"
  );
}

/** What people see in diagnostics. */
export function placeOfKey(key: string, revision: number): string {
  return `etcd:${key}@${revision}`;
}
