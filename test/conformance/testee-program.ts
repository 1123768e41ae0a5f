/**
 * A testee in a process of its own, so that it and the fuzzer have a processor each: `testee-program.ts NAME` is a server, and
 * tells its URL; `testee-program.ts NAME URL` is a client, and ends when it has run all cases.
 */

import { driveClient } from './client-driver.ts';
import { CLIENTS, SERVERS } from './targets.ts';

const [name = '', url] = process.argv.slice(2);
if (url === undefined) {
  const server = await SERVERS[name]!();
  process.once('disconnect', () => process.exit());
  process.send!(server.url);
} else {
  await driveClient(CLIENTS[name]!, url, { agent: name, lanes: 4 });
  process.exit();
}
