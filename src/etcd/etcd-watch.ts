/**
 * One watch of a prefix, on a gRPC stream that it shares with nothing: a stream with several watches delivers the
 * answer of one behind the other's, and a server that is late with one is late with all.
 *
 * An answer may come in fragments; they are put together, so that the listener has all of a revision or nothing of it.
 * A requested sign of life proves that the stream is alive and nothing else: before 3.5.8 its revision may be ahead of
 * the changes (https://github.com/etcd-io/etcd/issues/15220), so revisions are taken from changes only.
 */
import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { WatchRequest, WatchResponse } from "../gen/etcd/rpc.ts";
import { Event_EventType } from "../gen/etcd/kv.ts";
import type { Event } from "../gen/etcd/kv.ts";
import { entryOf } from "./entry.ts";
import type { CallFailure } from "./etcd-error.ts";
import { failureText } from "./etcd-error.ts";
import type { Change, Watch, WatchListener } from "./etcd-port.ts";
import { prefixEnd } from "./prefix-end.ts";

type WatchStream = ClientDuplexStream<WatchRequest, WatchResponse>;

interface WatchOptions {
  readonly prefix: string;
  readonly fromRevision: number;
  readonly listener: WatchListener;
  readonly opening: Promise<{ readonly endpoint: string; readonly stream: WatchStream }>;
  /** The member has failed. */
  left(endpoint: string, failure: CallFailure): void;
}

/** What one answer may have in fragments before it counts as broken. */
const FRAGMENTED_CHANGES_MAX = 1_000_000;

export function openWatch(options: WatchOptions): Watch {
  const { listener, opening } = options;
  let stream: WatchStream | undefined;
  let isOver = false;
  const end = (reason: string, compacted = false) => {
    if (isOver) return;
    isOver = true;
    stream?.cancel();
    listener.ended(reason, { compacted });
  };
  opening.then(
    (opened) => {
      stream = opened.stream;
      if (isOver) stream.cancel();
      listen(opened.endpoint, opened.stream);
    },
    (cause: unknown) => end(cause instanceof Error ? cause.message : String(cause)),
  );

  function listen(endpoint: string, opened: WatchStream): void {
    opened.on("error", (failure: Error & CallFailure) => {
      if (isOver) return;
      options.left(endpoint, failure);
      end(`etcd at ${endpoint}: ${failureText(failure)}`);
    });
    opened.on("end", () => end(`etcd at ${endpoint} ended the watch`));
    const take = reader(listener, end);
    opened.on("data", (answer: WatchResponse) => {
      if (!isOver) take(answer);
    });
    opened.write({ requestUnion: { $case: "createRequest", value: createRequest(options) } });
  }

  return {
    ping() {
      if (!isOver) stream?.write({ requestUnion: { $case: "progressRequest", value: {} } });
    },
    close() {
      isOver = true;
      stream?.cancel();
    },
  };
}

function createRequest({ prefix, fromRevision }: WatchOptions) {
  return {
    key: Buffer.from(prefix),
    rangeEnd: prefixEnd(prefix),
    startRevision: BigInt(fromRevision),
    progressNotify: true,
    fragment: true,
  };
}

/** Turns answers into what the listener is told. */
function reader(listener: WatchListener, end: (reason: string, compacted?: boolean) => void) {
  const waiting: Change[] = [];
  return (answer: WatchResponse): void => {
    listener.heard();
    if (answer.canceled) {
      const compacted = answer.compactRevision > 0n;
      end(answer.cancelReason || (compacted ? "the revision has been compacted" : "etcd ended the watch"), compacted);
      return;
    }
    for (const event of answer.events) {
      const change = changeOf(event);
      if (change !== undefined) waiting.push(change);
    }
    if (waiting.length > FRAGMENTED_CHANGES_MAX) end("etcd sent more changes at once than there may be keys");
    if (answer.fragment || waiting.length === 0) return;
    const changes = waiting.splice(0);
    listener.changed(changes, Math.max(...changes.map(revisionOf)));
  };
}

function changeOf({ type, kv }: Event): Change | undefined {
  if (kv === undefined) return undefined;
  const entry = entryOf(kv);
  if (type === Event_EventType.PUT) return { kind: "put", entry };
  return { kind: "delete", key: entry.key, modRevision: entry.modRevision };
}

/** The revision at which a change was made. */
function revisionOf(change: Change): number {
  return change.kind === "put" ? change.entry.modRevision : change.modRevision;
}
