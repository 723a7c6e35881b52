/**
 * The implementations of gRPC that the tests run: JavaScript and Python (C-core) everywhere, Go where
 * `npm run test:grpc-go` has built it.
 */
import { join } from "node:path";

/** Which implementation, and how its program is started: a command and what comes before the target. */
export interface ClientProgram {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** How calls of this implementation may fail whatever the control plane does. */
  readonly knownFailure?: RegExp;
  /** It takes no notice when something that was removed comes back unchanged. */
  readonly missesReturn?: boolean;
}

const PROGRAMS = join(import.meta.dirname, "programs");

/** Plain JavaScript, because setup scripts are. */
const PYTHON_FINDER = new URL("../../scripts/grpc-python.mjs", import.meta.url).href;

/**
 * @grpc/grpc-js with @grpc/grpc-js-xds, on the Node that runs the tests. In 1.14 it compares what comes with what it
 * had before the removal (`resourcesEqual(cachedResource, …)` in xds-client.ts), and tells nobody if both are equal.
 */
const jsClient: ClientProgram = {
  name: "grpc-js",
  command: process.execPath,
  args: [join(PROGRAMS, "js-client.ts")],
  missesReturn: true,
};

/**
 * grpc-go takes a new route before it has told its balancer of the clusters in it (`applyServiceConfigAndBalancer`
 * in clientconn.go of 1.85): a call that begins in between fails, and is not even tried again.
 */
const GO_RACE = /unknown cluster selected for RPC/;

/** Every implementation that is here; fetches gRPC for Python when this machine has none. */
export async function clientPrograms(): Promise<readonly ClientProgram[]> {
  const { findGrpcPython } = (await import(PYTHON_FINDER)) as { readonly findGrpcPython: () => Promise<string> };
  const go = process.env["FAIRWAY_GRPC_GO"];
  return [
    jsClient,
    { name: "grpc-python", command: await findGrpcPython(), args: [join(PROGRAMS, "python_client.py")] },
    ...(go === undefined ? [] : [{ name: "grpc-go", command: go, args: [], knownFailure: GO_RACE }]),
  ];
}
