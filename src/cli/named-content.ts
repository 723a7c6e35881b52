/**
 * What documents name outside of themselves, read and watched while they name it: files on this machine, and keys of etcd.
 */
import { DirectorySource } from "../config/directory-source.ts";
import { secretKeyOf } from "../config/etcd-secret-keys.ts";
import { EtcdSecrets, keysWithoutEtcd } from "../config/etcd-secrets.ts";
import { MergedSource } from "../config/merged-source.ts";
import type { FilesChange, FilesState } from "../config/referenced-files.ts";
import { ReferencedFiles, referencedFiles } from "../config/referenced-files.ts";
import type { Source } from "../config/source.ts";
import type { EtcdPort } from "../etcd/etcd-port.ts";
import type { Contact } from "../etcd/follow-prefix.ts";
import type { Clock } from "../support/clock.ts";
import type { EtcdInput } from "./replica-standing.ts";

export interface NamedContentOptions {
  readonly clock: Clock;
  /** Where keys are; absent where there is none. */
  readonly etcd: EtcdPort | undefined;
  /** `state` is another one now. */
  readonly onChange: (change: FilesChange) => void;
  readonly onWarning?: ((text: string) => void) | undefined;
  /** How the prefix of the keys is now; undefined when it is followed no more. */
  readonly onContact: (prefix: string, contact: Contact | undefined) => void;
  /** More of etcd is known, with or without a change. */
  readonly onReached: () => void;
}

/** Reads and watches what was last asked for, until it is closed. */
export class NamedContent {
  /** How far the keys have come; nothing where none is named. */
  readonly input: EtcdInput;
  readonly #options: NamedContentOptions;
  readonly #files: ReferencedFiles;
  readonly #secrets: EtcdSecrets | undefined;

  constructor(options: NamedContentOptions) {
    const { clock, etcd, onContact, onReached, onChange } = options;
    this.#options = options;
    this.#secrets = etcd && new EtcdSecrets({ etcd, clock, random: Math.random, onContact, onReached });
    this.#files = new ReferencedFiles({ clock, open: (paths) => this.#open(paths), onChange });
    const files = this.#files;
    const secrets = this.#secrets;
    this.input = {
      // What waits for the other half of a pair is in no build yet.
      get reached() {
        return (files.isWaiting ? files.state.etcd : secrets?.reached) ?? new Map<string, number>();
      },
      lookAgain: async () => secrets?.lookAgain(),
    };
  }

  get state(): FilesState {
    return this.#files.state;
  }

  /** From now on these and no others; `state` has them when the promise resolves. */
  async read(paths: readonly string[]): Promise<void> {
    await this.#files.read(paths);
    this.#secrets?.settle();
  }

  async close(): Promise<void> {
    await this.#files.close();
    this.#secrets?.close();
  }

  #open(paths: readonly string[]): Source {
    const { clock, onWarning } = this.#options;
    const keys = paths.filter((path) => secretKeyOf(path) !== undefined);
    const files = paths.filter((path) => secretKeyOf(path) === undefined);
    const sources: readonly Source[] = [
      ...(files.length > 0 ? [new DirectorySource({ ...referencedFiles(files), clock, onWarning })] : []),
      ...(keys.length > 0 ? [this.#secrets?.open(keys) ?? keysWithoutEtcd(keys, clock)] : []),
    ];
    const [only, ...more] = sources;
    return only !== undefined && more.length === 0 ? only : new MergedSource(sources);
  }
}
