/** Numbers, counted by several. */

import { z } from 'zod';
import { defineProtocol } from '../../src/live/index.ts';

const counted = z.object({ by: z.string(), number: z.number() });

export const counting = defineProtocol({
  channels: { numbers: { message: counted, history: { messages: 100_000, bytes: 1 << 26 } } },
  calls: { count: { input: counted, output: z.object({ offset: z.number() }) } },
});
