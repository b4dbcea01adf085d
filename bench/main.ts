// `npm run bench`: the agreed workload, or the part of it that the options pick.

import { parseArguments } from './options.ts';
import { runBenchmark } from './workload.ts';

await runBenchmark(parseArguments(process.argv.slice(2)));
process.exit(0);
