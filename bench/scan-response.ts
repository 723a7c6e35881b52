/**
 * The few fields of a DeltaDiscoveryResponse that a simulated node needs, without decoding the rest.
 *
 * The nodes share two cores with the server that is measured, so they must cost little. Bodies are skipped.
 */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** What a node acts on. */
export interface ScannedResponse {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly names: readonly string[];
  readonly removed: readonly string[];
}

/** Field numbers of envoy.service.discovery.v3.DeltaDiscoveryResponse, and of the Resource in it. */
const field = { resources: 2, typeUrl: 4, nonce: 5, removedResources: 6 } as const;
const RESOURCE_NAME = 3;

/** Scans one message. */
export function scanResponse(bytes: Uint8Array): ScannedResponse {
  const reader = new BinaryReader(bytes);
  const names: string[] = [];
  const removed: string[] = [];
  let typeUrl = "";
  let nonce = "";
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === field.resources) names.push(resourceName(reader));
    else if (number === field.typeUrl) typeUrl = reader.string();
    else if (number === field.nonce) nonce = reader.string();
    else if (number === field.removedResources) removed.push(reader.string());
    else reader.skip(wireType, number);
  }
  return { typeUrl, nonce, names, removed };
}

/** Reads past one Resource. */
function resourceName(reader: BinaryReader): string {
  const end = reader.uint32() + reader.pos;
  let name = "";
  while (reader.pos < end) {
    const [number, wireType] = reader.tag();
    if (number === RESOURCE_NAME && wireType === WireType.LengthDelimited) name = reader.string();
    else reader.skip(wireType, number);
  }
  return name;
}
