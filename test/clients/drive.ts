// One server, and the runners of several languages on the same namespace: each carries out clients/vectors/scenarios.json,
// then asks again for what the others have done. Prints what differs from the file; the last line counts, as .ci/run reads it.
//
//   node test/clients/drive.ts node='node test/clients/runner.ts' go='clients/go/bin/scenarios'

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runOnced, serveOnced } from '../support/onced.ts';
import type { Told } from './faults.ts';
import { differences, idleFaults, wrongEffects, type Report, type Runner, type Scenario } from './judge.ts';
import { PAGE_ORIGIN } from './page-origin.ts';
import { askRunner, startProxy } from './processes.ts';

const FILE = fileURLToPath(new URL('../../clients/vectors/scenarios.json', import.meta.url));

const runners = process.argv.slice(2).map((argument): Runner => {
  const at = argument.indexOf('=');
  if (at < 1) throw new Error(`not NAME=COMMAND: ${argument}`);
  return { name: argument.slice(0, at), command: argument.slice(at + 1) };
});
if (runners.length === 0) throw new Error('name at least one runner: NAME=COMMAND');
const { scenarios } = JSON.parse(readFileSync(FILE, 'utf8')) as { scenarios: Scenario[] };
process.exitCode = await drive();

async function drive(): Promise<number> {
  await using server = await serveOnced(['--store', 'memory:', '--log-level', 'error', '--cors-origins', PAGE_ORIGIN]);
  const namespace = `scenarios/${randomUUID()}`;
  await holdOrphans(server.grpc, `${namespace}/hold`);
  const place = { namespace, scenarios: FILE, server: server.grpc, server_http: server.http };

  const ran = await Promise.all(
    runners.map(async (runner) => {
      await using proxy = await startProxy(server);
      console.log(`${runner.name}: faults of seed ${proxy.seed}`);
      const network = { proxy: proxy.grpc, proxy_http: proxy.http, control: proxy.control };
      const report = await askRunner(runner, { ...place, ...network, phase: 'run', owners: [] });
      const told = (await (await fetch(proxy.control)).json()) as Told;
      return { report, idle: idleFaults(runner, told, scenarios) };
    }),
  );
  const replayed = await Promise.all(
    runners.map(async (runner) => {
      const owners = runners.map(({ name }) => name);
      return askRunner(runner, { ...place, phase: 'replay', owners });
    }),
  );
  const reports = [...ran.map(({ report }) => report), ...replayed];
  return tell(
    reports,
    ran.flatMap(({ idle }) => idle),
  );
}

async function holdOrphans(address: string, namespace: string): Promise<void> {
  const args = ['namespaces', 'set', namespace, 'on_lease_expiry=HOLD', '--server', address, '--reason', 'scenarios'];
  const { code, stderr } = await runOnced(args);
  if (code !== 0) throw new Error(`no policy: ${stderr}`);
}

function tell(reports: readonly Report[], idle: readonly string[]): number {
  const judged = reports.flatMap((report) => differences(report, scenarios, runners));
  const wrong = [...judged.filter((line) => line !== undefined), ...wrongEffects(reports, scenarios, runners), ...idle];
  for (const line of wrong) console.log(`  ${line}`);
  console.log(`${judged.length - judged.filter((line) => line !== undefined).length} passed, ${wrong.length} failed`);
  return wrong.length === 0 ? 0 : 1;
}
