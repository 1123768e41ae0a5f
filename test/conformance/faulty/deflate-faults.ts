/**
 * Echo servers whose compression has one fault each: those of ws, whose handshake or codec is tampered with. The table
 * says which cases must notice.
 */

import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { EchoServer } from './raw-echo.ts';

/** The parts of the codec of ws that are tampered with. */
interface Codec {
  readonly params: Record<string, number | boolean | undefined>;
  compress(data: Buffer, fin: boolean, callback: (error: Error | null, compressed: Buffer) => void): void;
}

export interface DeflateFaultRow {
  readonly fault: string;
  readonly hasNoCompression?: boolean;
  /** Changes the answer to the offer. */
  readonly tamperAnswer?: (answer: string) => string;
  readonly tamperCodec?: (codec: Codec) => void;
  readonly tamperEcho?: (message: Buffer) => Buffer;
  /** Verdicts of `CASES`, in order. */
  readonly verdicts: readonly string[];
}

export const DEFLATE_CASES = '12.2.1,13.1.2,13.2.3,13.3.4,13.5.6,13.7.6';

const [OK, FAILED, UNIMPLEMENTED] = ['OK', 'FAILED', 'UNIMPLEMENTED'];
const ALL_FAILED = [FAILED, FAILED, FAILED, FAILED, FAILED, FAILED];

export const DEFLATE_FAULTS: readonly DeflateFaultRow[] = [
  { fault: 'nothing', verdicts: [OK, OK, OK, OK, OK, OK] },
  {
    fault: 'no compression at all',
    hasNoCompression: true,
    verdicts: [UNIMPLEMENTED, UNIMPLEMENTED, UNIMPLEMENTED, UNIMPLEMENTED, UNIMPLEMENTED, UNIMPLEMENTED],
  },
  {
    fault: 'a window larger than agreed',
    tamperCodec: ({ params }) => {
      params.server_max_window_bits = 15;
    },
    verdicts: [OK, OK, OK, FAILED, FAILED, FAILED],
  },
  {
    fault: 'a context that was to be forgotten',
    tamperCodec: ({ params }) => {
      params.server_no_context_takeover = false;
    },
    verdicts: [OK, OK, FAILED, OK, FAILED, FAILED],
  },
  {
    fault: 'forgetting the context of the client, which was not agreed on',
    tamperAnswer: (answer) => answer.replace('; client_no_context_takeover', ''),
    verdicts: ALL_FAILED,
  },
  {
    fault: 'an echo that is a little different',
    tamperEcho: (message) => Buffer.from(message.with(-1, message.at(-1)! ^ 1)),
    verdicts: ALL_FAILED,
  },
  {
    fault: 'broken data',
    tamperCodec: (codec) => {
      const compress = codec.compress.bind(codec);
      codec.compress = (data, fin, callback) =>
        compress(data, fin, (error, compressed) => callback(error, compressed.subarray(1)));
    },
    verdicts: ALL_FAILED,
  },
  {
    fault: 'a parameter that does not exist',
    tamperAnswer: (answer) => `${answer}; level=9`,
    verdicts: ALL_FAILED,
  },
  {
    fault: 'another extension that was not offered',
    tamperAnswer: (answer) => `${answer}, permessage-deflate`,
    verdicts: ALL_FAILED,
  },
];

const HEADER = 'Sec-WebSocket-Extensions: ';

export async function startDeflateEchoServer(row: DeflateFaultRow): Promise<EchoServer> {
  const { hasNoCompression = false, tamperAnswer, tamperCodec, tamperEcho = (message) => message } = row;
  // Small messages are compressed as well, with or without context.
  const perMessageDeflate = hasNoCompression ? false : { threshold: 0 };
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate });
  server.on('headers', (headers: string[], _request: IncomingMessage) => {
    const at = headers.findIndex((header) => header.startsWith(HEADER));
    if (at !== -1 && tamperAnswer) headers[at] = HEADER + tamperAnswer(headers[at]!.slice(HEADER.length));
  });
  server.on('connection', (socket) => {
    const codec = codecOf(socket);
    if (codec !== undefined) tamperCodec?.(codec);
    socket.on('error', () => {});
    socket.on('message', (data, isBinary) => socket.send(tamperEcho(data as Buffer), { binary: isBinary }));
  });
  await new Promise<void>((resolve) => server.once('listening', resolve));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of server.clients) socket.terminate();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function codecOf(socket: WebSocket): Codec | undefined {
  return (socket as unknown as { _extensions: Record<string, Codec | undefined> })._extensions['permessage-deflate'];
}
