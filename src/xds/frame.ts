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
import type { HostAnswer } from "./asked-hosts.ts";
import { isHostAnswer } from "./asked-hosts.ts";
import { isAlias } from "./context-parameters.ts";
import type { Response, Variant } from "./stream-state.ts";

const RESOURCE_TYPE_URL = "type.googleapis.com/envoy.service.discovery.v3.Resource";

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
  const plain = response.resources.filter((resource) => !isHostAnswer(resource));
  const resources = plain.map((resource) =>
    variant === "delta" && response.isHeartbeat === true
      ? deltaFrame(resource, { aliases: [], isNone: true })
      : variant === "delta"
        ? frameOf(deltaFrames, resource, (each) => deltaFrame(each))
        : frameOf(sotwFrames, resource, sotwFrame),
  );
  return frameParts([writer.finish(), ...resources, ...hostFrames(response.resources.filter(isHostAnswer))]);
}

/** Each virtual host once, with every name that it answers: Envoy refuses a name that is there twice. */
function hostFrames(answers: readonly HostAnswer[]): readonly Uint8Array[] {
  const byHost = Map.groupBy(answers, ({ name, hostName }) => hostName ?? name);
  return [...byHost].flatMap(([name, ofHost]) => {
    const [first] = ofHost;
    if (first === undefined) return [];
    return [
      deltaFrame(
        { ...first, name },
        { aliases: ofHost.map((answer) => answer.name), isNone: first.hostName === undefined },
      ),
    ];
  });
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

/** `resources` (2) of a delta response: a Resource with version (1), resource (2), name (3), aliases (4) and ttl (6). */
function deltaFrame(resource: Resource, host: HostFrame = { aliases: [], isNone: false }): Uint8Array {
  const writer = new BinaryWriter().tag(2, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string(resource.version);
  if (!host.isNone) {
    writer.tag(2, WireType.LengthDelimited).fork();
    writeAny(writer, resource);
    writer.join();
  }
  writer.tag(3, WireType.LengthDelimited).string(resource.name);
  for (const alias of host.aliases) writer.tag(4, WireType.LengthDelimited).string(alias);
  if (resource.ttlMs !== undefined) writeTtl(writer, resource.ttlMs);
  return writer.join().finish();
}

/** Of a virtual host on demand the names that were asked for, and that there is none; or a heartbeat, without content. */
interface HostFrame {
  readonly aliases: readonly string[];
  readonly isNone: boolean;
}

/** `resources` (2) of a SotW response: an Any, of a Resource when there is more to say than the content does. */
function sotwFrame(resource: Resource): Uint8Array {
  const writer = new BinaryWriter().tag(2, WireType.LengthDelimited).fork();
  if (resource.ttlMs === undefined && !isAlias(resource)) {
    writeAny(writer, resource);
    return writer.join().finish();
  }
  const wrapped = new BinaryWriter().tag(1, WireType.LengthDelimited).string(resource.version);
  wrapped.tag(2, WireType.LengthDelimited).fork();
  writeAny(wrapped, resource);
  wrapped.join().tag(3, WireType.LengthDelimited).string(resource.name);
  if (resource.ttlMs !== undefined) writeTtl(wrapped, resource.ttlMs);
  writeAny(writer, { typeUrl: RESOURCE_TYPE_URL, body: wrapped.finish() });
  return writer.join().finish();
}

/** `ttl` (6) of a Resource: a Duration of seconds (1) and nanoseconds (2). */
function writeTtl(writer: BinaryWriter, ttlMs: number): void {
  writer.tag(6, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.Varint).int64(Math.floor(ttlMs / 1_000));
  writer.tag(2, WireType.Varint).int32((ttlMs % 1_000) * 1_000_000);
  writer.join();
}

/** The fields of google.protobuf.Any. */
function writeAny(writer: BinaryWriter, resource: Pick<Resource, "typeUrl" | "body">): void {
  writer.tag(1, WireType.LengthDelimited).string(resource.typeUrl);
  writer.tag(2, WireType.LengthDelimited).bytes(resource.body);
}
