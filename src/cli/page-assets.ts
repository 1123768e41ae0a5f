/**
 * The files of the playground page, in a map from path to file. They are read once, at the start, so that no request
 * reaches the file system. Whichever server asks gets its answers to plain HTTP requests here.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import type { Desk } from '../inspector/index.ts';
import { pathOf } from './request-target.ts';

interface PlainAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

interface Asset {
  readonly contentType: string;
  readonly body: Uint8Array;
  readonly isImmutable: boolean;
}

export type PageAssets = ReadonlyMap<string, Asset>;

/** Where the build puts the page, two folders up from src/cli and from dist/cli alike. */
export const PAGE_FOLDER = new URL('../../dist/playground/', import.meta.url);

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
};

/**
 * Everything from this origin and nothing from elsewhere; no inline scripts; no framing. WebSockets may lead elsewhere: to
 * wherever the person at the page says.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self' ws: wss:",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const COMMON_HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
};

/** Reads the built page; empty when it has not been built. */
export function readPageAssets(folder: URL = PAGE_FOLDER): PageAssets {
  const assets = new Map<string, Asset>();
  if (!existsSync(new URL('index.html', folder))) return assets;
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    // What the build has compressed.
    const isCompressed = entry.endsWith('.br');
    const path = entry.replaceAll('\\', '/').replace(/\.br$/, '');
    const contentType = CONTENT_TYPES[extname(path)];
    if (contentType === undefined) continue;
    // The bundler puts a digest of the content into the names of what lies in assets/.
    const isImmutable = path.startsWith('assets/');
    const content = readFileSync(new URL(entry, folder));
    const body = isCompressed ? brotliDecompressSync(content) : content;
    assets.set(`/${path}`, { contentType, body, isImmutable });
  }
  const index = assets.get('/index.html');
  if (index !== undefined) assets.set('/', index);
  return assets;
}

/** The page, and beside it what it asks first. */
export function withDesk(assets: PageAssets, desk: Desk): PageAssets {
  const body = Buffer.from(JSON.stringify(desk));
  return new Map(assets).set('/desk.json', { contentType: CONTENT_TYPES['.json']!, body, isImmutable: false });
}

/** Answers a plain HTTP request. HEAD gets GET's answer: servers leave the body out and count it all the same. */
export function answerPlainRequest(assets: PageAssets, method: string, target: string): PlainAnswer {
  if (method !== 'GET' && method !== 'HEAD') {
    return text(405, 'Only GET and HEAD are answered here.\n', { Allow: 'GET, HEAD' });
  }
  const path = pathOf(target);
  const asset = assets.get(path);
  if (asset === undefined) {
    if (path === '/') return text(503, PAGE_MISSING);
    return text(404, `There is nothing at ${path}.\n`);
  }
  const headers = {
    ...COMMON_HEADERS,
    'Content-Type': asset.contentType,
    'Cache-Control': asset.isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
  return { status: 200, headers, body: asset.body };
}

export const PAGE_MISSING = [
  'The playground page has not been built, so there is nothing to show here yet.\n',
  'Build it with "npm run build" in the folder of framewright and start the server again.\n',
  'The echo server at this address works all the same.\n',
].join('');

function text(status: number, body: string, extra: Readonly<Record<string, string>> = {}): PlainAnswer {
  return { status, headers: { ...COMMON_HEADERS, ...extra, 'Content-Type': 'text/plain; charset=utf-8' }, body };
}
