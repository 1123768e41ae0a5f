/** One protocol in three ways to write schemas: zod, valibot, and by hand. */

import * as v from 'valibot';
import { z } from 'zod';
import { defineProtocol, type StandardSchemaV1 } from '../../../src/realtime-protocol/index.ts';

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Takes a point as text, too. */
export const point: StandardSchemaV1<Point | string, Point> = {
  '~standard': {
    version: 1,
    vendor: 'by hand',
    validate: (value) => ({ value: value as Point }),
  },
};

export const chat = defineProtocol({
  channels: {
    'room:{room}': {
      message: z.object({ by: z.string(), text: z.string(), at: z.number().default(0) }),
      member: z.object({ name: z.string() }),
      history: { messages: 100, ageMs: 3_600_000 },
    },
    'typing:{room}': { message: v.object({ by: v.string() }), latestBy: 'by' },
    'board:{owner}:{board}': { message: point },
    news: { message: v.object({ title: v.pipe(v.string(), v.maxLength(80)) }) },
  },
  calls: {
    say: {
      input: z.object({ room: z.string(), text: z.string(), at: z.string().transform(Number) }),
      output: z.object({ offset: z.number() }),
    },
    rename: { input: v.object({ name: v.string() }), output: v.undefined() },
    move: { input: point, output: point },
  },
});

/** Two that share nothing. */
export const other = defineProtocol({ channels: { lobby: { message: z.string() } } });

export interface User {
  readonly id: string;
  readonly name: string;
}
