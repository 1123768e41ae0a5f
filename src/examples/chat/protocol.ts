/** What the chat's server and its pages know of each other. */

import { z } from 'zod';
import { defineProtocol } from '../../live/index.ts';

const room = z.string().regex(/^[\p{Ll}\p{Lo}\p{M}\p{N}-]{1,30}$/u, 'A room has 1 to 30 small letters, digits and -');
const offset = z.number().int().min(0);
const position = z.object({ epoch: z.string(), offset });
export const MAX_ROOMS = 200;
/** How far somebody has come in each room: as offsets of their logs. */
const offsets = z
  .record(room, offset)
  .refine((all) => Object.keys(all).length <= MAX_ROOMS, 'There are not so many rooms');

const message = z.object({
  /** The same for what was sent twice. */
  id: z.string(),
  by: z.string(),
  name: z.string(),
  text: z.string(),
  /** By the server's clock. */
  at: z.number(),
});

export const chat = defineProtocol({
  channels: {
    /** The list of rooms: each is a message, of two for one room the first. Its log is longer than the list may be. */
    rooms: {
      message: z.object({ room, topic: z.string().max(100), by: z.string() }),
      history: { messages: 5 * MAX_ROOMS },
    },
    /** All rooms together stay below what an engine in memory keeps, 256 MiB: past that, whole logs go. */
    'room:{room}': { message, member: z.object({ name: z.string() }), history: { messages: 2000, bytes: 1 << 20 } },
    /** Nothing of it is kept; who reads slowly gets the newest of each. */
    'typing:{room}': { message: z.object({ by: z.string(), name: z.string() }), latestBy: 'by' },
    /** Where the log of a room ends now, for those who are in another one. */
    activity: { message: z.object({ room, offset }), latestBy: 'room' },
    /** What one user has read, for his other tabs and devices. Only the newest counts. */
    'read:{user}': { message: offsets, history: { messages: 1 } },
  },
  calls: {
    say: { input: z.object({ room, text: z.string().trim().min(1).max(2000) }), output: z.object({}) },
    makeRoom: { input: z.object({ room, topic: z.string().trim().max(100) }), output: z.object({}) },
    /** What was said before a position. */
    history: {
      input: z.object({ room, before: position }),
      output: z.array(z.object({ data: message, position })),
    },
    /** How far all rooms are, and how far the user has read; null when nobody has said so yet. */
    overview: { input: z.undefined(), output: z.object({ ends: offsets, read: offsets.nullable() }) },
  },
});
