/**
 * The certificate, key and client CA of the xDS port: read at start, and again whenever the files change.
 *
 * At start a mistake ends the program with its flag and file; later it is a warning, and what was there
 * stays, because a tool that renews certificates may be halfway through.
 */
import { resolve } from "node:path";
import { DirectorySource } from "../config/directory-source.ts";
import { ReferencedFiles, referencedFiles } from "../config/referenced-files.ts";
import type { GrpcTls } from "../grpc/grpc-server.ts";
import { examineAuthorities, examinePair } from "../model/examine-pem.ts";
import type { Clock } from "../support/clock.ts";
import { FairwayError } from "../support/fairway-error.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";

/** Paths as they were typed. */
export interface XdsTlsPaths {
  readonly cert: string;
  readonly key: string;
  readonly clientCa?: string | undefined;
}

export interface XdsTlsOptions {
  readonly paths: XdsTlsPaths;
  readonly clock: Clock;
  onWarning(text: string): void;
}

/** Open from the first read to `close`. */
export class XdsTls {
  readonly #options: XdsTlsOptions;
  readonly #files: ReferencedFiles;
  #onRenewed: (tls: GrpcTls) => void = () => undefined;

  private constructor(options: XdsTlsOptions) {
    const { clock, onWarning } = options;
    this.#options = options;
    this.#files = new ReferencedFiles({
      clock,
      open: (paths) => new DirectorySource({ ...referencedFiles(paths), clock, onWarning }),
      onChange: () => this.#renew(),
    });
  }

  /** Reads the files; throws a `FairwayError` that names every mistake. */
  static async open(options: XdsTlsOptions): Promise<{ readonly files: XdsTls; readonly tls: GrpcTls }> {
    const files = new XdsTls(options);
    const { cert, key, clientCa } = options.paths;
    await files.#files.read([...new Set([cert, key, ...(clientCa === undefined ? [] : [clientCa])])]);
    const tls = files.#read();
    if (tls.ok) return { files, tls: tls.value };
    await files.close();
    throw new FairwayError("TLS_UNREADABLE", tls.error.join("; "));
  }

  /** From now on `listener` is given what a change of the files came to. */
  follow(listener: (tls: GrpcTls) => void): void {
    this.#onRenewed = listener;
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  #renew(): void {
    const tls = this.#read();
    if (tls.ok) this.#onRenewed(tls.value);
    else this.#options.onWarning(`the xDS port keeps the certificate it has: ${tls.error.join("; ")}`);
  }

  #read(): Result<GrpcTls, readonly string[]> {
    const { paths, clock, onWarning } = this.#options;
    const { documents, problems } = this.#files.state;
    if (problems.length > 0) return err(problems.map(({ path, message }) => `${path}: ${message}`));
    const texts = new Map(documents.map(({ path, bytes }) => [resolve(path), Buffer.from(bytes).toString()]));
    const textOf = (path: string) => texts.get(resolve(path)) ?? "";
    const [cert, key] = [textOf(paths.cert), textOf(paths.key)];
    const pair = examinePair({ certificate: cert, privateKey: key });
    const mistakes = pair.problems.map(({ part, message, hint }) =>
      part === "certificate"
        ? `--xds-cert ${paths.cert} ${message}: ${hint}`
        : `--xds-key ${paths.key} ${message}: ${hint}`,
    );
    const clientCa = paths.clientCa === undefined ? undefined : textOf(paths.clientCa);
    for (const { message, hint } of clientCa === undefined ? [] : examineAuthorities(clientCa).problems) {
      mistakes.push(`--xds-client-ca ${paths.clientCa} ${message}: ${hint}`);
    }
    if (mistakes.length > 0) return err(mistakes);
    const { fromMs, toMs } = pair.validity ?? { fromMs: 0, toMs: Infinity };
    if (clock.nowMs() < fromMs || clock.nowMs() > toMs) {
      onWarning(`--xds-cert ${paths.cert} holds a certificate that is not valid now; Envoys will not connect`);
    }
    return ok({ cert, key, clientCa });
  }
}
