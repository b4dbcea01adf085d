// A load process: connects one driver to one server and runs the windows it is told to. It lives for the whole
// benchmark, so that its code is warm and its connections stand when its turn comes again.

import type { Driver, DriverModule, Operate, Work } from '../drivers/driver.ts';
import { measureWindow } from '../harness/window.ts';
import type { FromLoad, ToLoad } from './protocol.ts';

let driver: Driver | undefined;
const prepared = new Map<string, Operate | undefined>();

process.on('message', (message: ToLoad) => {
  void carryOut(message)
    .catch((error: unknown): FromLoad => ({
      kind: 'failed',
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    }))
    .then((answer) => process.send?.(answer));
});
// The benchmark is gone: nobody is left to measure for.
process.on('disconnect', () => process.exit(0));

async function carryOut(message: ToLoad): Promise<FromLoad> {
  if (message.kind === 'connect') {
    const module = (await import(`../drivers/${message.driver}.ts`)) as DriverModule;
    driver = await module.connect(message.target);
    return { kind: 'done' };
  }
  const operate = await operationFor(message.work);
  if (operate === undefined) return { kind: 'unsupported' };
  if (message.kind === 'prepare') return { kind: 'done' };
  return { kind: 'result', result: await measureWindow(operate, message.request) };
}

/** Prepared once: a replay needs outcomes to replay, a takeover needs leases that ran out. */
async function operationFor(work: Work): Promise<Operate | undefined> {
  if (driver === undefined) throw new Error('connect first');
  const name = JSON.stringify(work);
  if (!prepared.has(name)) prepared.set(name, await driver.prepare(work));
  return prepared.get(name);
}
