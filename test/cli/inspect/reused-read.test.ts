import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { readReused } from '../../../src/cli/inspect/reused-read.ts';

async function pair(): Promise<[Socket, Socket]> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => {
    client.destroy();
    accepted.destroy();
    server.close();
  });
  return [client, accepted];
}

it('reads into the same memory, unless somebody goes on using it', async () => {
  const [client, accepted] = await pair();
  const chunks: Buffer[] = [];
  let wake = () => {};
  let isKept = false;
  const take = (chunk: Buffer): boolean => {
    chunks.push(chunk);
    wake();
    return isKept;
  };
  const send = async (text: string) => {
    const taken = new Promise<void>((resolve) => (wake = resolve));
    client.write(text);
    await taken;
  };
  expect(readReused(accepted, take)).toBe(true);
  accepted.on('data', take).resume();
  await send('one');
  await send('two');
  expect(chunks.map(String)).toEqual(['two', 'two']);
  isKept = true;
  await send('six');
  await send('ten');
  expect(chunks.map(String)).toEqual(['six', 'six', 'six', 'ten']);
});

it('leaves streams alone that are no plain sockets', () => {
  expect(readReused(new PassThrough() as unknown as Socket, () => false)).toBe(false);
});
