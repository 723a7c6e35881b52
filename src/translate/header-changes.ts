/**
 * Changes of headers, at a route or at one of its weighted clusters.
 *
 * Envoy applies those of a weighted cluster first and those of its route over them. A backend is nearer
 * than its rule, so where backends change headers themselves, what the rule changes is written at each of
 * them, below its own.
 */
import type { HeaderValueOptionJson } from "../gen/envoy/config/core/v3/base_pb.d.ts";
import type { HeaderChanges, HeaderFilters, HeaderValue } from "../model/intent-filter.ts";

/** Fields that a Route and a ClusterWeight both have. */
export interface HeaderFields {
  readonly requestHeadersToAdd?: HeaderValueOptionJson[];
  readonly requestHeadersToRemove?: string[];
  readonly responseHeadersToAdd?: HeaderValueOptionJson[];
  readonly responseHeadersToRemove?: string[];
}

/** What stands where, in the order of the backends. */
export interface PlacedHeaders {
  readonly route: HeaderFilters;
  readonly backends: readonly HeaderFilters[];
}

/** Envoy's fields. It removes, then sets, then adds. */
export function translateHeaders({ requestHeaders, responseHeaders }: HeaderFilters): HeaderFields {
  const [requestToAdd, requestToRemove] = fieldsOf(requestHeaders);
  const [responseToAdd, responseToRemove] = fieldsOf(responseHeaders);
  return {
    ...(requestToAdd.length === 0 ? {} : { requestHeadersToAdd: requestToAdd }),
    ...(requestToRemove.length === 0 ? {} : { requestHeadersToRemove: requestToRemove }),
    ...(responseToAdd.length === 0 ? {} : { responseHeadersToAdd: responseToAdd }),
    ...(responseToRemove.length === 0 ? {} : { responseHeadersToRemove: responseToRemove }),
  };
}

/** The changes of a rule and of its backends, put where Envoy applies the backend's last. */
export function placeHeaders(rule: HeaderFilters, backends: readonly HeaderFilters[]): PlacedHeaders {
  const [only, ...others] = backends;
  if (only !== undefined && others.length === 0) return { route: mergeFilters(rule, only), backends: [{}] };
  const requests = backends.some((backend) => backend.requestHeaders !== undefined);
  const responses = backends.some((backend) => backend.responseHeaders !== undefined);
  const outer = filtersOf(requests ? rule.requestHeaders : undefined, responses ? rule.responseHeaders : undefined);
  return {
    route: filtersOf(requests ? undefined : rule.requestHeaders, responses ? undefined : rule.responseHeaders),
    backends: backends.map((backend) => mergeFilters(outer, backend)),
  };
}

function fieldsOf(changes: HeaderChanges | undefined): readonly [HeaderValueOptionJson[], string[]] {
  if (changes === undefined) return [[], []];
  const option = (appendAction: NonNullable<HeaderValueOptionJson["appendAction"]>) => (header: HeaderValue) => ({
    // `%` begins a command of Envoy's formatter; values are meant literally.
    header: { key: header.name, value: header.value.replaceAll("%", "%%") },
    appendAction,
  });
  const set = changes.set.map(option("OVERWRITE_IF_EXISTS_OR_ADD"));
  const add = changes.add.map(option("APPEND_IF_EXISTS_OR_ADD"));
  return [[...set, ...add], [...changes.remove]];
}

function filtersOf(
  requestHeaders: HeaderChanges | undefined,
  responseHeaders: HeaderChanges | undefined,
): HeaderFilters {
  return {
    ...(requestHeaders === undefined ? {} : { requestHeaders }),
    ...(responseHeaders === undefined ? {} : { responseHeaders }),
  };
}

function mergeFilters(outer: HeaderFilters, inner: HeaderFilters): HeaderFilters {
  return filtersOf(
    mergeChanges(outer.requestHeaders, inner.requestHeaders),
    mergeChanges(outer.responseHeaders, inner.responseHeaders),
  );
}

/** One change that does what the outer and then the inner would do. */
function mergeChanges(outer: HeaderChanges | undefined, inner: HeaderChanges | undefined): HeaderChanges | undefined {
  if (outer === undefined || inner === undefined) return inner ?? outer;
  const overridden = new Set([...inner.set.map(({ name }) => name), ...inner.remove]);
  const stays = ({ name }: HeaderValue): boolean => !overridden.has(name);
  return {
    at: inner.at,
    set: [...outer.set.filter(stays), ...inner.set],
    add: [...outer.add.filter(stays), ...inner.add],
    remove: [...new Set([...outer.remove, ...inner.remove])],
  };
}
