/**
 * What the serving thread and the building thread say to each other about a request to be explained.
 *
 * The building thread has the Envoy API loaded and knows which lines made what it built lately. Of a snapshot
 * that it does not know, such as one from the disk, it demands the few resources that the request touches.
 */
import type { AskedRequest } from "../explain/asked-request.ts";
import type { RequestFacts } from "../explain/explain-request.ts";
import type { ResourceDemand } from "../explain/resource-lookup.ts";
import type { Resource } from "../snapshot/resource.ts";

/** Serving → building. */
export interface ExplainQuestion {
  readonly askId: number;
  readonly asked: AskedRequest;
  readonly group: string;
  readonly version: string;
  /** What was demanded before, by `demandKey`. */
  readonly given: ReadonlyMap<string, readonly Resource[]>;
}

/** Building → serving. */
export type ExplainReply =
  | { readonly askId: number; readonly kind: "explained"; readonly facts: RequestFacts; readonly hasLines: boolean }
  /** Ask again with these. */
  | { readonly askId: number; readonly kind: "demands"; readonly demands: readonly ResourceDemand[] }
  | { readonly askId: number; readonly kind: "failed"; readonly message: string };
