/**
 * Two Connections with a channel between them, and everything that their users, transports and the network may do: each byte
 * chooses one of the calls that are possible. Virtual time: whatever has to be waited for is one of the calls.
 */

import { inWords } from '../../explorer/explore.ts';
import { EVERYTHING } from '../../explorer/scenarios.ts';
import { type Call, World } from '../../explorer/world.ts';
import type { FuzzTarget } from '../target.ts';
import { bytesTarget } from './support.ts';

const MAX_CALLS = 300;

function play(input: Uint8Array): Call[] {
  const [how = 0, ...choices] = input;
  const world = new World({ ...EVERYTHING, takesTurns: how % 2 === 1 });
  const calls: Call[] = [];
  for (const choice of choices.slice(0, MAX_CALLS)) {
    const possible = world.calls();
    if (possible.length === 0) break;
    const call = possible[choice % possible.length]!;
    calls.push(call);
    try {
      world.apply(call);
    } catch (error) {
      throw new Error(`${(error as Error).message}, behind ${inWords(calls)}`);
    }
  }
  try {
    world.finish();
  } catch (error) {
    throw new Error(`${(error as Error).message}, in the end, behind ${inWords(calls)}`);
  }
  return calls;
}

export const PAIR_TARGETS: readonly FuzzTarget[] = [
  bytesTarget({
    name: 'connection-pair',
    title: '§7 whatever two connections are told in whatever order, no message is lost or doubled, and both close',
    run: (input) => void play(input),
    show(input) {
      try {
        return inWords(play(input));
      } catch (error) {
        return (error as Error).message;
      }
    },
  }),
];
