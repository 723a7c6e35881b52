/**
 * The services of the generated code as grpc-js wants them: for clients and servers of tests, because
 * `src/` itself needs nothing of grpc-js.
 */
import type { MethodDefinition } from "@grpc/grpc-js";

interface Codec {
  encode(message: never): { finish(): Uint8Array };
  decode(bytes: Uint8Array): unknown;
}

interface ServiceMethod {
  readonly name: string;
  readonly requestType: Codec;
  readonly requestStream: boolean;
  readonly responseType: Codec;
  readonly responseStream: boolean;
}

type Definition = { readonly fullName: string; readonly methods: Readonly<Record<string, ServiceMethod>> };

/** Every method of a definition, under its name there. */
type GrpcMethods<D extends Definition> = {
  readonly [Name in keyof D["methods"]]: MethodDefinition<
    ReturnType<D["methods"][Name]["requestType"]["decode"]>,
    ReturnType<D["methods"][Name]["responseType"]["decode"]>
  >;
};

/** For a `Client` of grpc-js and for `Server.addService`. */
export function grpcMethods<D extends Definition>(definition: D): GrpcMethods<D> {
  const methods: unknown = Object.fromEntries(
    Object.entries(definition.methods).map(([key, method]) => [key, toGrpcJs(definition, method)]),
  );
  return methods as GrpcMethods<D>;
}

function toGrpcJs({ fullName }: Definition, method: ServiceMethod): MethodDefinition<never, unknown> {
  const write = (codec: Codec) => (message: unknown) => Buffer.from(codec.encode(message as never).finish());
  return {
    path: `/${fullName}/${method.name}`,
    requestStream: method.requestStream,
    responseStream: method.responseStream,
    requestSerialize: write(method.requestType),
    requestDeserialize: (bytes) => method.requestType.decode(bytes) as never,
    responseSerialize: write(method.responseType),
    responseDeserialize: (bytes) => method.responseType.decode(bytes),
  };
}
