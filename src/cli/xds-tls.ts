/**
 * The certificate, key and client CA of the xDS port: read at start, and again whenever the files change.
 *
 * At start a mistake ends the program with its flag and file; later it is told, and what was there stays, because a tool that renews certificates may be halfway through.
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

/** What the files hold, when all is well with them. */
interface ReadTls {
  readonly tls: GrpcTls;
  /** Milliseconds since the epoch. */
  readonly validUntilMs: number;
  readonly isValidNow: boolean;
}

/** What a change of the files came to: what they hold from now on, or each mistake in them. */
type Renewal = Result<ReadTls, readonly string[]>;

export interface XdsTlsOptions {
  readonly paths: XdsTlsPaths;
  readonly clock: Clock;
  onWarning(text: string): void;
}

/** Open from the first read to `close`. */
export class XdsTls {
  readonly #options: XdsTlsOptions;
  readonly #files: ReferencedFiles;
  #onChange: (renewal: Renewal) => void = () => undefined;

  private constructor(options: XdsTlsOptions) {
    const { clock, onWarning } = options;
    this.#options = options;
    this.#files = new ReferencedFiles({
      clock,
      open: (paths) => new DirectorySource({ ...referencedFiles(paths), clock, onWarning }),
      onChange: () => this.#onChange(this.#read()),
    });
  }

  /** Reads the files; throws a `FairwayError` that names every mistake. */
  static async open(options: XdsTlsOptions): Promise<{ readonly files: XdsTls; readonly tls: GrpcTls }> {
    const files = new XdsTls(options);
    const { paths, onWarning } = options;
    const { cert, key, clientCa } = paths;
    await files.#files.read([...new Set([cert, key, ...(clientCa === undefined ? [] : [clientCa])])]);
    const read = files.#read();
    if (read.ok) {
      if (!read.value.isValidNow) {
        onWarning(`--xds-cert ${cert} holds a certificate that is not valid now; Envoys will not connect`);
      }
      return { files, tls: read.value.tls };
    }
    await files.close();
    throw new FairwayError("TLS_UNREADABLE", read.error.join("; "));
  }

  /** From now on `listener` is given what a change of the files came to. */
  follow(listener: (renewal: Renewal) => void): void {
    this.#onChange = listener;
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  #read(): Renewal {
    const { paths, clock } = this.#options;
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
    const isValidNow = clock.nowMs() >= fromMs && clock.nowMs() <= toMs;
    return ok({ tls: { cert, key, clientCa }, validUntilMs: toMs, isValidNow });
  }
}
