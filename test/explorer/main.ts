/** `npm run explore`: walks two Connections through every order of calls, to the depth that is asked for. */

import { parseArgs } from 'node:util';
import { explore, inWords } from './explore.ts';
import { SCENARIOS } from './scenarios.ts';

const USAGE = `Usage: npm run explore -- [--depth N]

Walks two connections with a channel between them through every order of sends, closes, failures, halts, cuts and lost
transports, N calls long at most (default 10), and prints how many states there are.

Ends with 0 when nothing was reached that must not be, with 1 otherwise, with 2 when the arguments are wrong.
`;

function readDepth(): number | undefined {
  try {
    const { values } = parseArgs({ options: { depth: { type: 'string', default: '10' }, help: { type: 'boolean' } } });
    if (!values.help && /^[1-9]\d?$/.test(values.depth)) return Number(values.depth);
    if (!values.help) console.log(`--depth must be a whole number from 1 to 99; got '${values.depth}'\n`);
    process.exitCode = values.help ? 0 : 2;
  } catch (error) {
    console.log(`${(error as Error).message}\n`);
    process.exitCode = 2;
  }
  console.log(USAGE);
  return undefined;
}

const maxDepth = readDepth();
if (maxDepth !== undefined) {
  let all = 0;
  for (const scenario of SCENARIOS) {
    const start = performance.now();
    const { states, steps, depth, isComplete, breach } = explore(scenario, maxDepth);
    all += states;
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const how = isComplete ? 'all there are' : `${depth} calls deep`;
    const counts = `${states.toLocaleString('en')} states, ${steps.toLocaleString('en')} calls`;
    console.log(`${scenario.name.padEnd(26)} ${counts}, ${how}, ${seconds} s`);
    if (breach === undefined) continue;
    console.log(`FOUND ${breach.message}\n  behind ${inWords(breach.calls) || 'no call at all'}`);
    process.exitCode = 1;
  }
  console.log(`${all.toLocaleString('en')} states`);
}
