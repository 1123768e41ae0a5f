/** Messages of a server to all members of a room; the next ones when all members have them. */

import { once } from 'node:events';
import { connect } from 'node:net';
import type { ChannelLoad, RunLoad } from './contract.ts';
import { meter } from './meter.ts';
import { LANGUAGES, openMembers } from './room.ts';

const ROOM = 'room:general';

export const run: RunLoad<ChannelLoad> = async (target, { language, members: count, perTick }, timing) => {
  const members = await openMembers(target, LANGUAGES[language]!, ROOM, count);
  const port = Number(await (await fetch(`http://127.0.0.1:${target.port}/`)).text());
  const publisher = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(publisher, 'connect');
  let delivered = 0;
  let due = 0;
  const publish = () => {
    due += count * perTick;
    publisher.write(Uint8Array.of(perTick));
  };
  for (const member of members) {
    member.listen((messages) => {
      delivered += messages;
      if (delivered > due) throw new Error('more was heard than said');
      if (delivered === due) publish();
    });
  }
  publish();
  return await meter(target, timing, () => delivered);
};
