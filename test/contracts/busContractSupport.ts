/** What every `Bus` must do, whatever carries it (3-interface §1). */
import { expect } from 'vitest';
import { z } from 'zod';
import type { Bus, BusOptions, BusStatus } from '../../bus/index.ts';
import type { Frame, HeaderList } from '../../bus/transport.ts';
import { type Role, roles, type VerbSpec } from '../../protocol/index.ts';

/** A client that speaks subjects and bytes, without a bus. */
export interface RawClient {
  publish(subject: string, data: string | Uint8Array, headers?: HeaderList, reply?: string): void;
  subscribe(subject: string, handler: (frame: Frame) => void): void;
  flush(): Promise<void>;
}

export interface CuttableBus {
  readonly bus: Bus;
  cut(): Promise<void>;
  restore(): Promise<void>;
}

export interface BusUnderTest {
  connect(node: string, role: Role, options?: Partial<BusOptions>): Promise<Bus>;
  raw(node: string): Promise<RawClient>;
  /** A bus whose connection can be lost while the others keep theirs. */
  connectCuttable(node: string, role: Role, options?: Partial<BusOptions>): Promise<CuttableBus>;
  readonly maxPayload: number;
}

export const verb = (spec: Partial<VerbSpec> = {}): VerbSpec => ({
  summary: 'For tests.',
  request: z.looseObject({}),
  reply: z.unknown(),
  askedBy: roles,
  answeredBy: ['validator', 'device', 'host'],
  any: false,
  ...spec,
});

/** The verbs of the contract; the server's permissions come from the same table. */
export const contractVerbs: Readonly<Record<string, VerbSpec>> = {
  'test.echo': verb({ any: true }),
  'test.add': verb({ request: z.object({ a: z.int(), terms: z.array(z.int()) }) }),
  'test.other': verb(),
  'test.late': verb(),
};

export const contractCluster = 'test';
export const prefix = `iso.v1.${contractCluster}.`;
export const code = (expected: string) => expect.objectContaining({ code: expected });
export const text = (frame: Frame) => new TextDecoder().decode(frame.data);

/** The next value given to `push`, in order; a test that waits for one that never comes times out. */
export const inbox = <T>() => {
  const waiting: ((value: T) => void)[] = [];
  const values: T[] = [];
  return {
    push: (value: T): void => {
      const next = waiting.shift();
      if (next === undefined) values.push(value);
      else next(value);
    },
    next: (): Promise<T> =>
      new Promise((resolve) => {
        if (values.length > 0) resolve(values.shift() as T);
        else waiting.push(resolve);
      }),
    seen: values,
  };
};

/** Blocks the event loop, as work that does not yield would. */
export const spin = (ms: number): void => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

/** An answer that waits until the test lets it go. */
export const held = () => {
  let release = (): void => undefined;
  let arrived = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const waiting = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  return {
    waiting,
    release: () => release(),
    wait: async (): Promise<unknown> => {
      arrived();
      await released;
      return { done: true };
    },
  };
};

export const statusOf = (bus: Bus, type: BusStatus['type']): Promise<BusStatus> =>
  new Promise((resolve) => {
    if (bus.status().type === type) return resolve(bus.status());
    const stop = bus.onStatus((status) => {
      if (status.type !== type) return;
      stop();
      resolve(status);
    });
  });
