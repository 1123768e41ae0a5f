/**
 * What runs beside the page, so that the page answers whatever comes: connections, and the inspection of their bytes. One
 * worker is a live session, another a decoder, by what it is asked first.
 */

import { Decoder } from './decoder.ts';
import { LiveSession } from './live-session.ts';
import type { FromWorker, ToWorker, WorkerRequest } from './messages.ts';

/** What a worker sees of the page. */
interface Port {
  postMessage(message: FromWorker): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}

const port = globalThis as unknown as Port;
const tell = (message: FromWorker): void => port.postMessage(message);

let host: LiveSession | Decoder | undefined;

function hostFor(request: WorkerRequest): LiveSession | Decoder {
  host ??= request.type === 'start' ? new LiveSession(tell) : new Decoder(tell);
  return host;
}

port.onmessage = ({ data }) => {
  if ('request' in data) hostFor(data.request).take(data.request);
  else if (host !== undefined) tell({ ticket: data.ticket, answer: host.window.answer(data.question) });
};
