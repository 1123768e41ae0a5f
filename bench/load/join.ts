/** How fast clients get into rooms: with a connection of their own for each time, or out of one room and into the next. */

import type { JoinLoad, RunLoad } from './contract.ts';
import { meter } from './meter.ts';
import { LANGUAGES, RoomClient } from './room.ts';

const ROOMS = 100;

export const run: RunLoad<JoinLoad> = async (target, { language: name, concurrency, isOpening }, timing) => {
  const language = LANGUAGES[name]!;
  let done = 0;
  async function comeAndGo(): Promise<never> {
    for (;;) {
      const client = await RoomClient.open(target, language);
      await client.join(`room:${done % ROOMS}`);
      done++;
      await client.close();
    }
  }
  async function change(): Promise<never> {
    const client = await RoomClient.open(target, language);
    for (;;) {
      const room = `room:${done % ROOMS}`;
      await client.join(room);
      await client.leave(room);
      done++;
    }
  }
  for (let i = 0; i < concurrency; i++) void (isOpening ? comeAndGo() : change());
  return await meter(target, timing, () => done);
};
