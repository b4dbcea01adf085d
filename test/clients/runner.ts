// The runner of the Node client: carries out clients/vectors/scenarios.json and prints what happened.
// An argument before the last one names the transport (unary, so that faults can be told by call; or session).

import { readFileSync } from 'node:fs';
import { createClient } from '../../clients/node/index.ts';
import { carryOutAll, type Asked, type Scenario } from './carry-out.ts';

interface Question extends Asked {
  readonly scenarios: string;
  readonly server: string;
  readonly proxy?: string;
  readonly control?: string;
}

const [transport = 'unary', argument = ''] = process.argv.slice(2);
const asked = JSON.parse(argument) as Question;
const { scenarios } = JSON.parse(readFileSync(asked.scenarios, 'utf8')) as { scenarios: Scenario[] };
const options = { transport: transport as 'unary' | 'session' };
const carried = await carryOutAll(asked, {
  scenarios,
  straight: createClient({ address: asked.server, ...options }),
  through: createClient({ address: asked.proxy ?? asked.server, ...options }),
  async setFaults(faults) {
    await fetch(asked.control ?? '', { method: 'POST', body: JSON.stringify(faults) });
  },
});
// Not before all of it is written.
process.stdout.write(`${JSON.stringify(carried)}\n`, () => process.exit(0));
