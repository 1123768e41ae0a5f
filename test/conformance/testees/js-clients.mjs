/**
 * Echo clients of JavaScript: `js-clients.mjs NAME URL AGENT [folder]`, in the runtime that NAME needs; packages come from the
 * folder. They run all cases of a fuzzing server, one after another, but for the compressed ones as their makers ship them.
 */

import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';

const MAX_BYTES = 16 * 1024 * 1024;
const LANES = 4;
const [name, url, agent, folder = '.'] = process.argv.slice(2);
const require = createRequire(join(folder, 'package.json'));

/** For a WebSocket class as pages have it. */
function asInPages(WebSocket) {
  return (address, onMessage) =>
    new Promise((resolve) => {
      const socket = new WebSocket(address);
      socket.binaryType = 'arraybuffer';
      socket.onmessage = ({ data }) => onMessage(data, (answer) => socket.send(answer));
      socket.onerror = () => {};
      socket.onclose = resolve;
    });
}

/** For a WebSocket class like that of ws. */
function asInNode(WebSocket) {
  return (address, onMessage) =>
    new Promise((resolve) => {
      const socket = new WebSocket(address);
      socket.on('message', (data, isBinary) =>
        onMessage(isBinary ? data : String(data), (answer) => socket.send(answer, { binary: isBinary })),
      );
      socket.on('error', () => {}).on('close', resolve);
    });
}

/** Each connects, hands what comes to a listener, and is done when the connection is. */
const CLIENTS = {
  framewright: () => asInNode(require('framewright')),
  ws: () => asInNode(require('ws')),
  undici: () => asInPages(require('undici').WebSocket),
  node: () => asInPages(globalThis.WebSocket),
  bun: () => asInPages(globalThis.WebSocket),
  deno: () => asInPages(globalThis.WebSocket),

  'faye-websocket'() {
    const { Client } = require('faye-websocket');
    const deflate = require('permessage-deflate');
    return (address, onMessage) =>
      new Promise((resolve) => {
        const socket = new Client(address, [], { maxLength: MAX_BYTES, extensions: [deflate] });
        socket.on('message', ({ data }) => onMessage(data, (answer) => socket.send(answer)));
        socket.on('error', () => {});
        socket.on('close', resolve);
      });
  },

  websocket() {
    const { client: Client } = require('websocket');
    return (address, onMessage) =>
      new Promise((resolve) => {
        const client = new Client({ maxReceivedFrameSize: MAX_BYTES, maxReceivedMessageSize: MAX_BYTES });
        client.on('connectFailed', resolve);
        client.on('connect', (connection) => {
          connection.on('error', () => {});
          connection.on('close', resolve);
          connection.on('message', ({ utf8Data, binaryData }) => {
            if (binaryData === undefined) onMessage(utf8Data, (answer) => connection.sendUTF(answer));
            else onMessage(binaryData, (answer) => connection.sendBytes(answer));
          });
        });
        client.connect(address);
      });
  },
};

const connect = CLIENTS[name]();

async function ask(path) {
  let answer;
  await connect(`${url}${path}`, (data) => {
    answer = String(data);
  });
  return answer;
}

const who = `agent=${encodeURIComponent(agent)}`;
const count = Number(await ask('/getCaseCount'));
let next = 1;
async function lane() {
  while (next <= count) await connect(`${url}/runCase?case=${next++}&${who}`, (data, send) => send(data));
}
await Promise.all(Array.from({ length: LANES }, lane));
await ask(`/updateReports?${who}`);
process.exit(0);
