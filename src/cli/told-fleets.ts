/**
 * The nodes of the other replicas, and what they are told of those here.
 */
import type { EtcdPort } from "../etcd/etcd-port.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { FleetSummary } from "../fleet/fleet-summary.ts";
import { packSummary, readSummary, summaryText } from "../fleet/fleet-summary.ts";
import type { FleetBoardOptions, Told } from "../store/fleet-board.ts";
import { FleetBoard } from "../store/fleet-board.ts";

export interface ToldFleetsOptions extends Pick<FleetBoardOptions, "clock" | "keys" | "onContact" | "onReplicas"> {
  readonly etcd: EtcdPort;
  fleet(): Fleet;
}

export class ToldFleets {
  readonly #board: FleetBoard;
  /** What was told is unpacked when somebody looks. */
  readonly #read = new WeakMap<Told, { readonly summary: FleetSummary | undefined }>();
  #lastText = "";

  constructor({ fleet, ...options }: ToldFleetsOptions) {
    this.#board = new FleetBoard({
      ...options,
      random: Math.random,
      summary: async () => {
        const text = summaryText(fleet());
        if (text === this.#lastText) return undefined;
        const packed = await packSummary(fleet(), text);
        this.#lastText = text;
        return packed;
      },
    });
  }

  /** Something has happened to a node. */
  changed(): void {
    this.#board.changed();
  }

  others(): readonly FleetSummary[] {
    return this.#board.others.flatMap((told) => {
      let read = this.#read.get(told);
      if (read === undefined) {
        this.#read.set(told, (read = { summary: readSummary(told.replica, told.bytes, told.atMs) }));
      }
      return read.summary ?? [];
    });
  }

  close(): void {
    this.#board.close();
  }
}
