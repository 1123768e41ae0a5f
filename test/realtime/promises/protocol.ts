/** What the promises are tested with: channels of each kind, whose messages are numbered. */

import { z } from 'zod';
import { defineProtocol } from '../../../src/realtime-protocol/index.ts';

const numbered = z.object({ run: z.number(), n: z.number(), padding: z.string() });

export const counting = defineProtocol({
  channels: {
    /** Keeps all. */
    'all:{name}': { message: numbered, history: { messages: 1_000_000, bytes: 1_000_000_000 } },
    /** Keeps less than who is away for long misses. */
    'some:{name}': { message: numbered, history: { messages: 300 } },
    /** Keeps nothing. */
    'none:{name}': { message: numbered },
    /** What clients say. */
    said: { message: z.object({ by: z.number(), n: z.number() }), history: { messages: 1_000_000 } },
  },
});

export const CHANNELS = ['all:a', 'all:b', 'some:a', 'none:a'] as const;
export type Counted = (typeof CHANNELS)[number];
