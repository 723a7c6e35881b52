/**
 * Messages of Envoy's access log service as they come from the wire: who sends them, and of each request what is needed
 * to count it.
 *
 * An entry has some 500 bytes, with addresses and paths; only five fields are decoded, and nothing else of it is kept.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/data/accesslog/v3/accesslog.proto
 */
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { Node } from "../gen/envoy/config/core/v3/base.ts";

/** One request that has ended. */
export interface AccessEntry {
  /** The route's name, such as `shop/main`. */
  readonly route: string;
  /** Envoy's name of the cluster whose host it went to, such as `reviews|canary`; empty when it found none. */
  readonly cluster: string;
  /** 0 when there was no answer. */
  readonly status: number;
  /** Until the client had the answer; whole milliseconds, as Envoy's own filter counts them. */
  readonly durationMs: number;
}

/** A decoded message. */
export interface AccessMessage {
  /** Of the first message of a stream. */
  readonly identifier: { readonly node: Node | undefined; readonly logName: string } | undefined;
  readonly entries: readonly AccessEntry[];
}

/** Envoy sends after 16 KiB; more is not its own. */
const ENTRIES_MAX = 10_000;

type Takers = Readonly<Record<number, () => void>>;

/** Decodes one message; throws when the bytes are no such message. */
export function decodeAccessMessage(bytes: Uint8Array): AccessMessage {
  const reader = new BinaryReader(bytes);
  const entries: AccessEntry[] = [];
  let identifier: AccessMessage["identifier"];
  const takeEntry = (): void => {
    const entry = readEntry(reader);
    if (entry !== undefined && entries.length < ENTRIES_MAX) entries.push(entry);
  };
  eachField(reader, reader.len, {
    1: () => (identifier = readIdentifier(reader)),
    2: () => inside(reader, { 1: takeEntry }),
  });
  return { identifier, entries };
}

function readIdentifier(reader: BinaryReader): NonNullable<AccessMessage["identifier"]> {
  let node: Node | undefined;
  let logName = "";
  inside(reader, {
    1: () => (node = Node.decode(reader, reader.uint32())),
    2: () => (logName = reader.string()),
  });
  return { node, logName };
}

/** Undefined for a request that has not ended: a patch may have Envoy tell of those as well. */
function readEntry(reader: BinaryReader): AccessEntry | undefined {
  const entry = { route: "", cluster: "", status: 0, durationMs: 0 };
  let isOver = true;
  inside(reader, {
    1: () =>
      inside(reader, {
        15: () => (entry.cluster = reader.string()),
        19: () => (entry.route = reader.string()),
        23: () => (entry.durationMs = readDurationMs(reader)),
        27: () => (isOver = !reader.bool()),
      }),
    4: () => inside(reader, { 1: () => inside(reader, { 1: () => (entry.status = reader.uint32()) }) }),
  });
  return isOver ? entry : undefined;
}

function readDurationMs(reader: BinaryReader): number {
  let [seconds, nanos] = [0, 0];
  inside(reader, { 1: () => (seconds = Number(reader.int64())), 2: () => (nanos = reader.int32()) });
  return seconds * 1_000 + Math.floor(nanos / 1_000_000);
}

/** The fields of the message that comes next. */
function inside(reader: BinaryReader, takers: Takers): void {
  const length = reader.uint32();
  eachField(reader, reader.pos + length, takers);
}

function eachField(reader: BinaryReader, end: number, takers: Takers): void {
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    const take = takers[field];
    if (take === undefined) reader.skip(wireType, field);
    else take();
  }
}
