/** A prefix that is followed for a test, with everything that was told of it. */
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import type { EtcdPort } from "../../src/etcd/etcd-port.ts";
import type { Contact, FollowTimes } from "../../src/etcd/follow-prefix.ts";
import { PrefixFollower } from "../../src/etcd/follow-prefix.ts";
import { systemClock } from "../../src/support/clock.ts";
import { eventually } from "../support/eventually.ts";

/** Everything sooner than in production, so that a test need not wait. */
const quickTimes: Partial<FollowTimes> = { pingMs: 100, silentMs: 800, retryMsMin: 20, retryMsMax: 200 };

export interface FollowedOptions {
  readonly endpoints: readonly string[];
  readonly prefix: string;
  readonly times?: Partial<FollowTimes>;
  readonly timeoutMs?: number;
  /** Puts something between the follower and etcd. */
  readonly through?: (etcd: EtcdPort) => EtcdPort;
}

export class FollowedPrefix {
  /** Every state, as text by key. */
  readonly states: ReadonlyMap<string, string>[] = [];
  readonly contacts: Contact[] = [];
  lostCount = 0;
  readonly #client: EtcdClient;
  readonly #follower: PrefixFollower;

  constructor({ endpoints, prefix, times, timeoutMs, through }: FollowedOptions) {
    this.#client = new EtcdClient({ endpoints, clock: systemClock, timeoutMs: timeoutMs ?? 1_000 });
    this.#follower = new PrefixFollower({
      etcd: through === undefined ? this.#client : through(this.#client),
      prefix,
      clock: systemClock,
      random: Math.random,
      times: { ...quickTimes, ...times },
      follower: {
        changed: (entries, { lostCount }) => {
          const texts = [...entries].map(([key, { value }]) => [key, Buffer.from(value).toString()] as const);
          this.states.push(new Map(texts));
          this.lostCount += lostCount;
        },
        contact: (contact) => void this.contacts.push(contact),
      },
    });
  }

  /** How it stands with etcd. */
  get contact(): Contact["kind"] | undefined {
    return this.contacts.at(-1)?.kind;
  }

  get state(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.states.at(-1) ?? []);
  }

  /** Resolves when the newest state is this one. */
  async has(expected: Readonly<Record<string, string>>, timeoutMs = 10_000): Promise<void> {
    const wanted = sortedText(expected);
    const isSo = () => sortedText(this.state) === wanted;
    await eventually(`the state ${wanted}, not ${JSON.stringify(this.state)}`, isSo, { timeoutMs });
  }

  async reaches(kind: Contact["kind"], timeoutMs = 10_000): Promise<void> {
    await eventually(`contact that is ${kind}`, () => this.contact === kind, { timeoutMs });
  }

  acceptOlder(): void {
    this.#follower.acceptOlder();
  }

  [Symbol.dispose](): void {
    this.#follower.close();
    this.#client.close();
  }
}

function sortedText(state: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(state).toSorted(([left], [right]) => (left < right ? -1 : 1)));
}
