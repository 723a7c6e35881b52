/**
 * Messages in a stream of bytes: each has five bytes before it, a flag for compression and a length.
 *
 * The stream is cut anywhere on its way, so a message may come in many pieces, and a piece may hold many
 * messages. A length is judged before any room is made for what it promises, and room is made only for what
 * has come. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#length-prefixed-message
 */

const PREFIX_BYTES = 5;

/** Room for the first pieces of a message; it doubles from there. */
const ROOM_BYTES_MIN = 4 * 1024;

/** Where in the stream a reader is; changed in place by `readMessages`. */
export interface ReadState {
  readonly prefix: Buffer;
  prefixBytes: number;
  /** The length of the message that is coming, once its prefix is there. */
  length: number | undefined;
  /** The beginning of that message, in a buffer with room for more. */
  room: Buffer | undefined;
  roomBytes: number;
}

/** What a piece brought. */
export interface ReadOutcome {
  /** In order. They may share memory with the piece. */
  readonly messages: readonly Buffer[];
  /** Why nothing that follows can be read. */
  readonly refusal: "compressed" | "too-long" | "malformed" | undefined;
}

/** At the beginning of a stream. */
export function createReadState(): ReadState {
  return { prefix: Buffer.alloc(PREFIX_BYTES), prefixBytes: 0, length: undefined, room: undefined, roomBytes: 0 };
}

/** Takes the next piece; after a refusal the state must not be used again. */
export function readMessages(state: ReadState, piece: Buffer, bytesMax: number): ReadOutcome {
  const messages: Buffer[] = [];
  let at = 0;
  while (true) {
    if (state.length === undefined) {
      at += takePrefix(state, piece, at);
      if (state.prefixBytes < PREFIX_BYTES) return { messages, refusal: undefined };
      const flag = state.prefix[0];
      if (flag !== 0) return { messages, refusal: flag === 1 ? "compressed" : "malformed" };
      const length = state.prefix.readUInt32BE(1);
      if (length > bytesMax) return { messages, refusal: "too-long" };
      state.length = length;
    }
    const missing = state.length - state.roomBytes;
    if (piece.length - at < missing) {
      keep(state, state.length, piece.subarray(at));
      return { messages, refusal: undefined };
    }
    messages.push(complete(state, piece.subarray(at, at + missing)));
    at += missing;
  }
}

/** One message with its prefix, ready to be sent by any number of calls. */
export function frameMessage(bytes: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + bytes.byteLength);
  writePrefix(frame);
  frame.set(bytes, PREFIX_BYTES);
  return frame;
}

/** The same for a message that is made of parts, which are copied once. */
export function frameParts(parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + length);
  writePrefix(frame);
  let at = PREFIX_BYTES;
  for (const part of parts) {
    frame.set(part, at);
    at += part.byteLength;
  }
  return frame;
}

function writePrefix(frame: Buffer): void {
  frame[0] = 0;
  frame.writeUInt32BE(frame.length - PREFIX_BYTES, 1);
}

function takePrefix(state: ReadState, piece: Buffer, at: number): number {
  const taken = piece.copy(state.prefix, state.prefixBytes, at, at + PREFIX_BYTES - state.prefixBytes);
  state.prefixBytes += taken;
  return taken;
}

/** Copies a piece, because it may keep a much larger read alive. Doubling the room copies each byte twice at most. */
function keep(state: ReadState, length: number, piece: Buffer): void {
  const needed = state.roomBytes + piece.length;
  if (piece.length === 0) return;
  if (state.room === undefined || state.room.length < needed) {
    const room = Buffer.allocUnsafe(Math.min(length, Math.max(ROOM_BYTES_MIN, needed * 2)));
    state.room?.copy(room, 0, 0, state.roomBytes);
    state.room = room;
  }
  piece.copy(state.room, state.roomBytes);
  state.roomBytes = needed;
}

function complete(state: ReadState, last: Buffer): Buffer {
  let message = last;
  if (state.room !== undefined) {
    keep(state, state.length ?? 0, last);
    message = state.room.subarray(0, state.roomBytes);
  }
  state.prefixBytes = 0;
  state.length = undefined;
  state.room = undefined;
  state.roomBytes = 0;
  return message;
}
