/** The whole contract of a bus, run for the in-memory twin and for NATS. */
import { busAsksContract } from './busAsksContract.ts';
import type { BusUnderTest } from './busContractSupport.ts';
import { busEdgesContract } from './busEdgesContract.ts';
import { busMessagesContract } from './busMessagesContract.ts';
import { busResilienceContract } from './busResilienceContract.ts';

export * from './busContractSupport.ts';

export const busContract = (given: () => BusUnderTest): void => {
  busMessagesContract(given);
  busAsksContract(given);
  busEdgesContract(given);
  busResilienceContract(given);
};
