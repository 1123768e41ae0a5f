/**
 * Plays the conversation of a page without sockets. Both sides are framewright's: the client's frames are put into calls
 * of a Connection, which has to write the very bytes that the page shows; what it writes goes to the server's Connection,
 * whose bytes are compared in the same way and go back to the client's.
 */

import {
  buildUpgradeRequest,
  buildUpgradeResponse,
  checkUpgradeRequest,
  checkUpgradeResponse,
  HttpHeadParser,
} from '../../src/handshake/index.ts';
import {
  Connection,
  encodeFrame,
  FIN,
  type FrameOutput,
  FrameParser,
  Opcode,
  type Role,
  resolveLimits,
  UNLIMITED,
} from '../../src/protocol/index.ts';
import { type FoundFrame, RecordingSink } from '../support/frames.ts';
import { KEY } from '../support/raw-peer.ts';
import { RecordingHandler } from '../support/recording-handler.ts';
import { concat, copyOf, hex, toBytes, toHex } from '../support/wire.ts';
import { faultAt, type Turn } from './page.ts';

/** What the pages say that the program on the server does: it echoes, and closes when it is told "bye". */
export function answerAs(
  text: string,
  socket: { send(text: string): void; close(statusCode: number, closeReason: string): void },
): void {
  if (text === 'bye') socket.close(1000, 'see you');
  else socket.send(text);
}

/** The request of the pages; the host of §1.3. */
const REQUEST = buildUpgradeRequest({ host: 'server.example.com', target: '/chat', key: KEY });

/** One Connection and what it wrote, masked with the keys that the page shows. */
class Endpoint {
  readonly handler = new RecordingHandler();
  readonly connection: Connection;
  hasEnded = false;
  private written: Uint8Array[] = [];

  constructor(role: Role, maskingKeys: readonly number[]) {
    const keys = maskingKeys.values();
    const output: FrameOutput = {
      writeFrame: (firstByte, payload) => {
        const maskingKey = role === 'client' ? keys.next().value : undefined;
        this.written.push(encodeFrame(firstByte, toBytes(payload), maskingKey));
      },
      flush: () => {},
      end: () => {
        this.hasEnded = true;
      },
    };
    this.connection = new Connection(output, this.handler, { role, limits: resolveLimits() });
  }

  take(): Uint8Array {
    const bytes = concat(...this.written);
    this.written = [];
    return bytes;
  }
}

/** @throws {Error} at the first byte in which page and code differ, with the line of the block */
export function playInMemory(turns: readonly Turn[]): void {
  playHandshake(turns.filter(({ kind }) => kind === 'http'));
  const frames = turns.filter(({ kind }) => kind === 'wire');
  const sent = framesOfClient(frames);
  const server = new Endpoint('server', []);
  server.handler.react = (heard) => {
    if (heard.call !== 'message') return;
    answerAs(heard.data, {
      send: (text) => server.connection.sendMessage(text, heard.isBinary),
      close: (statusCode, closeReason) => server.connection.close(statusCode, closeReason),
    });
  };
  // A client that breaks rules is not framewright's: then only the server is played.
  const client = sent.isLegal ? new Endpoint('client', sent.keys) : undefined;

  for (const turn of frames) {
    const isFromClient = turn.from === 'client';
    if (isFromClient) {
      expectSilence(server, turn);
      if (client !== undefined) sendAsClient(client, sent.frames.get(turn)!);
    }
    const [sender, receiver] = isFromClient ? [client, server] : [server, client];
    if (sender !== undefined) {
      expectSame(turn, sender.take());
      if (turn.endsTcp !== sender.hasEnded)
        throw faultAt(turn.line, `the ${turn.from} ends TCP here: ${sender.hasEnded}`);
    }
    receiver?.connection.receive(copyOf(turn.bytes));
    if (turn.endsTcp) receiver?.connection.receiveEnd();
  }
  const { line } = turns.at(-1)!;
  for (const end of [server, client]) {
    if (end !== undefined && end.take().length > 0) throw faultAt(line, 'more was sent than the page shows');
  }
}

/** The opening handshake, byte for byte; a page may begin behind it. */
function playHandshake(turns: readonly Turn[]): void {
  const [request, response] = turns;
  if (request === undefined || response === undefined) return;
  expectSame(request, toBytes(REQUEST));
  const head = new HttpHeadParser({ kind: 'request' }).push(request.bytes);
  if (head?.ok !== true) throw faultAt(request.line, 'the request is no HTTP');
  for (const profile of ['strict', 'ws'] as const) {
    const decision = checkUpgradeRequest(head.head, { profile });
    if (!decision.ok) throw faultAt(request.line, decision.message);
    expectSame(response, toBytes(buildUpgradeResponse({ key: decision.key })));
  }
  const answer = new HttpHeadParser({ kind: 'response' }).push(response.bytes);
  if (answer?.ok !== true) throw faultAt(response.line, 'the response is no HTTP');
  const verdict = checkUpgradeResponse(answer.head, { key: KEY });
  if (!verdict.ok) throw faultAt(response.line, verdict.message);
}

/** The client's frames by turn, in clear, and their masking keys in order. */
function framesOfClient(turns: readonly Turn[]) {
  const sink = new RecordingSink();
  const parser = new FrameParser(sink, { role: 'server', limits: UNLIMITED });
  const frames = new Map<Turn, FoundFrame[]>();
  for (const turn of turns.filter(({ from }) => from === 'client')) {
    const before = sink.frames.length;
    parser.push(copyOf(turn.bytes));
    const found = sink.frames.slice(before);
    frames.set(
      turn,
      found.filter((frame): frame is FoundFrame => 'payload' in frame),
    );
  }
  const all = [...frames.values()].flat();
  return { frames, keys: all.map(({ maskingKey }) => maskingKey), isLegal: all.length === sink.frames.length };
}

/** What a program calls so that these frames leave; an answer to a Close frame has left already. */
function sendAsClient({ connection }: Endpoint, frames: readonly FoundFrame[]): void {
  for (const { firstByte, payload } of frames) {
    const bytes = hex(payload);
    const opcode = firstByte & 0xf;
    const fin = (firstByte & FIN) !== 0;
    if (opcode === Opcode.Ping || opcode === Opcode.Pong) connection.sendControl(opcode, bytes);
    else if (opcode !== Opcode.Close) connection.sendMessage(bytes, opcode === Opcode.Binary, fin);
    else if (bytes.length === 0) connection.close();
    else connection.close((bytes[0]! << 8) | bytes[1]!, bytes.subarray(2));
  }
}

function expectSilence(server: Endpoint, turn: Turn): void {
  const unshown = server.take();
  if (unshown.length > 0) throw faultAt(turn.line, `before this the server sends [${toHex(unshown)}]`);
}

export function expectSame(turn: Turn, found: Uint8Array): void {
  if (toHex(found) === toHex(turn.bytes)) return;
  throw faultAt(turn.line, `the ${turn.from} sends [${toHex(found)}], the page shows [${toHex(turn.bytes)}]`);
}
