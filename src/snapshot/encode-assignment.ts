/**
 * A load assignment as `translate` makes it, from its JSON to its bytes without a message in between.
 *
 * A service has tens or hundreds of hosts, and each of them is eight messages. This writer knows the fields that
 * `translate` writes, the values that are surely right for them, and their numbers. To everything else, be it a field
 * or a value, it answers "doubt", and `encodeContent` does the work and finds the words; a test with random assignments
 * holds that both give the same.
 */
import { isIP } from "node:net";
import type { JsonValue } from "../model/intent.ts";
import { brand } from "../support/brand.ts";
import type { EnvoyResource } from "../translate/envoy-resource.ts";
import { resourceVersion } from "./encode-content.ts";
import type { Resource, ResourceName, VersionInfo } from "./resource.ts";
import { typeUrls } from "./type-url.ts";

type Json = JsonValue | undefined;
type Fields = { readonly [key: string]: JsonValue };

/** What is being written: one for all assignments, because what comes out is a copy. */
interface Output {
  buffer: Uint8Array<ArrayBuffer>;
  length: number;
  hosts: number;
}

/** Writes the fields of one message; false is doubt. */
type Write = (out: Output, json: Fields) => boolean;

/** Printable ASCII, short enough for a length of one byte. */
const plainText = /^[ -~]{1,127}$/;

/** Envoy allows 0 to 128. */
const PRIORITY_MAX = 128;
const PORT_MAX = 65_535;
/** Half of what 32 bits hold, so that it is a small integer everywhere. */
const NUMBER_MAX = 0x3fff_ffff;

/** `envoy.config.core.v3.HealthStatus`, but for UNKNOWN. */
const healthStatuses: Readonly<Record<string, number>> = { HEALTHY: 1, UNHEALTHY: 2, DRAINING: 3 };

/** Tags: the number of a field, with a value that is a number or has a length. */
const number = (field: number): number => field << 3;
const sized = (field: number): number => (field << 3) | 2;

/** What most assignments need; it grows. */
const BUFFER_BYTES = 4 * 1024;

/** Gives the same as `encodeContent`; undefined when that has to be asked. */
export function createAssignmentEncoder(): (resource: EnvoyResource) => Resource | undefined {
  const out: Output = { buffer: new Uint8Array(BUFFER_BYTES), length: 0, hosts: 0 };
  return (resource) => {
    const { typeUrl, name, at, ttlMs } = resource;
    if (typeUrl !== typeUrls.endpoints || ttlMs !== undefined) return undefined;
    const { json } = resource;
    out.length = 0;
    out.hosts = 0;
    if (json["clusterName"] !== name || !writeAssignment(out, json)) return undefined;
    const body = out.buffer.slice(0, out.length);
    return {
      typeUrl,
      name: brand<ResourceName>(name),
      version: brand<VersionInfo>(resourceVersion(typeUrl, body)),
      body,
      references: [],
      at,
      hostCount: out.hosts,
    };
  };
}

function writeAssignment(out: Output, json: Fields): boolean {
  const { clusterName, endpoints } = json;
  return (
    hasOnly(json, [clusterName, endpoints]) &&
    writeText(out, sized(1), clusterName) &&
    (endpoints === undefined || writeList(out, sized(2), endpoints, writeLocality))
  );
}

const writeLocality: Write = (out, json) => {
  const { locality, priority, loadBalancingWeight, lbEndpoints } = json;
  return (
    hasOnly(json, [locality, priority, loadBalancingWeight, lbEndpoints]) &&
    (locality === undefined || writeMessage(out, sized(1), locality, writeLocalityName)) &&
    (lbEndpoints === undefined || writeList(out, sized(2), lbEndpoints, writeLbEndpoint)) &&
    (loadBalancingWeight === undefined || writeWeight(out, sized(3), loadBalancingWeight)) &&
    (priority === undefined ||
      priority === 0 ||
      (isAtMost(PRIORITY_MAX, priority) && writeNumber(out, number(5), priority)))
  );
};

const writeLocalityName: Write = (out, json) => {
  const { region, zone, subZone } = json;
  return (
    hasOnly(json, [region, zone, subZone]) &&
    (region === undefined || writeText(out, sized(1), region)) &&
    (zone === undefined || writeText(out, sized(2), zone)) &&
    (subZone === undefined || writeText(out, sized(3), subZone))
  );
};

const writeLbEndpoint: Write = (out, json) => {
  const { endpoint, healthStatus, metadata, loadBalancingWeight } = json;
  out.hosts += 1;
  return (
    hasOnly(json, [endpoint, healthStatus, metadata, loadBalancingWeight]) &&
    writeMessage(out, sized(1), endpoint, writeEndpoint) &&
    (healthStatus === undefined || writeHealth(out, number(2), healthStatus)) &&
    (metadata === undefined || writeMessage(out, sized(3), metadata, writeMetadata)) &&
    (loadBalancingWeight === undefined || writeWeight(out, sized(4), loadBalancingWeight))
  );
};

const writeEndpoint: Write = (out, json) => {
  const { address, healthCheckConfig } = json;
  return (
    hasOnly(json, [address, healthCheckConfig]) &&
    writeMessage(out, sized(1), address, writeAddress) &&
    (healthCheckConfig === undefined || writeMessage(out, sized(2), healthCheckConfig, writeHealthCheck))
  );
};

