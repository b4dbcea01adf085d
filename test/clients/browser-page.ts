// What test/clients/browser-runner.ts loads into a page.

import { createConnectClient } from '../../clients/web/connect/index.ts';
import { carryOutAll, type Asked, type Carried, type Scenario } from './carry-out.ts';

export interface PageQuestion extends Asked {
  readonly server_http: string;
  readonly proxy_http?: string;
}

declare global {
  /** The runner's, since the faulty network takes orders from programs only. */
  var setFaults: (faults: unknown) => Promise<void>;
  var carryOut: (asked: PageQuestion, scenarios: readonly Scenario[]) => Promise<Carried>;
}

globalThis.carryOut = async (asked, scenarios) =>
  carryOutAll(asked, {
    scenarios,
    straight: createConnectClient({ baseUrl: asked.server_http }),
    through: createConnectClient({ baseUrl: asked.proxy_http ?? asked.server_http }),
    setFaults: globalThis.setFaults,
  });
