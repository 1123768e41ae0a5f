/**
 * A tab of Chromium, driven through DevTools with the client of this project. Nobody listens to its network: a tool that
 * does is told of each frame with its payload, and the page waits while Chromium writes that down.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket } from '../../src/index.ts';
import { CHROMIUM, CHROMIUM_ARGS } from '../../test/browser/chromium.ts';

type Result = Record<string, unknown>;

interface Answer {
  readonly id?: number;
  readonly result?: Result;
  readonly error?: { readonly message: string };
}

/** How often the page is asked for what is waited for, and for how long. */
const ASK_EVERY_MS = 20;
const PATIENCE_MS = 120_000;
const REPEAT_KEY_MS = 33;

/** Keys with the codes by which Chromium knows them. */
const KEY_CODES = { Backspace: 8, Enter: 13, PageDown: 34, End: 35, Home: 36, ArrowUp: 38, v: 86 } as const;

/** What the page gets to find its elements by. */
const FINDERS = `
  window.field = (name) => [...document.querySelectorAll('input, select, textarea')].find(
    (one) => one.ariaLabel === name || [...one.labels].some((label) => label.textContent.startsWith(name)));
  window.button = (name) => [...document.querySelectorAll('button')].find((one) => one.textContent === name);
`;

export class Chromium {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #lastId = 0;

  private constructor(process: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.on('message', (data) => {
      const answer = JSON.parse(String(data)) as Answer;
      this.#waiting.get(answer.id ?? 0)?.(answer);
    });
  }

  static async launch(): Promise<Chromium> {
    const profile = mkdtempSync(join(tmpdir(), 'framewright-tab-'));
    const own = ['--remote-debugging-port=0', `--user-data-dir=${profile}`, '--window-size=1280,900'];
    const chromium = spawn(CHROMIUM, [...CHROMIUM_ARGS, ...own], { stdio: ['ignore', 'ignore', 'pipe'] });
    // Also when something has gone wrong.
    process.once('exit', () => chromium.kill());
    const socket = new WebSocket(await devToolsAddress(chromium), { perMessageDeflate: false });
    await once(socket, 'open');
    return new Chromium(chromium, profile, socket);
  }

  async open(url: string): Promise<Tab> {
    const { targetId } = await this.call('Target.createTarget', { url });
    const { sessionId } = await this.call('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab((method, params) => this.call(method, params, sessionId as string));
    await tab.until(`document.querySelector('h1') !== null`);
    await tab.evaluate(FINDERS);
    return tab;
  }

  /** Lets pages read and write the clipboard. */
  async shareClipboard(): Promise<void> {
    await this.call('Browser.grantPermissions', { permissions: ['clipboardReadWrite', 'clipboardSanitizedWrite'] });
  }

  async close(): Promise<void> {
    const exited = once(this.#process, 'exit');
    await this.call('Browser.close', {});
    await exited;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  /** Calls a method of the DevTools protocol: of a tab, when its session is given. */
  private call(method: string, params: object, sessionId?: string): Promise<Result> {
    const id = ++this.#lastId;
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result = {}, error }) => {
        this.#waiting.delete(id);
        if (error === undefined) resolve(result);
        else reject(new Error(`${method}: ${error.message}`));
      });
    });
  }
}

/** Chromium says on stderr where it listens. */
async function devToolsAddress({ stderr }: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: stderr! })) {
    const address = /^DevTools listening on (ws:\S+)/.exec(line)?.[1];
    if (address !== undefined) return address;
  }
  throw new Error('Chromium has ended without a DevTools address');
}

/** Elements are named by expressions of JavaScript; `field('…')` and `button('…')` find them by what they are called. */
export class Tab {
  readonly #call: (method: string, params: object) => Promise<Result>;

  constructor(call: (method: string, params: object) => Promise<Result>) {
    this.#call = call;
  }

  /** The value of an expression, awaited. */
  async evaluate(expression: string): Promise<unknown> {
    const result = await this.#evaluate({ expression, awaitPromise: true, returnByValue: true });
    return result.value;
  }

  /** Waits until an expression is true. @throws {Error} after two minutes */
  async until(expression: string): Promise<void> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    while ((await this.evaluate(expression)) !== true) {
      if (performance.now() > deadlineMs) throw new Error(`The page never came to ${expression}`);
      await wait(ASK_EVERY_MS);
    }
  }

  async click(element: string): Promise<void> {
    const [x, y] = (await this.evaluate(`(() => {
      const one = ${element};
      one.scrollIntoView({ block: 'nearest' });
      const { left, top, width, height } = one.getBoundingClientRect();
      return [left + width / 2, top + height / 2];
    })()`)) as [number, number];
    const at = { x, y, button: 'left', clickCount: 1 };
    await this.#call('Input.dispatchMouseEvent', { type: 'mousePressed', ...at });
    await this.#call('Input.dispatchMouseEvent', { type: 'mouseReleased', ...at });
  }

  async scroll(element: string, pixels: number): Promise<void> {
    const { left, top } = (await this.evaluate(`${element}.getBoundingClientRect().toJSON()`)) as Record<
      string,
      number
    >;
    const wheel = { type: 'mouseWheel', x: left! + 10, y: top! + 10, deltaX: 0, deltaY: pixels };
    await this.#call('Input.dispatchMouseEvent', wheel);
  }

  /** Holds a key down for so many of its repetitions, as fast as keyboards repeat. */
  async hold(key: keyof typeof KEY_CODES, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await this.press(key);
      await wait(REPEAT_KEY_MS);
    }
  }

  /** @param commands what the key is for the editor, such as `paste` */
  async press(key: keyof typeof KEY_CODES, commands: readonly string[] = []): Promise<void> {
    const event = { key, code: key, windowsVirtualKeyCode: KEY_CODES[key] };
    const text = key === 'Enter' ? '\r' : undefined;
    await this.#call('Input.dispatchKeyEvent', { type: text ? 'keyDown' : 'rawKeyDown', ...event, text, commands });
    await this.#call('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
  }

  /** Writes into a field, in place of what is in it. */
  async fill(element: string, text: string): Promise<void> {
    await this.evaluate(`(${element}.focus(), ${element}.select())`);
    if (text === '') await this.press('Backspace');
    else await this.#call('Input.insertText', { text });
  }

  async select(element: string, value: string): Promise<void> {
    await this.evaluate(`(() => {
      ${element}.value = ${JSON.stringify(value)};
      ${element}.dispatchEvent(new Event('change', { bubbles: true }));
    })()`);
  }

  async chooseFile(element: string, file: string): Promise<void> {
    const { objectId } = await this.#evaluate({ expression: element });
    await this.#call('DOM.setFileInputFiles', { files: [file], objectId });
  }

  async close(): Promise<void> {
    await this.#call('Page.close', {});
  }

  async #evaluate(params: object): Promise<Result> {
    const { result, exceptionDetails } = await this.#call('Runtime.evaluate', params);
    if (exceptionDetails !== undefined) throw new Error(`The page says: ${JSON.stringify(exceptionDetails)}`);
    return result as Result;
  }
}
