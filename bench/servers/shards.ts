/** One engine of several: each channel is in one of them, by its name. spec-notes/guide/scaling.md shows it. */

import type { Engine } from '../../src/engines/engine.ts';

export function shards(engines: readonly Engine[]): Engine {
  const sum = (text: string) => [...text].reduce((hash, letter) => (hash * 31 + letter.charCodeAt(0)) >>> 0, 7);
  const at = (channel: string) => engines[sum(channel) % engines.length]!;
  return {
    subscribe: (channel, ...rest) => at(channel).subscribe(channel, ...rest),
    publish: (request) => at(request.channel).publish(request),
    read: (request) => at(request.channel).read(request),
    setPresence: (channel, presence) => at(channel).setPresence(channel, presence),
    members: (channel) => at(channel).members(channel),
    status: () =>
      engines.map((engine) => engine.status()).find(({ state }) => state === 'stale') ?? engines[0]!.status(),
    close: async () => void (await Promise.all(engines.map((engine) => engine.close()))),
  };
}
