/**
 * A gRPC client in JavaScript that finds its backends by xDS: @grpc/grpc-js with @grpc/grpc-js-xds.
 *
 *     GRPC_XDS_BOOTSTRAP=bootstrap.json node js-client.ts xds:///orders
 *
 * It takes commands line by line and answers each with a line of JSON; `../grpc-client.ts` has the words. It
 * ends with its standard input, so that it never outlives who started it.
 */
import { createInterface } from "node:readline";
import { Client, Metadata, credentials, status } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { register } from "@grpc/grpc-js-xds";

/** Far beyond what a call on this machine takes; one that hangs is a failure. */
const DEADLINE_MS = 15_000;
/** How many calls of the load are under way. */
const CONCURRENCY = 4;
/** Between two calls of a loop: enough to leave the machine to the others. */
const PAUSE_MS = 4;

interface Counts {
  readonly answers: Record<string, number>;
  readonly failures: string[];
}

register();
const client = new Client(process.argv[2] ?? "", credentials.createInsecure());
let load: { readonly counts: Counts; readonly loops: Promise<unknown>; stopped: boolean } | undefined;

function call(method: string, headers: Readonly<Record<string, string>>, counts: Counts): Promise<void> {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(headers)) metadata.set(key, value);
  const same = (bytes: Buffer): Buffer => bytes;
  const options = { deadline: Date.now() + DEADLINE_MS };
  return new Promise((resolve) => {
    const done = (error: ServiceError | null, answer?: Buffer): void => {
      const label = String(answer);
      if (error !== null) counts.failures.push(`${status[error.code]}: ${error.details}`);
      else counts.answers[label] = (counts.answers[label] ?? 0) + 1;
      resolve();
    };
    client.makeUnaryRequest(method, same, same, Buffer.alloc(0), metadata, options, done);
  });
}

async function take({ command, count = 1, method = "", headers = {} }: Command): Promise<Counts> {
  const counts: Counts = { answers: {}, failures: [] };
  if (command === "call") {
    for (let index = 0; index < count; index += 1) await call(method, headers, counts);
  } else if (command === "start") {
    const running = { counts, loops: Promise.resolve() as Promise<unknown>, stopped: false };
    const loop = async (): Promise<void> => {
      while (!running.stopped) {
        await call(method, headers, counts);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    };
    running.loops = Promise.all(Array.from({ length: CONCURRENCY }, loop));
    load = running;
  } else if (load !== undefined) {
    load.stopped = true;
    await load.loops;
    return load.counts;
  }
  return counts;
}

interface Command {
  readonly command: "call" | "start" | "stop";
  readonly count?: number;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await take(JSON.parse(line) as Command))}\n`);
}
process.exit();
