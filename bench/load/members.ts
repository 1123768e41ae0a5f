/** Memory of the members of a room who say and hear nothing, as the slope between two numbers of them. */

import type { MembersLoad, RunLoad } from './contract.ts';
import { settledBytes } from './memory.ts';
import { LANGUAGES, openMembers } from './room.ts';

export const run: RunLoad<MembersLoad> = async (target, { language: name, first, last }) => {
  const language = LANGUAGES[name]!;
  const room = 'room:general';
  await openMembers(target, language, room, first);
  const before = await settledBytes(target.pids);
  await openMembers(target, language, room, last - first);
  const after = await settledBytes(target.pids);
  return { bytesPerConnection: (after - before) / (last - first) };
};
