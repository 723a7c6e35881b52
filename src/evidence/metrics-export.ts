/**
 * One export of statistics by OpenTelemetry, as it comes from the wire: who sends it, and numbers by name.
 *
 * Only what Envoy's sink writes is decoded, and of it only what is asked for: attributes of single points and all other
 * kinds of metrics are skipped. A metric is one point, because the bootstrap has Envoy put the cluster into the name. All
 * points of an export have the same two times.
 * https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/metrics/v1/metrics.proto
 */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** A counter, a gauge, or a histogram with the count of each bucket by itself, and one more for what is above. */
export type Metric =
  | { readonly kind: "number"; readonly name: string; readonly value: number; readonly isCumulative: boolean }
  | {
      readonly kind: "histogram";
      readonly name: string;
      readonly bounds: readonly number[];
      readonly counts: readonly number[];
      readonly sum: number;
      readonly isCumulative: boolean;
    };

/** A decoded export. */
export interface MetricsExport {
  /** Texts that are attributes of the resource. */
  readonly resource: ReadonlyMap<string, string>;
  readonly metrics: readonly Metric[];
  /** Milliseconds since 1970 by the clock of who sends it: when it was counted; absent where that is not said. */
  readonly countedAtMs?: number;
  /** And since when, which is the start of the Envoy. */
  readonly startedAtMs?: number;
  /** There were more than are read. */
  readonly isCut: boolean;
}

/** Five for each of 20,000 clusters; more are not an Envoy's. */
const METRICS_MAX = 100_000;
const ATTRIBUTES_MAX = 64;
/** Of one histogram; Envoy takes no more. */
const BUCKETS_MAX = 256;

const CUMULATIVE = 2;

/** The two times of a point, as they are written. */
interface PointTimes {
  startedAt?: number;
  countedAt?: number;
}

/** Decodes one message, with the metrics whose name is wanted; throws when the bytes are no such message. */
export function decodeMetricsExport(bytes: Uint8Array, isWanted: (name: string) => boolean): MetricsExport {
  const resource = new Map<string, string>();
  const metrics: Metric[] = [];
  const times: PointTimes = {};
  let isCut = false;
  const reader = new BinaryReader(bytes);
  const takeMetric = (): void => {
    const metric = readMetric(reader, isWanted, times);
    if (metric === undefined) return;
    if (metrics.length < METRICS_MAX) metrics.push(metric);
    else isCut = true;
  };
  const takeAttribute = (): void => {
    const [key, value] = readAttribute(reader);
    if (value !== undefined && resource.size < ATTRIBUTES_MAX) resource.set(key, value);
  };
  eachField(reader, reader.len, {
    1: () =>
      inside(reader, {
        1: () => inside(reader, { 1: takeAttribute }),
        2: () => inside(reader, { 2: takeMetric }),
      }),
  });
  const countedAtMs = readTime(times.countedAt);
  const startedAtMs = readTime(times.startedAt);
  return {
    resource,
    metrics,
    ...(countedAtMs === undefined ? {} : { countedAtMs }),
    ...(startedAtMs === undefined ? {} : { startedAtMs }),
    isCut,
  };
}

/** Any time of this century in nanoseconds, and in microseconds. */
const NANOSECONDS_MIN = 0.9e18;
const MICROSECONDS_MIN = 0.9e15;

/**
 * Whole milliseconds. Times are in nanoseconds, but up to 1.40 at least Envoy's sink writes its start in the unit of the
 * clock of its C++ library, which is a microsecond (`createStatsSink` in `stat_sinks/open_telemetry/config.cc`).
 */
function readTime(written = 0): number | undefined {
  if (written >= NANOSECONDS_MIN) return Math.round(written / 1e6);
  return written >= MICROSECONDS_MIN ? Math.round(written / 1e3) : undefined;
}

type Takers = Readonly<Record<number, (wireType: WireType) => void>>;

/** The fields of the message that comes next. */
function inside(reader: BinaryReader, takers: Takers): void {
  const length = reader.uint32();
  eachField(reader, reader.pos + length, takers);
}

function eachField(reader: BinaryReader, end: number, takers: Takers): void {
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    const take = takers[field];
    if (take === undefined) reader.skip(wireType, field);
    else take(wireType);
  }
}

function readAttribute(reader: BinaryReader): readonly [key: string, value: string | undefined] {
  let key = "";
  let value: string | undefined;
  inside(reader, {
    1: () => (key = reader.string()),
    2: () => inside(reader, { 1: () => (value = reader.string()) }),
  });
  return [key, value];
}

function readMetric(reader: BinaryReader, isWanted: (name: string) => boolean, times: PointTimes): Metric | undefined {
  let name = "";
  let metric: Metric | undefined;
  const length = reader.uint32();
  const end = reader.pos + length;
  const take = (read: () => Metric | undefined) => (wireType: WireType) => {
    // The name comes first; a writer that has it elsewhere is none of ours.
    if (isWanted(name)) metric = read();
    else reader.skip(wireType);
  };
  eachField(reader, end, {
    1: () => (name = reader.string()),
    5: take(() => readNumber(reader, name, times)),
    7: take(() => readNumber(reader, name, times)),
    9: take(() => readHistogram(reader, name, times)),
  });
  return metric;
}

/** A `Gauge` or a `Sum`; a gauge has no temporality, and is what it is at this moment. */
function readNumber(reader: BinaryReader, name: string, times: PointTimes): Metric {
  let value = 0;
  let temporality = CUMULATIVE;
  inside(reader, {
    1: () =>
      inside(reader, {
        ...timeTakers(reader, times),
        4: () => (value = reader.double()),
        6: () => (value = Number(reader.sfixed64())),
      }),
    2: () => (temporality = reader.int32()),
  });
  return { kind: "number", name, value, isCumulative: temporality === CUMULATIVE };
}

function readHistogram(reader: BinaryReader, name: string, times: PointTimes): Metric | undefined {
  let sum = 0;
  let temporality = 0;
  const counts: number[] = [];
  const bounds: number[] = [];
  inside(reader, {
    1: () =>
      inside(reader, {
        ...timeTakers(reader, times),
        5: () => (sum = reader.double()),
        6: (wireType) => readList(reader, wireType, () => counts.push(Number(reader.fixed64()))),
        7: (wireType) => readList(reader, wireType, () => bounds.push(reader.double())),
      }),
    2: () => (temporality = reader.int32()),
  });
  if (bounds.length > BUCKETS_MAX || counts.length !== bounds.length + 1) return undefined;
  return { kind: "histogram", name, bounds, counts, sum, isCumulative: temporality === CUMULATIVE };
}

/** Of the first point that has them; gauges have no start. */
function timeTakers(reader: BinaryReader, times: PointTimes): Takers {
  return {
    2: (wireType) => {
      if (times.startedAt === undefined) times.startedAt = Number(reader.fixed64());
      else reader.skip(wireType);
    },
    3: (wireType) => {
      if (times.countedAt === undefined) times.countedAt = Number(reader.fixed64());
      else reader.skip(wireType);
    },
  };
}

/** A repeated number, packed or not. */
function readList(reader: BinaryReader, wireType: WireType, readOne: () => void): void {
  if (wireType !== WireType.LengthDelimited) return readOne();
  const end = reader.uint32() + reader.pos;
  while (reader.pos < end) readOne();
}
