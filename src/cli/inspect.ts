/**
 * `framewright inspect`: a proxy that shows every frame that passes through it, here and in a page. This file reads the
 * arguments and joins the parts: a thread forwards, an observer looks.
 */

import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Address, parseAddress } from '../client/address.ts';
import { formatHex, plural } from '../inspector/index.ts';
import type { Command } from './command.ts';
import type { ForwardingMessage } from './forwarding-thread.ts';
import { type Filter, parseFilter } from './inspect/filter.ts';
import type { ForwarderOptions } from './inspect/forwarder.ts';
import { type Note, readNotes } from './inspect/notes.ts';
import { Observer } from './inspect/observer.ts';
import { type InspectPage, startPage } from './inspect/page.ts';
import { LinePrinter } from './inspect/print.ts';
import { notesOf, readWireFile, WireFile } from './inspect/wire-file.ts';
import { explainListenFault, nextSignal, readHost, readPort } from './listening.ts';
import { readPageAssets } from './page-assets.ts';
import { completeAddress } from './target-address.ts';
import { complain, complainAboutUsage, painterFor, print } from './terminal.ts';
import { readPair, readTlsSettings, TLS_HELP, TLS_OPTIONS } from './tls-options.ts';
import { isUsageFault, readArgs, UsageError } from './usage.ts';

const HELP = `Usage: framewright inspect <target> [options]
       framewright inspect --load <file> [options]

Passes connections on to a WebSocket server, and shows what passes: a line for each frame and each
HTTP head, in both directions, and the same in a page, bit by bit. Have clients connect to this
address in place of the server's. Bytes are passed on as they come, the handshake and other HTTP
requests too: the server sees Host and Origin as the client sends them, and may refuse them.

  target   a ws:, wss: or ws+unix: URL, or host:port; its path does not matter: clients ask for
           their own

Options:
  --port <n>           port to listen on, 0 to 65535; 0 picks a free one. Default 9090
  --host <h>           address to listen on. Default 127.0.0.1: this machine only
  --page <n>           port of the page. Default 0: a free one
  --no-page            no page
  --filter <terms>     show only these in the terminal: text, binary, continuation, close, ping,
                       pong, control, data, http, fault, connection; client or server, who sent it;
                       #3, a connection; /a regular expression/
  --save <file>        write all that passes into a file, as JSON lines
  --load <file>        show what such a file has, in place of a target; with --page in the page too

TLS with clients, who then connect to wss:
  --tls-cert <file>    certificate (PEM), and
  --tls-key <file>     its key

TLS with a wss: target:
${TLS_HELP}
What passes is never held up by its being shown. If more passes than can be shown, connections are
left out, which is said.

Exit status: 0 stopped by Ctrl-C or SIGTERM, or all of the file is legal; 1 it could not listen, or
the file has faults; 2 wrong arguments.

Examples:
  framewright inspect ws://localhost:8080 --port 9090
  framewright inspect wss://echo.example/ws --filter 'close,fault' --save today.jsonl
`;

