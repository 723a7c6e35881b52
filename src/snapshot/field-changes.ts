/**
 * In which fields two messages in JSON differ, with their values: what a plan shows of a resource that changes.
 *
 * Items of a list are compared by what they are called (`virtual_hosts[shop.example.com].routes[orders/read]`), so that
 * one that comes first does not make all others look changed; where they have no name, the equal ones at both ends are
 * set aside. The order counts as well: Envoy takes the first route that matches.
 */
import type { JsonValue } from "../model/intent.ts";
import { sameContent } from "../support/same-content.ts";

/** One of the deepest fields that differ. */
export interface FieldChange {
  /** From the resource down, in Envoy's words. */
  readonly path: string;
  readonly kind: "changed" | "added" | "removed" | "reordered";
  /** Absent when it is added. */
  readonly before?: JsonValue;
  /** Absent when it is removed. */
  readonly after?: JsonValue;
}

/** In the order of the messages. */
export function fieldChanges(before: JsonValue, after: JsonValue, path = ""): readonly FieldChange[] {
  if (sameContent(before, after)) return [];
  if (isMap(before) && isMap(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => entry(before[key], after[key], path === "" ? key : `${path}.${key}`));
  }
  if (isList(before) && isList(after)) return itemChanges(before, after, path);
  return [{ path, kind: "changed", before, after }];
}

function entry(before: JsonValue | undefined, after: JsonValue | undefined, path: string): readonly FieldChange[] {
  if (after === undefined) return before === undefined ? [] : [{ path, kind: "removed", before }];
  if (before === undefined) return [{ path, kind: "added", after }];
  return fieldChanges(before, after, path);
}

type Items = readonly JsonValue[];

function itemChanges(before: Items, after: Items, path: string): readonly FieldChange[] {
  const [old, now] = [byIdentity(before), byIdentity(after)];
  if (old === undefined || now === undefined) return positionChanges(before, after, path);
  const names = new Set([...old.keys(), ...now.keys()]);
  const changes = [...names].flatMap((name) => entry(old.get(name), now.get(name), `${path}[${name}]`));
  const stayed = [...old.keys()].filter((name) => now.has(name));
  const order = [...now.keys()].filter((name) => old.has(name));
  if (stayed.every((name, index) => name === order[index])) return changes;
  return [...changes, { path, kind: "reordered", before: stayed, after: order }];
}

/** Of lists whose items have no names. */
function positionChanges(before: Items, after: Items, path: string): readonly FieldChange[] {
  if (before.length === after.length) {
    return before.flatMap((item, index) => entry(item, after[index], `${path}[${index}]`));
  }
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && sameContent(before[start], after[start])) start += 1;
  let end = 0;
  while (end < shorter - start && sameContent(before.at(-1 - end), after.at(-1 - end))) end += 1;
  const [gone, come] = [before.slice(start, before.length - end), after.slice(start, after.length - end)];
  const longest = Math.max(gone.length, come.length);
  return Array.from({ length: longest }, (_, index) => index).flatMap((index) =>
    entry(gone[index], come[index], `${path}[${start + index}]`),
  );
}

/** Undefined unless each item has a name of its own. */
function byIdentity(items: Items): ReadonlyMap<string, JsonValue> | undefined {
  const named = new Map<string, JsonValue>();
  for (const item of items) {
    const name = identityOf(item);
    if (name === undefined || named.has(name)) return undefined;
    named.set(name, item);
  }
  return named;
}

/** What people would call an item: its name, or the address of a host. */
function identityOf(item: JsonValue): string | undefined {
  if (!isMap(item)) return undefined;
  const { name, endpoint } = item;
  if (typeof name === "string" && name !== "") return name;
  return isMap(endpoint ?? null) ? addressOf((endpoint as JsonMap)["address"]) : undefined;
}

/** `10.0.0.1:8080` or the path of a socket, of Envoy's `Address`; undefined of another. */
export function addressOf(address: JsonValue | undefined): string | undefined {
  if (!isMap(address ?? null)) return undefined;
  const { socket_address: socket, pipe } = address as JsonMap;
  if (isMap(pipe ?? null)) return textOf((pipe as JsonMap)["path"]);
  if (!isMap(socket ?? null)) return undefined;
  const { address: host, port_value: port = 0, named_port: named } = socket as JsonMap;
  if (typeof host !== "string") return undefined;
  return `${host.includes(":") ? `[${host}]` : host}:${textOf(named ?? port)}`;
}

/** A scalar as people write it. */
export function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? "");
}

/** A message or a map. */
export type JsonMap = { readonly [key: string]: JsonValue };

export function isMap(value: JsonValue): value is JsonMap {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function isList(value: JsonValue): value is Items {
  return Array.isArray(value);
}

/** The items of a list, and none where there is no list. */
export function itemsOf(value: JsonValue | undefined): Items {
  return Array.isArray(value) ? (value as Items) : [];
}
