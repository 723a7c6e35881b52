/**
 * A login of ours, as OAuth 2.0 has it: everybody who is sent here is logged in at once as ann.
 *
 * It gives a code for an address and a challenge (PKCE), and tokens for that code to the one client that it knows.
 */
import { createHash } from "node:crypto";
import type { Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Issuer } from "./tokens.ts";

/** Who may ask for tokens. */
export interface LoginClient {
  readonly id: string;
  readonly secret: string;
}

interface Granted {
  readonly redirectUri: string;
  readonly challenge: string | null;
  readonly scope: string | null;
}

export class LoginServer implements AsyncDisposable {
  /** Kinds of grants for which tokens were given, in this order. */
  readonly grants: string[] = [];
  readonly #server: Server;
  readonly #issuer: Issuer;
  readonly #client: LoginClient;
  readonly #codes = new Map<string, Granted>();

  private constructor(issuer: Issuer, client: LoginClient) {
    this.#issuer = issuer;
    this.#client = client;
    this.#server = createServer((request, response) => {
      const url = new URL(request.url ?? "/", "http://login.test");
      if (url.pathname === "/authorize") this.#authorize(url.searchParams, response);
      else if (url.pathname === "/token")
        void text(request).then((body) => this.#token(new URLSearchParams(body), response));
      else answer(response, 404, {});
    });
  }

  static async start(issuer: Issuer, client: LoginClient): Promise<LoginServer> {
    const server = new LoginServer(issuer, client);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    return server;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    return promise;
  }

  #authorize(query: URLSearchParams, response: ServerResponse): void {
    const redirectUri = query.get("redirect_uri") ?? "";
    const code = `code-${this.#codes.size}`;
    this.#codes.set(code, { redirectUri, challenge: query.get("code_challenge"), scope: query.get("scope") });
    const back = new URL(redirectUri);
    back.searchParams.set("code", code);
    back.searchParams.set("state", query.get("state") ?? "");
    response.writeHead(302, { location: back.href }).end();
  }

  #token(form: URLSearchParams, response: ServerResponse): void {
    const kind = form.get("grant_type") ?? "";
    const isClient = form.get("client_id") === this.#client.id && form.get("client_secret") === this.#client.secret;
    if (!isClient || !(kind === "refresh_token" ? this.#isRenewable(form) : this.#isGranted(form))) {
      answer(response, 401, { error: "invalid_grant" });
      return;
    }
    this.grants.push(kind);
    const scope = this.#codes.get(form.get("code") ?? "")?.scope ?? "";
    answer(response, 200, {
      access_token: this.#issuer.token({ sub: "ann", scope, n: this.grants.length }),
      id_token: this.#issuer.token({ sub: "ann", aud: this.#client.id }),
      refresh_token: "renew-me",
      token_type: "Bearer",
      expires_in: 3_600,
    });
  }

  #isRenewable(form: URLSearchParams): boolean {
    return form.get("refresh_token") === "renew-me";
  }

  #isGranted(form: URLSearchParams): boolean {
    const granted = this.#codes.get(form.get("code") ?? "");
    const verifier = createHash("sha256")
      .update(form.get("code_verifier") ?? "")
      .digest("base64url");
    return granted !== undefined && granted.redirectUri === form.get("redirect_uri") && granted.challenge === verifier;
  }
}

function answer(response: ServerResponse, status: number, json: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
}
