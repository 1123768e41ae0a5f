/** What the commands of conformance are tried with: a server that echoes, one that echoes wrongly, and a folder for files. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type EchoServer, startRawEchoServer } from '../conformance/faulty/raw-echo.ts';

interface EchoServers {
  good: EchoServer;
  bad: EchoServer;
  folder: string;
}

/** They are there from the first test of a file to its last. */
export function holdEchoServers(): EchoServers {
  const servers = {} as EchoServers;
  beforeAll(async () => {
    servers.good = await startRawEchoServer();
    servers.bad = await startRawEchoServer('textEchoedAsBinary');
    servers.folder = mkdtempSync(join(tmpdir(), 'framewright-'));
  });
  afterAll(async () => {
    rmSync(servers.folder, { recursive: true });
    await servers.good.close();
    await servers.bad.close();
  });
  return servers;
}
