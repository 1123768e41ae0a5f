/** What event streams are carried by: responses of node:http and node:http2, and bodies that are read from us. */

import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse, ServerHttp2Stream } from 'node:http2';
import type { UnderlyingSource } from 'node:stream/web';
import { isServerStream } from '../server/http2-server.ts';
import { ignoreError } from '../transport/errors.ts';
import { CANCEL } from '../transport/http2-stream.ts';
import type { EventSink, SinkHandler } from './event-stream.ts';

export type NodeResponse = ServerResponse | Http2ServerResponse | ServerHttp2Stream;
export type HeaderFields = Readonly<Record<string, string | readonly string[]>>;

/** How much a body takes before it is read, in bytes. */
const BODY_BYTES = 16_384;

/** Writes the head of an answer. */
export function writeHead(response: NodeResponse, status: number, headers: HeaderFields): void {
  const fields = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat().map(String)]));
  const single = (values: readonly string[]) => (values.length === 1 ? values[0]! : [...values]);
  if (isServerStream(response as ServerHttp2Stream)) {
    const entries = Object.entries(fields).map(([name, values]) => [name.toLowerCase(), single(values)]);
    (response as ServerHttp2Stream).respond({ ':status': status, ...Object.fromEntries(entries) });
    return;
  }
  const plain = response as ServerResponse;
  for (const [name, values] of Object.entries(fields)) {
    // Others may have said already what the answer depends on.
    const given = name.toLowerCase() === 'vary' ? [plain.getHeader(name) ?? []].flat().map(String) : [];
    plain.setHeader(name, single([...given, ...values]));
  }
  plain.writeHead(status);
}

/** @param hasBody false for the answer to a HEAD request */
export function sinkOfResponse(
  response: NodeResponse,
  headers: HeaderFields,
  hasBody: boolean,
  { drained, gone }: SinkHandler,
): EventSink {
  // One interface, as far as it is used here.
  const out = response as ServerResponse & { readonly flush?: () => void; readonly stream?: ServerHttp2Stream };
  out.on('error', ignoreError);
  const carrier = out.stream ?? out;
  if (carrier.destroyed || carrier.closed) {
    gone();
    return { write: () => false, end: () => false, destroy: () => {} };
  }
  out.on('drain', drained).on('close', gone);
  writeHead(response, 200, headers);
  if (!hasBody) {
    out.end();
    gone();
  } else if (typeof out.flushHeaders === 'function') {
    // A stream of node:http2 has sent them.
    out.flushHeaders();
  }
  return {
    write(bytes) {
      const takesMore = out.write(bytes);
      // What compresses answers would wait for more.
      out.flush?.();
      return takesMore;
    },
    end() {
      out.end();
      return true;
    },
    destroy() {
      if (!isServerStream(carrier as never)) {
        out.destroy();
        return;
      }
      // By itself node:http2 would say that all is well; and in the turn in which the head leaves, it would end the process.
      (carrier as ServerHttp2Stream).close(CANCEL);
      setImmediate(() => carrier.destroy());
    },
  };
}

/**
 * @param give gets the body
 * @param canFail whether its reader takes a body that fails for what it is; others report it as a fault, and get its end instead
 */
export function sinkOfBody(
  give: (body: ReadableStream<Uint8Array>) => void,
  canFail: boolean,
  { drained, gone }: SinkHandler,
): EventSink {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let hasEnded = false;
  const source: UnderlyingSource<Uint8Array> = {
    start(given) {
      controller = given as ReadableStreamDefaultController<Uint8Array>;
    },
    pull: drained,
    cancel: gone,
  };
  give(new ReadableStream(source, { highWaterMark: BODY_BYTES, size: (bytes) => bytes!.byteLength }));
  return {
    write(bytes) {
      controller.enqueue(bytes);
      return controller.desiredSize! > 0;
    },
    end() {
      hasEnded = true;
      controller.close();
      // Nobody says when it has been read.
      return false;
    },
    destroy() {
      if (canFail) controller.error(new DOMException('The event stream was cut', 'AbortError'));
      else if (!hasEnded) controller.close();
    },
  };
}

/** Fields as a Response takes them. */
export function fetchHeaders(fields: HeaderFields): [name: string, value: string][] {
  return Object.entries(fields).flatMap(([name, values]) =>
    [values].flat().map((value): [string, string] => [name, value]),
  );
}
