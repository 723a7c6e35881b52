/**
 * A gRPC server that serves only while it has a listener by xDS: @grpc/grpc-js-xds.
 *
 *     GRPC_XDS_BOOTSTRAP=bootstrap.json node js-server.ts 127.0.0.1:50051 a
 *
 * It answers the method that tests call with its label, and ends with its standard input.
 */
import { ServerCredentials } from "@grpc/grpc-js";
import { XdsServer, XdsServerCredentials, register } from "@grpc/grpc-js-xds";

const [address = "", label = ""] = process.argv.slice(2);
const same = (bytes: Buffer): Buffer => bytes;
const method = {
  path: "/shop.Orders/Place",
  requestStream: false as const,
  responseStream: false as const,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
};

register();
const server = new XdsServer();
server.addService(
  { place: method },
  { place: (_: unknown, done: (error: null, answer: Buffer) => void) => done(null, Buffer.from(label)) },
);
server.bindAsync(address, new XdsServerCredentials(ServerCredentials.createInsecure()), () => undefined);
process.stdin.on("end", () => process.exit()).resume();
