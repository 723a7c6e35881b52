/**
 * etcd's own gRPC API behind `EtcdPort`.
 */
import { KVDefinition, LeaseDefinition, WatchDefinition } from "../gen/etcd/rpc.ts";
import type { Compare, RequestOp, ResponseOp } from "../gen/etcd/rpc.ts";
import { Compare_CompareResult, Compare_CompareTarget } from "../gen/etcd/rpc.ts";
import { entryOf } from "./entry.ts";
import { EtcdError } from "./etcd-error.ts";
import type { EtcdOptions } from "./etcd-members.ts";
import { EtcdMembers } from "./etcd-members.ts";
import type {
  Condition,
  Entry,
  EtcdPort,
  LeaseId,
  Listing,
  Outcome,
  Watch,
  WatchListener,
  Write,
} from "./etcd-port.ts";
import { readPage } from "./listed-page.ts";
import { prefixEnd } from "./prefix-end.ts";
import { openWatch } from "./etcd-watch.ts";

/** Keys in one answer; the next ones are asked for at the same revision, so that together they are one moment. */
const PAGE_KEYS = 5_000;

/** More is a mistake, and would fill the memory. */
const LISTED_KEYS_MAX = 500_000;

const listPage = { ...KVDefinition.methods.range, responseType: { decode: readPage } };

/** Connects when it is first asked something; `close` ends its connections and watches. */
export class EtcdClient implements EtcdPort {
  readonly #members: EtcdMembers;

  constructor(options: EtcdOptions) {
    this.#members = new EtcdMembers(options);
  }

  async list(prefix: string): Promise<Listing> {
    const rangeEnd = prefixEnd(prefix);
    const entries: Entry[] = [];
    let revision = 0n;
    let clusterId = "";
    let key: Buffer = Buffer.from(prefix);
    for (;;) {
      const request = { key, rangeEnd, limit: BigInt(PAGE_KEYS), revision, keysOnly: false };
      const page = await this.#members.call(KVDefinition.fullName, listPage, request, { mayRepeat: true });
      if (revision === 0n) ({ revision, clusterId } = page);
      for (const entry of page.entries) entries.push(entry);
      if (entries.length > LISTED_KEYS_MAX) {
        throw new EtcdError("too-large", `there are more than ${LISTED_KEYS_MAX} keys under ${prefix}`);
      }
      if (!page.more || page.lastKey === undefined) break;
      key = Buffer.concat([page.lastKey, Buffer.of(0)]);
    }
    return { clusterId, revision: Number(revision), entries };
  }

  async transact(conditions: readonly Condition[], writes: readonly Write[]): Promise<Outcome> {
    const request = {
      compare: conditions.map(compareOf),
      success: writes.map(operationOf),
      failure: conditions.flatMap((condition) => (condition.kind === "revision" ? [rangeOf(condition.key)] : [])),
    };
    const answer = await this.#members.call(KVDefinition.fullName, KVDefinition.methods.txn, request, {
      mayRepeat: false,
    });
    const revision = Number(answer.header?.revision ?? 0n);
    if (answer.succeeded) return { ok: true, revision };
    const current = answer.responses.flatMap(entriesOf).map((entry) => [entry.key, entry] as const);
    return { ok: false, revision, current: new Map(current) };
  }

  watch(prefix: string, fromRevision: number, listener: WatchListener): Watch {
    const opening = this.#members.stream(WatchDefinition.fullName, WatchDefinition.methods.watch);
    return openWatch({ prefix, fromRevision, listener, opening, left: (...args) => this.#members.left(...args) });
  }

  async grantLease(seconds: number): Promise<LeaseId> {
    const request = { TTL: BigInt(Math.ceil(seconds)), ID: 0n };
    const method = LeaseDefinition.methods.leaseGrant;
    const granted = await this.#members.call(LeaseDefinition.fullName, method, request, { mayRepeat: false });
    if (granted.error !== "") throw new EtcdError("refused", `etcd grants no lease: ${granted.error}`);
    return String(granted.ID);
  }

  async keepAlive(leaseId: LeaseId): Promise<number> {
    const { endpoint, stream } = await this.#members.stream(
      LeaseDefinition.fullName,
      LeaseDefinition.methods.leaseKeepAlive,
    );
    return this.#members.first(endpoint, stream, {
      request: { ID: BigInt(leaseId) },
      read: ({ TTL }) => Number(TTL),
    });
  }

  async revokeLease(leaseId: LeaseId): Promise<void> {
    const request = { ID: BigInt(leaseId) };
    const method = LeaseDefinition.methods.leaseRevoke;
    await this.#members.call(LeaseDefinition.fullName, method, request, { mayRepeat: false });
  }

  close(): void {
    this.#members.close();
  }
}

function compareOf(condition: Condition): Compare {
  const target = Compare_CompareTarget.MOD;
  if (condition.kind === "revision") {
    return {
      result: Compare_CompareResult.EQUAL,
      target,
      key: Buffer.from(condition.key),
      rangeEnd: Buffer.alloc(0),
      targetUnion: { $case: "modRevision", value: BigInt(condition.modRevision) },
    };
  }
  return {
    result: Compare_CompareResult.LESS,
    target,
    key: Buffer.from(condition.prefix),
    rangeEnd: prefixEnd(condition.prefix),
    targetUnion: { $case: "modRevision", value: BigInt(condition.sinceRevision + 1) },
  };
}

function operationOf(write: Write): RequestOp {
  const key = Buffer.from(write.key);
  if (write.kind === "delete") {
    return { request: { $case: "requestDeleteRange", value: { key, rangeEnd: Buffer.alloc(0) } } };
  }
  const lease = BigInt(write.leaseId ?? 0);
  return { request: { $case: "requestPut", value: { key, value: Buffer.from(write.value), lease } } };
}

function rangeOf(key: string): RequestOp {
  const range = { key: Buffer.from(key), rangeEnd: Buffer.alloc(0), limit: 0n, revision: 0n, keysOnly: false };
  return { request: { $case: "requestRange", value: range } };
}

function entriesOf({ response }: ResponseOp): readonly Entry[] {
  return response?.$case === "responseRange" ? response.value.kvs.map(entryOf) : [];
}
