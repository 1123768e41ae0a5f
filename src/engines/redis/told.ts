/** What Redis tells a process: a letter, two words, and the rest, which is JSON text or begins with a user. */

import type { Entry, Presence } from '../engine.ts';

export type Told =
  | { readonly type: 'entry'; readonly entry: Entry }
  /** Without history: which process has published it, and as its how manieth. */
  | { readonly type: 'said'; readonly process: string; readonly number: number; readonly entry: Entry }
  | { readonly type: 'presence'; readonly change: Presence };

/** `undefined` for what is none of ours. */
export function readTold(text: string): Told | undefined {
  const first = text.indexOf(' ');
  const second = text.indexOf(' ', first + 1);
  if (first < 0 || second < 0) return undefined;
  const word = text.slice(1, first);
  const number = Number(text.slice(first + 1, second));
  const data = text.slice(second + 1);
  switch (text[0]) {
    case 'e':
      return { type: 'entry', entry: { data, position: { epoch: word, offset: number } } };
    case 'n':
      return { type: 'said', process: word, number, entry: { data, position: undefined } };
    case 'p': {
      const change = { user: data.slice(0, number), data: data.slice(number), connections: Number(word) };
      return { type: 'presence', change };
    }
    default:
      return undefined;
  }
}

export const writeSaid = (process: string, number: number, data: string): string => `n${process} ${number} ${data}`;

/** A user as a word of scripts, which say it in front of what is told of it. */
export const writeUser = (user: string): string => `${user.length} ${user}`;
export const readUser = (text: string): string => text.slice(text.indexOf(' ') + 1);
