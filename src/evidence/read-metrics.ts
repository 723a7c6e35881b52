/**
 * One export of Envoy's OpenTelemetry statistics sink, as far as a canary is judged by it.
 *
 * Only what is asked about is decoded: an Envoy may export thousands of points, and of most splits nothing is rolled out.
 * The fields are those of opentelemetry/proto/metrics/v1/metrics.proto and resource.proto.
 */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { LatencyHistogram } from "./latency-histogram.ts";

/** What was exported. */
export interface MetricsExport {
  /** The attributes of the resource, such as `service.instance.id`. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly numbers: ReadonlyMap<string, number>;
  readonly histograms: ReadonlyMap<string, LatencyHistogram>;
}

/** More points are not read. */
const POINTS_MAX = 500_000;
/** A name of an Envoy's statistic is shorter. */
const NAME_CHARS_MAX = 1_024;
const BUCKETS_MAX = 200;

interface Reading {
  readonly attributes: Map<string, string>;
  readonly numbers: Map<string, number>;
  readonly histograms: Map<string, LatencyHistogram>;
  readonly isWanted: (name: string) => boolean;
  points: number;
}

/** Throws when the bytes are no ExportMetricsServiceRequest. */
export function readMetrics(bytes: Uint8Array, isWanted: (name: string) => boolean): MetricsExport {
  const reading: Reading = { attributes: new Map(), numbers: new Map(), histograms: new Map(), isWanted, points: 0 };
  eachField(new BinaryReader(bytes), bytes.byteLength, {
    1: (reader) => eachMessage(reader, { 1: (of) => readResource(of, reading), 2: (of) => readScope(of, reading) }),
  });
  const { attributes, numbers, histograms } = reading;
  return { attributes, numbers, histograms };
}

type Fields = Readonly<Record<number, (reader: BinaryReader, wire: WireType) => void>>;

function eachField(reader: BinaryReader, end: number, fields: Fields): void {
  while (reader.pos < end) {
    const [field, wire] = reader.tag();
    const read = fields[field];
    if (read === undefined) reader.skip(wire);
    else read(reader, wire);
  }
}

function eachMessage(reader: BinaryReader, fields: Fields): void {
  const length = reader.uint32();
  eachField(reader, reader.pos + length, fields);
}

function readResource(reader: BinaryReader, { attributes }: Reading): void {
  eachMessage(reader, {
    1: (of) => {
      let key = "";
      let value = "";
      eachMessage(of, {
        1: (field) => {
          key = field.string();
        },
        2: (field) =>
          eachMessage(field, {
            1: (text) => {
              value = text.string();
            },
          }),
      });
      if (attributes.size < 100) attributes.set(key.slice(0, NAME_CHARS_MAX), value.slice(0, NAME_CHARS_MAX));
    },
  });
}

function readScope(reader: BinaryReader, reading: Reading): void {
  eachMessage(reader, { 2: (of) => readMetric(of, reading) });
}

function readMetric(reader: BinaryReader, reading: Reading): void {
  const length = reader.uint32();
  const end = reader.pos + length;
  let name: string | undefined;
  eachField(reader, end, {
    1: (of) => {
      name = of.string();
    },
    // A gauge, and a sum: Envoy's message has the name before them.
    5: (of) => readNumbers(of, name, reading),
    7: (of) => readNumbers(of, name, reading),
    9: (of) => readHistograms(of, name, reading),
  });
}

/** Skips what nobody asked about. */
function isRead(name: string | undefined, reading: Reading): name is string {
  reading.points += 1;
  return name !== undefined && name.length <= NAME_CHARS_MAX && reading.points <= POINTS_MAX && reading.isWanted(name);
}

function readNumbers(reader: BinaryReader, name: string | undefined, reading: Reading): void {
  if (!isRead(name, reading)) {
    reader.skip(WireType.LengthDelimited);
    return;
  }
  eachMessage(reader, {
    1: (of) => {
      let value = 0;
      eachMessage(of, {
        4: (field) => {
          value = field.double();
        },
        6: (field) => {
          value = Number(field.sfixed64());
        },
      });
      reading.numbers.set(name, value);
    },
  });
}

function readHistograms(reader: BinaryReader, name: string | undefined, reading: Reading): void {
  if (!isRead(name, reading)) {
    reader.skip(WireType.LengthDelimited);
    return;
  }
  eachMessage(reader, {
    1: (of) => {
      let sumMs = 0;
      const counts: number[] = [];
      const edgesMs: number[] = [];
      eachMessage(of, {
        5: (field) => {
          sumMs = field.double();
        },
        6: (field, wire) => readPacked(field, wire, () => counts.push(Number(field.fixed64()))),
        7: (field, wire) => readPacked(field, wire, () => edgesMs.push(field.double())),
      });
      const isWhole = counts.length === edgesMs.length + 1 && edgesMs.length <= BUCKETS_MAX;
      if (isWhole) reading.histograms.set(name, { edgesMs, counts, sumMs });
    },
  });
}

function readPacked(reader: BinaryReader, wire: WireType, read: () => void): void {
  if (wire !== WireType.LengthDelimited) return read();
  const length = reader.uint32();
  const end = reader.pos + length;
  while (reader.pos < end) read();
}
