/**
 * The services of documents with the instances that have registered: what was written, with other endpoints.
 *
 * A service without registry, or whose instances are the same as the time before, stays the same object.
 */
import { sameItems } from "../support/same-content.ts";
import type { InstanceIndex, InstanceSet } from "./instance-index.ts";
import type { Service } from "./intent-service.ts";

/** What services were made of the last time; keep it between calls. */
export interface RegisteredMemo {
  readonly services: WeakMap<Service, { readonly instances: InstanceSet; readonly service: Service }>;
  readonly lists: WeakMap<readonly Service[], readonly Service[]>;
}

export function createRegisteredMemo(): RegisteredMemo {
  return { services: new WeakMap(), lists: new WeakMap() };
}

/** The services of one document. */
export function withInstances(
  services: readonly Service[],
  index: InstanceIndex | undefined,
  memo: RegisteredMemo,
): readonly Service[] {
  if (index === undefined || services.every(({ registry }) => registry === undefined)) return services;
  const found = services.map((service) => withOwnInstances(service, index, memo));
  const before = memo.lists.get(services);
  if (before !== undefined && sameItems(before, found)) return before;
  memo.lists.set(services, found);
  return found;
}

function withOwnInstances(written: Service, index: InstanceIndex, memo: RegisteredMemo): Service {
  if (written.registry === undefined) return written;
  const instances = index.below(written.registry.prefix);
  const before = memo.services.get(written);
  if (before?.instances === instances) return before.service;
  const service = { ...written, endpoints: instances.endpoints };
  memo.services.set(written, { instances, service });
  return service;
}
