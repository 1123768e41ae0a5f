/** What the chat's server and its clients know of each other. */

import { z } from 'zod';
import { defineProtocol } from '../realtime/index.ts';

const text = z.string().trim().min(1).max(500);
const room = z.string().regex(/^[a-z-]{1,30}$/);
const by = z.string();

export const chat = defineProtocol({
  channels: {
    'room:{room}': {
      message: z.object({ by, text }),
      member: z.object({ name: z.string() }),
      history: { messages: 200, ageMs: 24 * 3_600_000 },
    },
    // Nothing of it is kept; who reads slowly gets the newest of each.
    'typing:{room}': { message: z.object({ by }), latestBy: 'by' },
  },
  calls: { say: { input: z.object({ room, text }), output: z.object({ offset: z.number() }) } },
});
