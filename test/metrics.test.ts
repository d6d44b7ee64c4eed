/** Metrics: counters and gauges that no peer can make grow without bound. */
import { describe, expect, it } from 'vitest';
import { createMetrics, labelValuesMax, seriesMax } from '../actors/system/metrics.ts';

describe('metrics', () => {
  it('counts and gauges, by name and labels, whatever the order of labels', () => {
    const metrics = createMetrics();
    metrics.count('beacons_refused_total', { reason: 'stale', from: 'validator-2' });
    metrics.count('beacons_refused_total', { from: 'validator-2', reason: 'stale' }, 2);
    metrics.count('beacons_refused_total');
    metrics.gauge('offset_ms', 1.5);
    metrics.gauge('offset_ms', -0.5);
    expect(metrics.read()).toEqual(
      [
        { name: 'beacons_refused_total', labels: { reason: 'stale', from: 'validator-2' }, value: 3 },
        { name: 'beacons_refused_total', labels: {}, value: 1 },
        { name: 'offset_ms', labels: {}, value: -0.5 },
      ].map((sample) => expect.objectContaining(sample)),
    );
  });

  it('reads a moment, not a view', () => {
    const metrics = createMetrics();
    metrics.count('asks_total');
    const [before] = metrics.read();
    metrics.count('asks_total');
    expect(before?.value).toBe(1);
  });

  it('keeps a bounded number of values of a label and counts the rest as other, losing none', () => {
    const metrics = createMetrics();
    for (let i = 0; i < 10_000; i++) metrics.count('frames_total', { from: `n${i}`, reason: 'forged' });
    const samples = metrics.read();
    expect(samples).toHaveLength(labelValuesMax + 1);
    expect(samples.at(-1)).toEqual({
      name: 'frames_total',
      labels: { from: 'other', reason: 'forged' },
      value: 10_000 - labelValuesMax,
    });
    expect(samples.reduce((sum, { value }) => sum + value, 0)).toBe(10_000);
  });

  it('bounds the combinations of several labels too', () => {
    const metrics = createMetrics();
    for (let a = 0; a < 60; a++) for (let b = 0; b < 60; b++) metrics.count('x_total', { a: `${a}`, b: `${b}` });
    const samples = metrics.read();
    expect(samples).toHaveLength(seriesMax + 1);
    expect(samples.at(-1)?.labels).toEqual({ a: 'other', b: 'other' });
    expect(samples.reduce((sum, { value }) => sum + value, 0)).toBe(3_600);
  });

  it('does not confuse labels whose texts run together', () => {
    const metrics = createMetrics();
    metrics.count('x_total', { a: 'b","c' });
    metrics.count('x_total', { a: 'b', c: '' });
    expect(metrics.read()).toHaveLength(2);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('refuses to count by %s', (by) => {
    expect(() => createMetrics().count('x_total', {}, by)).toThrow(RangeError);
  });

  it('refuses a gauge that is no number, a name that is none, and a name used both ways', () => {
    const metrics = createMetrics();
    expect(() => metrics.gauge('x', Number.NaN)).toThrow(RangeError);
    for (const name of ['', 'Upper', 'with-dash', '1st']) expect(() => metrics.count(name)).toThrow(TypeError);
    metrics.count('x_total');
    expect(() => metrics.gauge('x_total', 1)).toThrow('x_total is a counter, not a gauge');
  });
});