const OPTIONS = {
  port: { type: 'string', default: '9090' },
  host: { type: 'string', default: '127.0.0.1' },
  page: { type: 'string' },
  'no-page': { type: 'boolean', default: false },
  filter: { type: 'string', default: '' },
  save: { type: 'string' },
  load: { type: 'string' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  ...TLS_OPTIONS,
} as const;

interface Settings {
  readonly host: string;
  readonly port: number;
  /** Port of the page; undefined for none. */
  readonly page: number | undefined;
  readonly filter: Filter;
  readonly save: string | undefined;
}

interface ProxySettings extends Settings {
  readonly target: Address;
  readonly forwarder: ForwarderOptions;
}

interface FileSettings extends Settings {
  readonly load: string;
}

export const inspect: Command = {
  name: 'inspect',
  summary: 'pass connections on to a server, and show every frame',
  help: HELP,
  async run(args) {
    try {
      const settings = parse(args);
      return 'load' in settings ? await show(settings) : await forward(settings);
    } catch (error) {
      if (isUsageFault(error)) return complainAboutUsage('inspect', error.message);
      throw error;
    }
  },
};

/** The parts that what passes is shown by. */
interface Outlets {
  readonly observer: Observer;
  readonly printer: LinePrinter;
  readonly file: WireFile | undefined;
  readonly page: InspectPage | undefined;
}

/** @returns undefined when the page cannot be served, which has been said */
async function openOutlets(
  { host, page: pagePort, filter, save }: Settings,
  target: string,
): Promise<Outlets | undefined> {
  const file = save === undefined ? undefined : openFile(save);
  const assets = readPageAssets();
  let page: InspectPage | undefined;
  if (pagePort !== undefined) {
    try {
      page = await startPage({ host, port: pagePort, target, assets });
    } catch (error) {
      complain(`inspect: the page: ${explainListenFault(error as NodeJS.ErrnoException, pagePort, host, '--page')}`);
      return undefined;
    }
    if (assets.size === 0) complain('inspect: the page has not been built: "npm run build" makes it');
  }
  const printer = new LinePrinter(process.stdout);
  const observer = new Observer({
    target,
    filter,
    paint: painterFor(process.stdout),
    maxCharacters: printer.maxCharacters,
    print: (line) => printer.print(line),
    tell(event, bytes) {
      page?.tell(event, bytes);
      file?.write(event.type === 'bytes' ? { ...event, hex: formatHex(bytes!, '') } : event);
    },
  });
  return { observer, printer, file, page };
}

function openFile(path: string): WireFile {
  try {
    return new WireFile(path);
  } catch (error) {
    throw new UsageError(`--save: cannot write ${path}: ${(error as Error).message}`);
  }
}

// ---- A proxy --------------------------------------------------------------------------------------------------------

async function forward(settings: ProxySettings): Promise<number> {
  const { target, forwarder, host, port } = settings;
  const outlets = await openOutlets(settings, target.url);
  if (outlets === undefined) return 1;
  const thread = new Worker(threadFile(), { workerData: forwarder, stdout: false, stderr: false });
  const forwarding = new Forwarding(thread, outlets);
  const listening = await forwarding.listening.catch((error: NodeJS.ErrnoException) => {
    complain(`inspect: ${explainListenFault(error, port, host)}`);
  });
  let status = 1;
  if (listening !== undefined) {
    const stopped = nextSignal();
    const address = addressOf(settings, listening);
    outlets.page?.announce(address, {
      ...listening,
      isTls: forwarder.tls !== undefined,
      resourceName: target.resourceName,
      host: target.socketPath === undefined ? target.authority : 'localhost',
    });
    await print(greeting(address, target.url, outlets.page));
    status = await Promise.race([stopped.then(() => 0), forwarding.failed.then(() => 1)]);
    if (status === 0) await forwarding.stop();
  }
  await thread.terminate();
  await closeOutlets(outlets, listening !== undefined);
  return status;
}

/** The thread's file lies beside the one that has this code: as source, and in the package. */
function threadFile(): URL {
  return new URL(`./forwarding-thread${extname(new URL(import.meta.url).pathname)}`, import.meta.url);
}

/** Main's side of the thread: its blocks of notes are looked at one after another, and no faster than they are shown. */
class Forwarding {
  readonly listening: Promise<AddressInfo>;
  /** Resolves if the thread fails, which has been said. */
  readonly failed: Promise<void>;
  readonly #thread: Worker;
  readonly #outlets: Outlets;
  /** Settles when all blocks so far have been looked at. */
  #looked: Promise<void> = Promise.resolve();
  #onStopped = () => {};

  constructor(thread: Worker, outlets: Outlets) {
    this.#thread = thread;
    this.#outlets = outlets;
    this.listening = new Promise((resolve, reject) => {
      thread.on('message', (message: ForwardingMessage) => {
        if (message instanceof Uint8Array) this.#looked = this.#looked.then(() => this.#look(message));
        else if (message.type === 'listening') resolve(message.address);
        else if (message.type === 'failed') reject(Object.assign(new Error(message.message), { code: message.code }));
        else this.#onStopped();
      });
      thread.once('error', reject);
    });
    this.failed = new Promise((resolve) => {
      thread.once('error', (error) => {
        complain(`inspect: forwarding has failed: ${error.stack}`);
        resolve();
      });
    });
  }

  /** Nothing is forwarded any more, and what has passed has been shown. */
  async stop(): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      this.#onStopped = resolve;
    });
    this.#thread.postMessage('stop');
    await stopped;
    await this.#looked;
  }

  async #look(block: Uint8Array<ArrayBuffer>): Promise<void> {
    for (const note of readNotes(block)) observe(this.#outlets.observer, note);
    await settle(this.#outlets);
    this.#thread.postMessage(block, [block.buffer]);
  }
}

