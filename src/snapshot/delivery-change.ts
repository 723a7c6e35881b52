/**
 * What differs between two versions of a resource in how it is sent: whether Envoys ask for it, and how long it lasts.
 *
 * Both are a part of Fairway's version and not of Envoy's message. An Envoy that is sent the message it has does nothing,
 * so that no connection ends by it.
 */
import { protoDuration } from "../model/duration.ts";
import { resourceVersion } from "./encode-content.ts";
import type { KnownResource } from "./known-snapshot.ts";
import type { Resource } from "./resource.ts";

/** It is sent otherwise from now on. */
export interface DeliveryChange {
  /** The message is the same to the byte, so nothing else differs, not even a secret. */
  readonly isAll: boolean;
  /** A sentence for each that differs. */
  readonly texts: readonly string[];
}

/** Undefined when it is sent as before; the earlier content need not be known. */
export function deliveryChange(before: KnownResource, after: Resource): DeliveryChange | undefined {
  const texts = [
    ...(before.onDemand === after.onDemand
      ? []
      : [
          after.onDemand === undefined
            ? "held by all again, whether they ask for it or not"
            : "fetched on demand from now on; who has it keeps it",
        ]),
    ...(before.ttlMs === after.ttlMs
      ? []
      : [
          after.ttlMs === undefined
            ? "kept for good from now on"
            : `dropped from now on by who hears of no control plane for ${protoDuration(after.ttlMs)}`,
        ]),
  ];
  if (texts.length === 0) return undefined;
  return { isAll: resourceVersion(after.typeUrl, after.body, before) === before.version, texts };
}
