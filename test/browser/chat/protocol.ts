import { z } from 'zod';
import { defineProtocol } from '../../../src/realtime-protocol/index.ts';

export const chat = defineProtocol({
  channels: {
    'room:{room}': {
      message: z.object({ by: z.string(), text: z.string() }),
      member: z.object({ name: z.string() }),
      history: { messages: 1000 },
    },
  },
  calls: {
    say: { input: z.object({ room: z.string(), text: z.string() }), output: z.object({ offset: z.number() }) },
  },
});
