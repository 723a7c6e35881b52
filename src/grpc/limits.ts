/**
 * What one server takes and holds at most, and how long it waits.
 *
 * Waits are counted in sweeps, of which there is one a second: a server whose event loop stood still for a
 * while does not hold that time against its peers.
 */

/** Bounds that a server is made with; a test makes them small. */
export interface GrpcLimits {
  /** One message from a client. The usual 4 MiB cut off an Envoy that comes back with many held versions (envoy#46072). */
  readonly messageBytesMax: number;
  /** Of messages that have not come whole yet, over all calls: four of the longest. */
  readonly receivingBytesMax: number;
  /** Handed to the sockets and not gone yet, over all calls: a thousand chunks. */
  readonly inFlightBytesMax: number;
  /** Waiting in one call. Frames are shared, so this is a bound on nonsense more than on memory. */
  readonly queuedBytesMax: number;
  readonly connectionsMax: number;
  /** On one connection. An Envoy without ADS opens a stream for the endpoints of each cluster. */
  readonly streamsMax: number;
  readonly sweepMs: number;
  /** A client that took nothing for so long gives its share of `inFlightBytesMax` back to the others. */
  readonly yieldSweeps: number;
  /** And after this it is cut off. */
  readonly writeSweepsMax: number;
  /** From the start of a call to its first message. */
  readonly firstMessageSweepsMax: number;
  /** A connection without a call. */
  readonly idleSweepsMax: number;
  /** From sign of life to ping, and from ping to the end of a connection that does not answer it. */
  readonly pingSweeps: number;
  readonly pongSweepsMax: number;
  /** After a call was ended, its client has this long to close its side. */
  readonly endedSweepsMax: number;
  /** After a connection was told to go, its calls have this long to end. */
  readonly graceSweepsMax: number;
}

/** What serves a fleet. */
export const defaultGrpcLimits: GrpcLimits = {
  messageBytesMax: 32 * 1024 * 1024,
  receivingBytesMax: 128 * 1024 * 1024,
  inFlightBytesMax: 64 * 1024 * 1024,
  queuedBytesMax: 512 * 1024 * 1024,
  connectionsMax: 20_000,
  streamsMax: 4_096,
  sweepMs: 1_000,
  yieldSweeps: 2,
  writeSweepsMax: 20,
  firstMessageSweepsMax: 60,
  idleSweepsMax: 300,
  pingSweeps: 30,
  pongSweepsMax: 20,
  endedSweepsMax: 2,
  graceSweepsMax: 30,
};

/**
 * What is written at once: a long message goes out in such pieces, each when the one before it has left, so
 * that TLS and the kernel never hold a copy of the whole.
 */
export const CHUNK_BYTES = 64 * 1024;

/** Written without asking for a share of `inFlightBytesMax`, so that slow readers of much never delay a small push. */
export const SMALL_BYTES_MAX = 16 * 1024;

/** The slowest client that may send a long message; slower ones would hold `receivingBytesMax` for nothing. */
export const RECEIVE_BYTES_PER_SWEEP_MIN = 256 * 1024;
