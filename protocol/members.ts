/** Finds members of a snapshot by what messages name them with. */
import { toHex } from './bytes.ts';
import type { Member, Snapshot } from './membershipTypes.ts';

export class Members {
  readonly all: readonly Member[];
  /** By rank, highest first: who wins an election. */
  readonly validators: readonly Member[];
  readonly devices: readonly Member[];
  readonly #byName: ReadonlyMap<string, Member>;
  readonly #byMac: ReadonlyMap<string, Member>;
  readonly #byPeerId: ReadonlyMap<string, Member>;

  constructor(snapshot: Pick<Snapshot, 'members'>) {
    this.all = snapshot.members;
    this.validators = this.all
      .filter((member) => member.role === 'validator')
      .sort((a, b) => (b.rank ?? 0) - (a.rank ?? 0));
    this.devices = this.all.filter((member) => member.role === 'device');
    this.#byName = new Map(this.all.map((member) => [member.name, member]));
    this.#byMac = new Map(this.all.map((member) => [toHex(member.mac), member]));
    this.#byPeerId = new Map(this.all.map((member) => [member.peerId, member]));
  }

  byName(name: string): Member | undefined {
    return this.#byName.get(name);
  }

  /** Six bytes as radio messages carry them, or the same in hex without colons. */
  byMac(mac: Uint8Array | string): Member | undefined {
    return this.#byMac.get(typeof mac === 'string' ? mac : toHex(mac));
  }

  byPeerId(peerId: string): Member | undefined {
    return this.#byPeerId.get(peerId);
  }

  byRank(rank: number): Member | undefined {
    return this.validators.find((member) => member.rank === rank);
  }
}
