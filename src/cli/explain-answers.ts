/**
 * The building thread's side of explaining: what it built lately, and answers from it.
 */
import type { ExplainSources } from "../explain/explain-request.ts";
import { explainRequest } from "../explain/explain-request.ts";
import { noOrigins, originsIn } from "../explain/origins.ts";
import type { ResourceDemand } from "../explain/resource-lookup.ts";
import { lookUpAmong, lookUpIn } from "../explain/resource-lookup.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
import type { Intent } from "../model/intent.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import type { ExplainQuestion, ExplainReply } from "./explain-protocol.ts";

/** A change that is held keeps the one before served for a while; builds share what did not change. */
const BUILDS_KEPT_MAX = 8;

/** One build. */
interface RecentBuild {
  readonly intent: Intent;
  readonly snapshots: ReadonlyMap<string, Snapshot>;
}

/** Remembers builds and answers questions. */
export class ExplainAnswers {
  readonly #api: EnvoyApi;
  #recent: readonly RecentBuild[] = [];

  constructor(api: EnvoyApi) {
    this.#api = api;
  }

  /** The newest build of a version is the one whose lines count. */
  remember(intent: Intent, snapshots: ReadonlyMap<string, Snapshot>): void {
    this.#recent = [{ intent, snapshots }, ...this.#recent].slice(0, BUILDS_KEPT_MAX);
  }

  /** Never throws: whoever asks is told. */
  answer(question: ExplainQuestion): ExplainReply {
    const { askId } = question;
    try {
      return this.#explain(question);
    } catch (cause) {
      return { askId, kind: "failed", message: cause instanceof Error ? cause.message : String(cause) };
    }
  }

  #explain({ askId, asked, group, version, given }: ExplainQuestion): ExplainReply {
    const build = this.#recent.find(({ snapshots }) => snapshots.get(group)?.version === version);
    const snapshot = build?.snapshots.get(group);
    const demands: ResourceDemand[] = [];
    const sources: ExplainSources =
      build === undefined || snapshot === undefined
        ? { lookup: lookUpAmong(given, this.#api, (wanted) => demands.push(wanted)), origins: noOrigins }
        : { lookup: lookUpIn(snapshot, this.#api), origins: originsIn(build.intent, group) };
    const facts = explainRequest(asked, sources);
    if (demands.length > 0) return { askId, kind: "demands", demands };
    return { askId, kind: "explained", facts, hasLines: build !== undefined };
  }
}
