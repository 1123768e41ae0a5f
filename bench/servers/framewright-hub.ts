/** framewright's hub: a channel with history. */

import { createRequire } from 'node:module';
import { z } from 'zod';
import type * as Realtime from '../../src/realtime/index.ts';
import type { StartServer } from './contract.ts';
import { builtFile } from './framewright-build.ts';
import { ROOM, startRoom } from './publisher.ts';

const { createHub, defineProtocol } = createRequire(import.meta.url)(builtFile('realtime.js')) as typeof Realtime;

const chat = defineProtocol({
  channels: {
    'room:{room}': { message: z.object({ by: z.string(), text: z.string() }), history: { messages: 100 } },
  },
});

// No heartbeat: the load answers nothing.
const OPTIONS = { requiresOrigin: false, heartbeat: false } as const;

export const start: StartServer = () =>
  startRoom((server) => {
    const hub = createHub(chat, OPTIONS);
    hub.channel('room:{room}', { join: () => true });
    hub.attach(server);
    return (message) => void hub.publish(ROOM, message);
  });
