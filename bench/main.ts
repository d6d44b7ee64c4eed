/** `npm run -s bench -- <name> [--json]`: runs one bench and prints its report. Exit 0 when it could measure, whatever the figures. */
import { type Bench, BenchError, renderReport } from './report.ts';

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  bus: async () => (await import('./bus/bench.ts')).busBench,
  failover: async () => (await import('./cluster/failover.ts')).failoverBench,
  idle: async () => (await import('./cluster/idle.ts')).idleBench,
};

const USAGE = 2;
const FAILED = 1;

const main = async (argv: readonly string[]): Promise<number> => {
  const [name = '', ...rest] = argv.filter((arg) => arg !== '--json');
  const load = Object.hasOwn(benches, name) ? benches[name] : undefined;
  if (load === undefined) {
    process.stderr.write(`usage: npm run -s bench -- <${Object.keys(benches).join('|')}> [--json]\n`);
    return USAGE;
  }
  try {
    const bench = await load();
    const report = await bench.run(rest, (line) => process.stderr.write(`${line}\n`));
    process.stdout.write(argv.includes('--json') ? `${JSON.stringify(report)}\n` : renderReport(report));
    return 0;
  } catch (error) {
    const expected = error instanceof BenchError || (error instanceof Error && 'code' in error);
    process.stderr.write(
      `bench ${name}: ${expected ? error.message : String(error instanceof Error ? error.stack : error)}\n`,
    );
    return FAILED;
  }
};

process.exitCode = await main(process.argv.slice(2));
