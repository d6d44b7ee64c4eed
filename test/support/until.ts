/** Waits for something that nobody announces, by looking again and again. Fails after a while with what it waited for. */
import { createClock, delay } from '../../actors/index.ts';

const clock = createClock();
const pollMs = 50;
/** Far beyond what any healthy machine needs. */
const patienceMs = 40_000;

/** The first value that is not undefined; what `look` throws counts as nothing yet. */
export const until = async <T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> => {
  const endMs = clock.elapsed() + patienceMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      last = error;
    }
    if (clock.elapsed() > endMs) throw new Error(`waited in vain: ${what}`, { cause: last });
    await delay(clock, pollMs);
  }
};
