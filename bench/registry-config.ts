/**
 * Services that find their instances in etcd, each with a rule of its own, and the instances.
 */
import type { Write } from "../src/etcd/etcd-port.ts";

/** etcd takes 128 writes in one transaction. */
const WRITES_PER_TRANSACTION = 100;

/** Path → text; with `endpoints` the instances are in the file, so many of each service, and no etcd is needed. */
export function registryConfig(services: number, endpoints?: number): ReadonlyMap<string, string> {
  const found = (index: number) =>
    endpoints === undefined ? "discovery: { etcd: {} }" : `endpoints: [${addressesOf(index, endpoints).join(", ")}]`;
  const names = Array.from({ length: services }, (_, index) => serviceName(index));
  const lines = [
    "gateways:",
    "  edge: { listeners: [{ name: http, address: 127.0.0.1, port: 10000 }] }",
    "services:",
    ...names.map((name, index) => `  ${name}: { ${found(index)} }`),
    "routes:",
    "  all:",
    "    rules:",
    ...names.map((name) => `      - { matches: [{ path: { prefix: /${name}/ } }], backends: [{ service: ${name} }] }`),
  ];
  return new Map([["fairway.yaml", `${lines.join("\n")}\n`]]);
}

export function serviceName(index: number): string {
  return `service-${String(index).padStart(5, "0")}`;
}

export function instanceKey(service: number, instance: number): string {
  return `/services/${serviceName(service)}/${instance}`;
}

export function instanceValue(service: number, instance: number): string {
  return JSON.stringify({ address: addressOf(service, instance), labels: { version: "v1" } });
}

/** All instances, in transactions that etcd takes. */
export function* registryWrites(services: number, instances: number): Iterable<readonly Write[]> {
  let some: Write[] = [];
  for (let service = 0; service < services; service += 1) {
    for (let instance = 0; instance < instances; instance += 1) {
      const value = Buffer.from(instanceValue(service, instance));
      some.push({ kind: "put", key: instanceKey(service, instance), value });
      if (some.length < WRITES_PER_TRANSACTION) continue;
      yield some;
      some = [];
    }
  }
  if (some.length > 0) yield some;
}

function addressesOf(service: number, count: number): readonly string[] {
  return Array.from({ length: count }, (_, instance) => addressOf(service, instance));
}

function addressOf(service: number, instance: number): string {
  return `10.${1 + (instance >> 8)}.${service >> 8}.${service & 255}:${8_000 + (instance & 255)}`;
}
