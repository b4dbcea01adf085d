// onced config: what serve would use, and where each value comes from.

import { Command } from 'commander';
import { addSettingFlags, settingsOf } from './settings.ts';
import { table } from './table.ts';

export function configCommand(): Command {
  const command = new Command('config').description('show each setting and where it comes from; serves nothing');
  return addSettingFlags(command)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  onced config --config onced.yaml\n')
    .action(() => {
      const loaded = settingsOf(command);
      if (loaded === undefined) return;
      const { entries, warnings } = loaded;
      if (command.opts<{ json?: true }>().json === true) {
        console.log(JSON.stringify({ settings: entries, warnings }, null, 2));
        return;
      }
      const rows = entries.map(({ name, value, source, where }) => [
        name,
        value,
        where === '' ? source : `${source} ${where}`,
      ]);
      console.log(table(['setting', 'value', 'from'], rows));
      for (const warning of warnings) console.error(`warning: ${warning}`);
    });
}
