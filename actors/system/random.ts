/**
 * Randomness: the operating system's in production, a seeded generator in simulation, so that a run repeats from its
 * printed seed. The generator is sfc32 (Doty-Humphrey, PractRand): 128 bits of state, period at least 2^32, no weak seeds
 * known; the seed is spread over the state by splitmix32.
 */
import { randomFillSync } from 'node:crypto';
import type { Random } from './world.ts';

/** Numbers drawn from the operating system at once, in bytes: one call costs as much as 4 kB of bytes. */
const poolBytes = 4096;

const twoTo32 = 2 ** 32;

/** 53 random bits of two 32-bit words, as a fraction. */
const toFraction = (high: number, low: number): number => ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;

class SystemRandom implements Random {
  readonly #pool = new DataView(new ArrayBuffer(poolBytes));
  #used = poolBytes;

  bytes(length: number): Uint8Array {
    return randomFillSync(new Uint8Array(length));
  }

  fraction(): number {
    if (this.#used === poolBytes) {
      randomFillSync(new Uint8Array(this.#pool.buffer));
      this.#used = 0;
    }
    const offset = this.#used;
    this.#used += 8;
    return toFraction(this.#pool.getUint32(offset), this.#pool.getUint32(offset + 4));
  }
}

/** Unpredictable: for nonces and keys as well as for jitter. */
export const createRandom = (): Random => new SystemRandom();

/** Repeatable randomness. Never for secrets. */
export interface SeededRandom extends Random {
  /** Print it when a run fails. */
  readonly seed: number;
  /**
   * An independent generator for one part of a simulation, from this seed and a name: what the others draw, and when
   * it is made, does not change it.
   */
  fork(name: string): SeededRandom;
}

const splitmix32 = (state: number): number => {
  let z = (state + 0x9e3779b9) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return (z ^ (z >>> 15)) >>> 0;
};

/** 53 bits of seed from a seed and a name (FNV-1a over the name, mixed with both halves of the seed). */
const forkSeed = (seed: number, name: string): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  const low = splitmix32(hash ^ seed);
  const high = splitmix32(low ^ Math.floor(seed / twoTo32));
  return (high >>> 11) * twoTo32 + low;
};

class Sfc32 implements SeededRandom {
  readonly seed: number;
  readonly #state: Uint32Array;

  constructor(seed: number) {
    this.seed = seed;
    const low = splitmix32(seed >>> 0);
    const high = splitmix32(Math.floor(seed / twoTo32) ^ low);
    this.#state = Uint32Array.of(low, high, splitmix32(low ^ high), 1);
    // The first outputs still show the seed; the author discards twelve.
    for (let i = 0; i < 12; i++) this.#word();
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i += 4) {
      const word = this.#word();
      for (let j = i; j < Math.min(i + 4, length); j++) bytes[j] = word >>> (8 * (j - i));
    }
    return bytes;
  }

  fraction(): number {
    return toFraction(this.#word(), this.#word());
  }

  fork(name: string): SeededRandom {
    return new Sfc32(forkSeed(this.seed, name));
  }

  #word(): number {
    const [a = 0, b = 0, c = 0, counter = 0] = this.#state;
    const word = (a + b + counter) >>> 0;
    this.#state[3] = counter + 1;
    this.#state[0] = b ^ (b >>> 9);
    this.#state[1] = c + (c << 3);
    this.#state[2] = ((c << 21) | (c >>> 11)) + word;
    return word;
  }
}

/**
 * The generator of a simulation.
 * @param seed integer in [0, 2^53)
 * @throws RangeError for any other seed: two different runs must never print the same one.
 */
export const createSeededRandom = (seed: number): SeededRandom => {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`a seed is an integer in [0, 2^53); got ${seed}`);
  return new Sfc32(seed);
};

/** Uniform integer in [0, `bound`). For jitter and simulation (53 bits: the bias is below 2^-21 for any 32-bit bound). */
export const integerBelow = (random: Random, bound: number): number => {
  if (!Number.isSafeInteger(bound) || bound < 1) throw new RangeError(`a bound is an integer above 0; got ${bound}`);
  return Math.floor(random.fraction() * bound);
};

/** `value` moved by up to ± `share` of itself: keeps nodes from acting in step. */
export const jitter = (random: Random, value: number, share: number): number =>
  value * (1 + share * (2 * random.fraction() - 1));