const writeAddress: Write = (out, json) => {
  const { socketAddress } = json;
  return hasOnly(json, [socketAddress]) && writeMessage(out, sized(1), socketAddress, writeSocketAddress);
};

const writeSocketAddress: Write = (out, json) => {
  const { address, portValue } = json;
  return (
    hasOnly(json, [address, portValue]) &&
    typeof address === "string" &&
    isIP(address) !== 0 &&
    writeText(out, sized(2), address) &&
    isAtMost(PORT_MAX, portValue) &&
    writeNumber(out, number(3), portValue)
  );
};

const writeHealthCheck: Write = (out, json) => {
  const { portValue } = json;
  return hasOnly(json, [portValue]) && isAtMost(PORT_MAX, portValue) && writeNumber(out, number(1), portValue);
};

const writeMetadata: Write = (out, json) => {
  const { filterMetadata } = json;
  return hasOnly(json, [filterMetadata]) && isFields(filterMetadata) && writeEntries(out, filterMetadata, writeLabels);
};

/** A value of a map: a `google.protobuf.Struct`. */
function writeLabels(out: Output, json: Json): boolean {
  return writeMessage(out, sized(2), json, (_, labels) => writeEntries(out, labels, writeLabel));
}

/** A value of a map: a `google.protobuf.Value` with a text. */
function writeLabel(out: Output, text: Json): boolean {
  const start = begin(out, sized(2));
  return writeText(out, sized(3), text) && end(out, start);
}

/** The entries of a map, whose keys must be in order. */
function writeEntries(out: Output, json: Fields, writeValue: (out: Output, json: Json) => boolean): boolean {
  let before = "";
  for (const key of Object.keys(json)) {
    if (key <= before || key === "__proto__") return false;
    before = key;
    const start = begin(out, sized(1));
    if (!writeText(out, sized(1), key) || !writeValue(out, json[key]) || !end(out, start)) return false;
  }
  return true;
}

/** Whether these are all fields that there are. */
function hasOnly(json: Fields, known: readonly Json[]): boolean {
  let left = known.length;
  for (const value of known) if (value === undefined) left -= 1;
  return Object.keys(json).length === left;
}

function isFields(json: Json): json is Fields {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function writeList(out: Output, tag: number, json: JsonValue, write: Write): boolean {
  if (!Array.isArray(json)) return false;
  for (const item of json as readonly JsonValue[]) if (!writeMessage(out, tag, item, write)) return false;
  return true;
}

function writeMessage(out: Output, tag: number, json: Json, write: Write): boolean {
  if (!isFields(json)) return false;
  const start = begin(out, tag);
  return write(out, json) && end(out, start);
}

/** A text that is there and not empty: an empty one is not written, but in a map and where a field is chosen. */
function writeText(out: Output, tag: number, text: Json): boolean {
  if (typeof text !== "string" || !plainText.test(text)) return false;
  reserve(out, 2 + text.length);
  out.buffer[out.length] = tag;
  out.buffer[out.length + 1] = text.length;
  out.length += 2;
  for (let index = 0; index < text.length; index += 1) out.buffer[out.length + index] = text.charCodeAt(index);
  out.length += text.length;
  return true;
}

/** Whether this is a number and no larger. */
function isAtMost(max: number, value: Json): boolean {
  return typeof value === "number" && value <= max;
}

/** A number from 1 on. */
function writeNumber(out: Output, tag: number, value: Json): boolean {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > NUMBER_MAX) return false;
  reserve(out, 1 + VARINT_BYTES_MAX);
  out.buffer[out.length] = tag;
  out.length = writeVarint(out, out.length + 1, value);
  return true;
}

/** A `google.protobuf.UInt32Value`. */
function writeWeight(out: Output, tag: number, value: Json): boolean {
  const start = begin(out, tag);
  return writeNumber(out, number(1), value) && end(out, start);
}

function writeHealth(out: Output, tag: number, status: JsonValue): boolean {
  if (typeof status !== "string" || !Object.hasOwn(healthStatuses, status)) return false;
  return writeNumber(out, tag, healthStatuses[status]);
}

/** Begins a message, of which most are shorter than 128 bytes: one byte is left for its length. */
function begin(out: Output, tag: number): number {
  reserve(out, 2);
  out.buffer[out.length] = tag;
  out.length += 2;
  return out.length;
}

/** Ends the message that begins there. */
function end(out: Output, start: number): true {
  const size = out.length - start;
  const more = varintBytes(size) - 1;
  if (more > 0) {
    reserve(out, more);
    out.buffer.copyWithin(start + more, start, out.length);
    out.length += more;
  }
  writeVarint(out, start - 1, size);
  return true;
}

const VARINT_BYTES_MAX = 5;

function varintBytes(value: number): number {
  let bytes = 1;
  for (let left = value >>> 7; left > 0; left >>>= 7) bytes += 1;
  return bytes;
}

/** Returns where the next byte goes. */
function writeVarint(out: Output, position: number, value: number): number {
  let at = position;
  let left = value;
  for (; left > 0x7f; left >>>= 7) {
    out.buffer[at] = (left & 0x7f) | 0x80;
    at += 1;
  }
  out.buffer[at] = left;
  return at + 1;
}

function reserve(out: Output, bytes: number): void {
  if (out.length + bytes <= out.buffer.length) return;
  const larger = new Uint8Array(2 * out.buffer.length);
  larger.set(out.buffer);
  out.buffer = larger;
}
