/**
 * From checked `accessLogs` lists to the logs of the intent.
 */
import { durationMs } from "./duration.ts";
import type { AccessLog, LogSink } from "./intent-access-log.ts";
import type { Path, SourceDocument } from "./position.ts";
import { placeOf } from "./position.ts";
import type { AccessLogValue } from "./schema-access-log.ts";
import { byName, defined } from "./sort.ts";

/** The logs of a gateway, in the order written; `path` is that of the list. */
export function buildAccessLogs(
  document: SourceDocument,
  path: Path,
  values: readonly AccessLogValue[],
): readonly AccessLog[] {
  return values.map((value, index) => {
    const { text, only } = value;
    const fields = Object.entries(value.fields ?? {}).map(([name, format]) =>
      format === false ? { name } : { name, format },
    );
    return {
      at: placeOf(document, [...path, index], "value"),
      sink: sinkOf(value),
      ...defined({ text }),
      fields: fields.toSorted(byName),
      ...(only === undefined
        ? {}
        : {
            only: {
              errors: only.errors === true,
              ...(only.slowerThan === undefined ? {} : { slowerThanMs: durationMs(only.slowerThan) }),
              ...defined({ percent: only.percent }),
            },
          }),
    };
  });
}

function sinkOf({ stderr, file, grpc, openTelemetry }: AccessLogValue): LogSink {
  if (file !== undefined) return { kind: "file", path: file };
  const receiver = grpc ?? openTelemetry;
  if (receiver !== undefined) {
    const kind = grpc === undefined ? "openTelemetry" : "grpc";
    return { kind, service: receiver.service, ...defined({ subset: receiver.subset }) };
  }
  return { kind: stderr === true ? "stderr" : "stdout" };
}
