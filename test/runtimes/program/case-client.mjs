/** A client that comes to a conformance server as Autobahn's clients do, some cases at a time: `case-client.mjs URL AGENT`. */

import { WebSocket } from 'framewright';

const LANES = 8;
const [url, agent] = process.argv.slice(2);

function ask(path) {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = new WebSocket(`${url}${path}`);
    socket.on('message', (data) => {
      answer = String(data);
    });
    socket.on('error', reject).on('close', () => resolve(answer));
  });
}

function echo(path) {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${url}${path}`);
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    socket.on('error', () => {}).on('close', resolve);
  });
}

const count = Number(await ask('/getCaseCount'));
let next = 1;
async function lane() {
  while (next <= count) await echo(`/runCase?case=${next++}&agent=${agent}`);
}
await Promise.all(Array.from({ length: LANES }, lane));
await ask(`/updateReports?agent=${agent}`);
process.exit(0);
