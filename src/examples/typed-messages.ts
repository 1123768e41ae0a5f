/**
 * A shop whose two ends share one protocol: `npm run example:typed-messages`, and in another terminal, with the address that it prints:
 *
 *   npm run example:typed-messages -- --at http://localhost:8080 --buy tea
 *
 * Buy more than there is, or `--count -1`, and see who says no. A misspelled field does not compile, on either end.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { drainOnSignal } from '../index.ts';
import { connect } from '../live/node.ts';
import { createHub, defineProtocol, RealtimeError } from '../realtime/index.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    at: { type: 'string' },
    buy: { type: 'string', default: 'tea' },
    count: { type: 'string', default: '1' },
  },
});

const shop = defineProtocol({
  channels: { 'stock:{item}': { message: z.object({ left: z.number() }), history: { messages: 1 } } },
  calls: {
    buy: {
      input: z.object({ item: z.enum(['tea', 'coffee']), count: z.number().int().positive() }),
      output: z.object({ left: z.number() }),
    },
  },
});

function serve(): void {
  const stock = { tea: 10, coffee: 10 };
  const hub = createHub(shop, { requiresOrigin: false }); // its customers are programs
  hub.channel('stock:{item}', { join: () => true });
  hub.call('buy', async ({ item, count }) => {
    if (count > stock[item]) throw new RealtimeError('SOLD_OUT', `There are only ${stock[item]} of ${item}`);
    stock[item] -= count;
    await hub.publish(`stock:${item}`, { left: stock[item] });
    return { left: stock[item] };
  });
  hub.on('error', (error, where) => console.error(where, error));
  const http = createServer();
  hub.attach(http, { path: '/live' });
  http.listen(Number(values.port), () => console.log(`http://localhost:${(http.address() as AddressInfo).port}`));
  drainOnSignal([hub, http], { timeoutMs: 5000 });
}

async function buy(address: string): Promise<void> {
  const live = connect(shop, `${address}/live`);
  try {
    const item = values.buy as 'tea' | 'coffee'; // the server holds it against the schema
    const { left } = await live.call.buy({ item, count: Number(values.count) }, { timeoutMs: 5000 });
    console.log(`Bought: ${values.count} of ${item}, ${left} are left`);
  } catch (error) {
    if (!(error instanceof RealtimeError)) throw error;
    console.error(
      error.code,
      error.issues?.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? error.message,
    );
    process.exitCode = 1;
  }
  live.close();
}

if (values.at === undefined) serve();
else await buy(values.at);
