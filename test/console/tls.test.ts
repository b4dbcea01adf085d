// The console by HTTPS, with the certificate of the gRPC port.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { loadConfig } from '../../server/config/load.ts';
import { startServer } from '../../server/main.ts';
import { describeWithChromium, launchChromium, openPage } from '../support/chromium.ts';
import { makeFolder } from '../support/onced.ts';
import { buildConsole } from '../support/build-console.ts';

describeWithChromium('the console over TLS', () => {
  test('shows figures and follows calls by HTTPS', async () => {
    buildConsole();
    await using folder = await makeFolder();
    const [key, certificate] = [join(folder.path, 'tls.key'), join(folder.path, 'tls.pem')];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
    const names = ['-subj', '/CN=onced.test', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync('openssl', ['req', '-x509', ...curve, ...names, '-keyout', key, '-out', certificate], {
      stdio: 'ignore',
    });
    const flags = {
      store: 'memory:',
      grpc: '127.0.0.1:0',
      http: '127.0.0.1:0',
      tlsCertificate: certificate,
      tlsKey: key,
    };
    const server = await startServer(loadConfig({ flags, environment: {} }).config, pino({ level: 'silent' }));
    try {
      await using browser = await launchChromium();
      await using console = await openPage(browser, { ignoreHTTPSErrors: true });
      await console.page.goto(`https://${server.httpAddress}/`);
      await console.page.getByRole('region', { name: 'Store' }).getByText('answers').waitFor();
      await console.page.keyboard.press('g');
      await console.page.keyboard.press('t');
      await console.page.getByText(/^Following/).waitFor();
      expect(console.faults).toEqual([]);
    } finally {
      await server.close('test over');
    }
  });
});
