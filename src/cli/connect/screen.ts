/**
 * Where a person talks to a connection: a line to edit at the bottom, and above it what happens. It knows nothing of what
 * is typed or shown.
 */

import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline';
import { History } from './history.ts';

export interface ScreenHandler {
  line(text: string): void;
  /** Ctrl-D, or the terminal has gone. */
  end(): void;
  /** Ctrl-C. */
  interrupt(): void;
  complete(line: string): [string[], string];
}

const PROMPT = '> ';

/** On which row of the line its cursor was when it was drawn last: Node keeps it without a name in its types. */
type Drawn = Interface & { prevRows?: number };

export class Screen {
  readonly #line: Drawn;
  readonly #output: NodeJS.WritableStream;
  #isOver = false;

  constructor(
    input: NodeJS.ReadableStream,
    output: NodeJS.WritableStream,
    historyPath: string | undefined,
    handler: ScreenHandler,
  ) {
    const history = new History(historyPath);
    this.#output = output;
    this.#line = createInterface({
      input,
      output,
      terminal: true,
      prompt: PROMPT,
      history: history.lines.toReversed(),
      historySize: 1000,
      removeHistoryDuplicates: true,
      completer: handler.complete,
    });
    this.#line.on('line', (text) => {
      history.add(text);
      handler.line(text);
      if (!this.#isOver) this.#line.prompt();
    });
    this.#line.on('SIGINT', () => handler.interrupt());
    this.#line.on('close', () => {
      if (!this.#isOver) handler.end();
      this.#isOver = true;
    });
    this.#line.prompt();
  }

  /** Writes above the line that is being edited. @param write gets the place cleared */
  above(write: () => void): void {
    if (this.#isOver) {
      write();
      return;
    }
    const { rows } = this.#line.getCursorPos();
    moveCursor(this.#output, 0, -rows);
    cursorTo(this.#output, 0);
    clearScreenDown(this.#output);
    write();
    this.#line.prevRows = 0;
    this.#line.prompt(true);
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    cursorTo(this.#output, 0);
    clearScreenDown(this.#output);
    this.#line.close();
  }
}
