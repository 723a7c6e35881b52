/**
 * Responses as bytes on the wire.
 *
 * A resource is framed once for all streams; a response is a few small fields and the concatenation of such
 * frames, made once for all streams that are given the same object. The field numbers are those of envoy/service/discovery/v3/discovery.proto;
 * protobuf allows any field order.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { frameParts } from "../grpc/message-frames.ts";
import type { Resource } from "../snapshot/resource.ts";
import type { Response, Variant } from "./stream-state.ts";

const deltaFrames = new WeakMap<Resource, Uint8Array>();
const sotwFrames = new WeakMap<Resource, Uint8Array>();

/** A response belongs to one variant and one server, so its bytes are known by the object alone. */
const responseFrames = new WeakMap<Response, Buffer>();

/**
 * The serialised DiscoveryResponse or DeltaDiscoveryResponse with gRPC's prefix; `identifier` names this
 * control plane. The same response gives the same buffer, which streams share.
 */
export function frameResponse(variant: Variant, response: Response, identifier: string): Buffer {
  let frame = responseFrames.get(response);
  if (frame === undefined) responseFrames.set(response, (frame = makeFrame(variant, response, identifier)));
  return frame;
}

function makeFrame(variant: Variant, response: Response, identifier: string): Buffer {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string(response.versionInfo);
  writer.tag(4, WireType.LengthDelimited).string(response.typeUrl);
  writer.tag(5, WireType.LengthDelimited).string(response.nonce);
  if (variant === "delta") {
    for (const name of response.removed) writer.tag(6, WireType.LengthDelimited).string(name);
  }
  writer.tag(variant === "delta" ? 7 : 6, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string(identifier);
  writer.join();
  const resources = response.resources.map((resource) =>
    variant === "delta" ? frameOf(deltaFrames, resource, deltaFrame) : frameOf(sotwFrames, resource, sotwFrame),
  );
  return frameParts([writer.finish(), ...resources]);
}

function frameOf(
  frames: WeakMap<Resource, Uint8Array>,
  resource: Resource,
  make: (resource: Resource) => Uint8Array,
): Uint8Array {
  let frame = frames.get(resource);
  if (frame === undefined) frames.set(resource, (frame = make(resource)));
  return frame;
}

/** `resources` (2) of a delta response: a Resource with version (1), resource (2) and name (3). */
function deltaFrame(resource: Resource): Uint8Array {
  const writer = new BinaryWriter().tag(2, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string(resource.version);
  writer.tag(2, WireType.LengthDelimited).fork();
  writeAny(writer, resource);
  writer.join();
  writer.tag(3, WireType.LengthDelimited).string(resource.name);
  return writer.join().finish();
}

/** `resources` (2) of a SotW response: an Any. */
function sotwFrame(resource: Resource): Uint8Array {
  const writer = new BinaryWriter().tag(2, WireType.LengthDelimited).fork();
  writeAny(writer, resource);
  return writer.join().finish();
}

/** The fields of google.protobuf.Any. */
function writeAny(writer: BinaryWriter, resource: Resource): void {
  writer.tag(1, WireType.LengthDelimited).string(resource.typeUrl);
  writer.tag(2, WireType.LengthDelimited).bytes(resource.body);
}
