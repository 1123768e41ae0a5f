/** The example of a server in production, started as its reader would, over HTTP/1.1 and, with TLS, over HTTP/2. */

import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from '../../src/index.ts';
import { testCertificate } from '../support/servers.ts';
import { sourceOf, start } from './start.ts';

async function certificateFiles(): Promise<{ KEY: string; CERT: string; ca: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'framewright-example-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const { key, cert } = await testCertificate();
  await writeFile(join(folder, 'key.pem'), key);
  await writeFile(join(folder, 'cert.pem'), cert);
  return { KEY: join(folder, 'key.pem'), CERT: join(folder, 'cert.pem'), ca: cert };
}

describe.each(['HTTP/1.1', 'HTTP/2'])('the example of a server in production, over %s', (version) => {
  it('issues tickets, lets in who has one, broadcasts, counts, and drains at SIGTERM', async () => {
    const isSecure = version === 'HTTP/2';
    const { ca, ...files } = isSecure ? await certificateFiles() : { ca: undefined };
    const { address, child, ended, said } = await start(sourceOf('production'), [], { SECRET: 'a secret', ...files });
    onTestFinished(() => void child.kill('SIGKILL'));
    const ask = async (path: string, headers: Record<string, string> = {}) => {
      const sent = (isSecure ? httpsRequest : httpRequest)(address + path, { headers, ca }).end();
      const [response] = await once(sent, 'response');
      let body = '';
      for await (const chunk of response) body += chunk;
      return { status: response.statusCode as number, body };
    };
    const open = (ticket: string) =>
      new WebSocket(`${address.replace('http', 'ws')}/chat?ticket=${ticket}`, { ca, http2: isSecure });

    expect(await ask('/health')).toEqual({ status: 200, body: 'healthy' });
    expect((await ask('/ticket', { Authorization: 'Bearer a guess' })).status).toBe(401);
    const ticketFor = async (name: string) =>
      (await ask('/ticket', { Authorization: 'Bearer a secret', 'X-Name': name })).body;
    const [refused] = await once(open('no-ticket'), 'error');
    expect(refused.message).toBe('Unexpected server response: 401');

    const heard: string[] = [];
    const ada = open(await ticketFor('ada'));
    ada.on('text', (text) => heard.push(text));
    await once(ada, 'open');
    const bob = open(await ticketFor('bob'));
    await once(bob, 'open');
    bob.send('hello');
    while (heard.length < 3) await once(ada, 'text');
    expect(heard).toEqual(['ada is here', 'bob is here', 'bob: hello']);
    const { body: figures } = await ask('/metrics');
    expect(figures).toMatch(/^framewright_connections 2$/m);
    expect(figures).toMatch(/refused[^\n]*authenticate[^\n]* 1$/m);

    const closes = [ada, bob].map((socket) => once(socket, 'close'));
    child.kill('SIGTERM');
    for (const [code, reason] of await Promise.all(closes)) {
      expect([code, String(reason)]).toEqual([1012, 'retry-after-ms=1000']);
    }
    expect(await ended).toEqual([0, null]);
    expect(said.complaints).toBe('');
  });
});