/** A fault of ours in looking is no reason to stop forwarding. */
function observe(observer: Observer, note: Note): void {
  try {
    observer.take(note);
  } catch (error) {
    complain(`inspect: what passed cannot be shown: ${(error as Error).stack}`);
  }
}

/** Waits until terminal and file have taken what there is. */
async function settle({ printer, file }: Outlets): Promise<void> {
  await printer.flush();
  await file?.drained();
}

async function closeOutlets({ observer, printer, file, page }: Outlets, isSummarized: boolean): Promise<void> {
  await printer.flush();
  await page?.close();
  await file?.close();
  if (file?.error !== undefined) complain(`inspect: --save: the file is not whole: ${file.error.message}`);
  if (!isSummarized) return;
  const { connections, frames, faults } = observer.counts;
  complain(`${plural(connections, 'connection')}, ${plural(frames, 'frame')}, ${plural(faults, 'fault')}`);
}

/** The address of the proxy, for clients. */
function addressOf({ target, forwarder }: ProxySettings, { address, family, port }: AddressInfo): string {
  const scheme = forwarder.tls === undefined ? 'ws' : 'wss';
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}${target.resourceName}`;
}

function greeting(address: string, target: string, page: InspectPage | undefined): string {
  const first = `framewright: connect to ${address}, which leads to ${target}\n`;
  return page === undefined ? first : `${first}framewright: the page is at ${page.url}\n`;
}

// ---- A file ---------------------------------------------------------------------------------------------------------

async function show(settings: FileSettings): Promise<number> {
  const outlets = await openOutlets(settings, settings.load);
  if (outlets === undefined) return 1;
  for (const note of notesOf(readWireFile(settings.load))) {
    outlets.observer.take(note);
    await settle(outlets);
  }
  if (outlets.page !== undefined) {
    const stopped = nextSignal();
    await print(`framewright: the page is at ${outlets.page.url}\n`);
    await stopped;
  }
  await closeOutlets(outlets, false);
  return outlets.observer.counts.faults === 0 ? 0 : 1;
}

// ---- Arguments ------------------------------------------------------------------------------------------------------

function parse(args: readonly string[]): ProxySettings | FileSettings {
  const { values, positionals } = readArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  const { load, page, save } = values;
  const [target, ...more] = positionals;
  if (more.length > 0) throw new UsageError(`there is one target; what is ${JSON.stringify(more[0])}?`);
  if ((target === undefined) === (load === undefined)) {
    throw new UsageError(
      'give the server to pass connections on to, such as ws://localhost:8080, or --load and a file',
    );
  }
  if (page !== undefined && values['no-page']) throw new UsageError('--page and --no-page contradict each other');
  const isPageWanted = load === undefined ? !values['no-page'] : page !== undefined;
  const common = {
    host: readHost(values.host),
    port: readPort(values.port),
    page: isPageWanted ? readPort(page ?? '0', 'page') : undefined,
    filter: parseFilter(values.filter),
    save,
  };
  if (load !== undefined) return { ...common, load };
  const address = readTarget(target!);
  const { host, port } = common;
  const { socketPath } = address;
  const tls = readTlsSettings(values);
  const pair = readPair(['tls-cert', values['tls-cert']], ['tls-key', values['tls-key']]);
  return {
    ...common,
    target: address,
    forwarder: {
      listen: { host, port },
      tls: pair.cert === undefined ? undefined : pair,
      target: { host: address.host, port: Number(address.port), socketPath, tls: address.isSecure ? tls : undefined },
    },
  };
}

function readTarget(text: string): Address {
  try {
    return parseAddress(completeAddress(text));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(
      `${JSON.stringify(text)} is no address of a WebSocket: write it as ws://host:port/path, or wss: for TLS`,
    );
  }
}
