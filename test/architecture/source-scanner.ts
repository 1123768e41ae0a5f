/**
 * A scanner for TypeScript source that knows just enough to tell code from comments, strings, templates and regular
 * expressions. The checks of the architecture and of the traceability table stand on it, because TypeScript 7 has no
 * compiler API to ask. It knows no grammar: JSX text is scanned as if it were code, which is harmless for names and
 * imports as long as quotes in it end on their own line, and a scan that loses its way throws instead of guessing.
 */

export type TokenKind = 'word' | 'number' | 'string' | 'template' | 'regex' | 'punctuation' | 'comment';

export interface Token {
  readonly kind: TokenKind;
  /** What was written; for strings and template pieces the value, without quotes and with escapes resolved. */
  readonly text: string;
  /** Line of the first character, counted from 1. */
  readonly line: number;
}

export type ImportKind = 'value' | 'type' | 'dynamic' | 'require';

export interface ImportSpecifier {
  /** `undefined` when the specifier is computed, so that nobody can tell by reading what is loaded. */
  readonly specifier: string | undefined;
  readonly kind: ImportKind;
  readonly line: number;
}

const WHITESPACE = /\s+/y;
const LINE_COMMENT = /\/\/[^\n]*/y;
const HASHBANG = /#![^\n]*/y;
const BLOCK_COMMENT = /\/\*[\s\S]*?\*\//y;
const STRING = /'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"/y;
const REGEX = /\/(?![*/])(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const WORD = /#?[\p{ID_Start}$_][\p{ID_Continue}$]*/uy;
const NUMBER = /\.?\d(?:[eE][+-]|[\w.])*/y;
const TEMPLATE_PIECE = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/y;

/** After one of these a slash begins a regular expression; after any other word it divides. */
const WORDS_BEFORE_REGEX = new Set(
  'return typeof case in of delete void throw new else do yield await instanceof'.split(' '),
);

const SIMPLE_ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', v: '\v', 0: '\0' };

function resolveEscapes(raw: string): string {
  return raw.replace(
    /\\(?:u\{([\da-fA-F]+)\}|u([\da-fA-F]{4})|x([\da-fA-F]{2})|(\r?\n)|([\s\S]))/g,
    (_, braced?: string, four?: string, two?: string, newline?: string, other?: string) => {
      const hex = braced ?? four ?? two;
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      return newline !== undefined ? '' : (SIMPLE_ESCAPES[other!] ?? other!);
    },
  );
}

class SourceScanner {
  private readonly source: string;
  private readonly tokens: Token[] = [];
  /** For each template whose `${` is open: how many braces are open inside it. */
  private readonly templates: number[] = [];
  private offset = 0;
  private line = 1;
  private previous: Token | undefined;

  constructor(source: string) {
    this.source = source;
  }

  scan(): Token[] {
    if (this.source.startsWith('#!')) this.emit('comment', this.match(HASHBANG)!);
    while (this.offset < this.source.length) this.scanOne();
    if (this.templates.length > 0) throw new Error(`unterminated template at line ${this.line}`);
    return this.tokens;
  }

  private scanOne(): void {
    const space = this.match(WHITESPACE);
    if (space !== undefined) {
      this.advance(space);
      return;
    }
    const isToken =
      this.tryEmit('comment', LINE_COMMENT) ||
      this.tryEmit('comment', BLOCK_COMMENT) ||
      this.tryEmit('string', STRING) ||
      this.tryEmit('word', WORD) ||
      this.tryEmit('number', NUMBER) ||
      (this.slashBeginsRegex() && this.tryEmit('regex', REGEX));
    if (!isToken) this.scanPunctuation();
  }

  private scanPunctuation(): void {
    const mark = this.source[this.offset]!;
    if (this.source.startsWith('/*', this.offset)) throw new Error(`unterminated comment at line ${this.line}`);
    const depth = this.templates.length - 1;
    const endsExpression = mark === '}' && this.templates[depth] === 0;
    if (mark === '`' || endsExpression) {
      if (endsExpression) this.templates.pop();
      this.advance(mark);
      this.scanTemplatePiece();
      return;
    }
    if (depth >= 0 && mark === '{') this.templates[depth]! += 1;
    if (depth >= 0 && mark === '}') this.templates[depth]! -= 1;
    this.emit('punctuation', mark);
  }

  private scanTemplatePiece(): void {
    this.emit('template', this.match(TEMPLATE_PIECE)!);
    if (this.source[this.offset] === '`') {
      this.advance('`');
    } else if (this.source.startsWith('${', this.offset)) {
      this.templates.push(0);
      this.advance('${');
    } else {
      throw new Error(`unterminated template at line ${this.line}`);
    }
  }

  private slashBeginsRegex(): boolean {
    if (this.source[this.offset] !== '/') return false;
    const { previous } = this;
    if (previous === undefined) return true;
    if (previous.kind === 'word') return WORDS_BEFORE_REGEX.has(previous.text);
    if (previous.kind !== 'punctuation') return false;
    // JSX: `</p>` and `{value} />` are tags, not patterns.
    if (previous.text === '<' || (previous.text === '}' && this.source[this.offset + 1] === '>')) return false;
    return previous.text !== ')' && previous.text !== ']';
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.offset;
    return pattern.exec(this.source)?.[0];
  }

  private tryEmit(kind: TokenKind, pattern: RegExp): boolean {
    const raw = this.match(pattern);
    if (raw === undefined) return false;
    this.emit(kind, raw);
    return true;
  }

  private emit(kind: TokenKind, raw: string): void {
    const inner = kind === 'string' ? raw.slice(1, -1) : raw;
    const text = kind === 'string' || kind === 'template' ? resolveEscapes(inner) : raw;
    const token = { kind, text, line: this.line };
    this.tokens.push(token);
    if (kind !== 'comment') this.previous = token;
    this.advance(raw);
  }

  private advance(raw: string): void {
    this.offset += raw.length;
    for (const character of raw) if (character === '\n') this.line += 1;
  }
}

/** Splits source into tokens, comments included. Throws when a comment or a template never ends. */
export function scanSource(source: string): Token[] {
  return new SourceScanner(source).scan();
}

/** The tokens that run: everything but the comments. */
export function scanCode(source: string): Token[] {
  return scanSource(source).filter((token) => token.kind !== 'comment');
}

function isMark(token: Token | undefined, text: string): boolean {
  return token?.kind === 'punctuation' && token.text === text;
}

function isWord(token: Token | undefined, text: string): boolean {
  return token?.kind === 'word' && token.text === text;
}

function readCall(code: Token[], index: number, kind: ImportKind): ImportSpecifier {
  const argument = code[index + 2];
  const isLiteral = argument?.kind === 'string' && (isMark(code[index + 3], ')') || isMark(code[index + 3], ','));
  return { specifier: isLiteral ? argument.text : undefined, kind, line: code[index]!.line };
}

/** The string of `import … from 'x'`, `import 'x'` or `export … from 'x'` whose keyword stands at `index`. */
function readFromClause(code: Token[], index: number): ImportSpecifier | undefined {
  const first = code[index + 1];
  const second = code[index + 2];
  const isImport = isWord(code[index], 'import');
  const isType = isWord(first, 'type') && (second?.kind === 'word' ? second.text !== 'from' : second !== undefined);
  const clauseStart = isType ? index + 2 : index + 1;
  if (!isImport && !isMark(code[clauseStart], '{') && !isMark(code[clauseStart], '*')) return undefined;
  for (let i = clauseStart; i < code.length && !isMark(code[i], ';'); i++) {
    const token = code[i]!;
    if (token.kind === 'string') {
      const belongs = isWord(code[i - 1], 'from') || (isImport && i === index + 1);
      // Names in quotes (`export { a as 'module.exports' }`) are strings too, and not specifiers.
      if (belongs) return { specifier: token.text, kind: isType ? 'type' : 'value', line: code[index]!.line };
    }
    if (isMark(token, '}') && !isWord(code[i + 1], 'from')) return undefined;
  }
  return undefined;
}

/** Every import, export-from, dynamic `import()` and `require()` of a file, in order. */
export function findImports(source: string): ImportSpecifier[] {
  const code = scanCode(source);
  const found: ImportSpecifier[] = [];
  code.forEach((token, index) => {
    const isKeyword = token.kind === 'word' && !isMark(code[index - 1], '.');
    if (!isKeyword) return;
    const isCall = isMark(code[index + 1], '(');
    if (token.text === 'import' && isCall) found.push(readCall(code, index, 'dynamic'));
    else if (token.text === 'require' && isCall) found.push(readCall(code, index, 'require'));
    else if (token.text === 'export' || (token.text === 'import' && !isMark(code[index + 1], '.'))) {
      const specifier = readFromClause(code, index);
      if (specifier !== undefined) found.push(specifier);
    }
  });
  return found;
}

const DECLARATION_WORDS = new Set('const let var function class interface type abstract async declare'.split(' '));

function readExportList(code: Token[], braceIndex: number): string[] {
  const names: string[] = [];
  for (let i = braceIndex + 1; i < code.length && !isMark(code[i], '}'); i++) {
    const endsEntry = isMark(code[i + 1], ',') || isMark(code[i + 1], '}');
    if (endsEntry && (code[i]!.kind === 'word' || code[i]!.kind === 'string')) names.push(code[i]!.text);
  }
  return names;
}

/** The names a file exports under its own declarations and export lists (`export * from` is not followed). */
export function findExports(source: string): Set<string> {
  const code = scanCode(source);
  const names = new Set<string>();
  code.forEach((token, index) => {
    if (!isWord(token, 'export') || isMark(code[index - 1], '.')) return;
    let at = index + 1;
    if (isWord(code[at], 'default')) names.add('default');
    if (isWord(code[at], 'type') && isMark(code[at + 1], '{')) at += 1;
    if (isMark(code[at], '{')) for (const name of readExportList(code, at)) names.add(name);
    if (isMark(code[at], '*') && isWord(code[at + 1], 'as')) names.add(code[at + 2]!.text);
    while (code[at]?.kind === 'word' && DECLARATION_WORDS.has(code[at]!.text)) at += 1;
    if (isMark(code[at], '*') && isWord(code[at - 1], 'function')) at += 1;
    if (at > index + 1 && code[at]?.kind === 'word') names.add(code[at]!.text);
  });
  return names;
}

/** Whether the body of `class className` or `interface className` declares `member` (private `#names` excluded). */
export function hasMember(source: string, className: string, member: string): boolean {
  const code = scanCode(source);
  const start = code.findIndex(
    (token, i) => isWord(token, className) && (isWord(code[i - 1], 'class') || isWord(code[i - 1], 'interface')),
  );
  if (start < 0) return false;
  let braces = 0;
  let parentheses = 0;
  for (let i = start; i < code.length; i++) {
    const token = code[i]!;
    if (token.kind === 'word') {
      const isDeclared = '(<=:?;!'.includes(code[i + 1]?.text ?? ' ') && !isMark(code[i - 1], '.');
      if (braces === 1 && parentheses === 0 && token.text === member && isDeclared) return true;
    } else if (token.kind === 'punctuation') {
      if (token.text === '{') braces += 1;
      if (token.text === '}' && --braces === 0) return false;
      if (token.text === '(') parentheses += 1;
      if (token.text === ')') parentheses -= 1;
    }
  }
  return false;
}
