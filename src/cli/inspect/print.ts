/**
 * Prints lines in one write for many, and no faster than whoever reads them takes them. On a terminal, where people read,
 * so many a second are enough: of the others it says how many there were.
 */

const MAX_LINES_PER_SECOND = 2000;
/** What stands in a line in front of a payload. */
const PLACE_CHARACTERS = 50;
const CHARACTERS_IN_A_FILE = 200;

export class LinePrinter {
  readonly maxCharacters: number;
  readonly #stream: NodeJS.WriteStream;
  readonly #nowMs: () => number;
  #lines: string[] = [];
  #secondBegan = 0;
  #inThisSecond = 0;
  #leftOut = 0;

  constructor(stream: NodeJS.WriteStream, nowMs: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#nowMs = nowMs;
    this.maxCharacters = stream.isTTY ? Math.max(20, (stream.columns || 100) - PLACE_CHARACTERS) : CHARACTERS_IN_A_FILE;
  }

  print(line: string): void {
    if (this.#stream.isTTY && !this.#hasRoom()) {
      this.#leftOut++;
      return;
    }
    this.#lines.push(line);
  }

  /** Resolves once all has been written. */
  async flush(): Promise<void> {
    if (this.#lines.length === 0) return;
    const text = `${this.#lines.join('\n')}\n`;
    this.#lines = [];
    if (!this.#stream.write(text)) await new Promise<void>((resolve) => this.#stream.once('drain', resolve));
  }

  #hasRoom(): boolean {
    const now = this.#nowMs();
    if (now - this.#secondBegan >= 1000) {
      if (this.#leftOut > 0) this.#lines.push(`… and ${this.#leftOut} lines more than anybody can read`);
      this.#secondBegan = now;
      this.#inThisSecond = 0;
      this.#leftOut = 0;
    }
    return ++this.#inThisSecond <= MAX_LINES_PER_SECOND;
  }
}
