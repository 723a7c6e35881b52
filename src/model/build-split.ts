/**
 * From checked `splits` entries to splits of the intent.
 */
import { buildBackendFilters } from "./build-filter.ts";
import type { Split, SplitBackend, Sticky } from "./intent-split.ts";
import type { Path, SourceDocument } from "./position.ts";
import { placeOf } from "./position.ts";
import type { SplitValue } from "./schema.ts";
import { defined } from "./sort.ts";

/** Builds one split. */
export function buildSplit(document: SourceDocument, path: Path, value: SplitValue): Split {
  const { limits = {}, sticky, onLeaseExpiry = "default" } = value;
  const backends = Object.entries(value.backends).map(([key, backend]): SplitBackend => {
    const backendPath = [...path, "backends", key];
    const limit = Object.hasOwn(limits, key) ? limits[key] : undefined;
    return {
      name: key,
      at: placeOf(document, backendPath, "key"),
      service: backend.service,
      ...defined({ subset: backend.subset }),
      weight: Object.hasOwn(value.default, key) ? (value.default[key] ?? 0) : 0,
      ...(limit === undefined ? {} : { limit: defined({ max: limit.max, maxStep: limit.maxStep }) }),
      ...buildBackendFilters(document, [...backendPath, "filters"], backend.filters),
    };
  });
  return {
    name: String(path.at(-1)),
    at: placeOf(document, path, "key"),
    backends,
    onLeaseExpiry,
    ...(sticky === undefined ? {} : { sticky: buildSticky(sticky) }),
  };
}

function buildSticky({ header, cookie = "" }: NonNullable<SplitValue["sticky"]>): Sticky {
  return header === undefined ? { kind: "cookie", name: cookie } : { kind: "header", name: header.toLowerCase() };
}
