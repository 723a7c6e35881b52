/**
 * Keys, tokens that they sign, and a server that publishes the keys: what an issuer of JSON Web Tokens is made of.
 */
import type { KeyObject } from "node:crypto";
import { generateKeyPairSync, sign } from "node:crypto";
import type { Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Somebody who signs tokens. */
export interface Issuer {
  readonly name: string;
  /** The public key, as JSON. */
  readonly jwks: string;
  /** A token with these claims beside `iss`, valid for an hour. */
  readonly token: (claims?: Readonly<Record<string, unknown>>) => string;
}

export function createIssuer(name: string, keyId = "one"): Issuer {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = { ...publicKey.export({ format: "jwk" }), kid: keyId, alg: "ES256", use: "sig" };
  return {
    name,
    jwks: JSON.stringify({ keys: [key] }),
    token: (claims = {}) =>
      signed(privateKey, keyId, { iss: name, exp: Math.floor(Date.now() / 1000) + 3600, ...claims }),
  };
}

function signed(key: KeyObject, kid: string, claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "ES256", typ: "JWT", kid })}.${part(claims)}`;
  return `${text}.${sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

/** Answers every request with the same JSON, and counts. */
export class JsonServer implements AsyncDisposable {
  readonly #server: Server;
  #requests = 0;

  private constructor(json: string) {
    this.#server = createServer((_, response) => {
      this.#requests += 1;
      response.setHeader("content-type", "application/json");
      response.end(json);
    });
  }

  static async start(json: string): Promise<JsonServer> {
    const server = new JsonServer(json);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    return server;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get requests(): number {
    return this.#requests;
  }

  [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    return promise;
  }
}
