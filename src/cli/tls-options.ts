/** Options of commands that connect with TLS: whom to trust, and who we are. */

import { readFileSync } from 'node:fs';
import { UsageError } from './usage.ts';

export const TLS_OPTIONS = {
  insecure: { type: 'boolean', default: false },
  ca: { type: 'string' },
  cert: { type: 'string' },
  key: { type: 'string' },
  servername: { type: 'string' },
} as const;

export const TLS_HELP = `  --insecure           take any certificate, also one that nobody vouches for
  --ca <file>          take certificates that this one vouches for (PEM), and no others
  --cert, --key <file> our own certificate and its key (PEM), for servers that ask for one
  --servername <name>  the name that is asked for and has to be in the certificate
`;

interface TlsValues {
  readonly insecure: boolean;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly servername?: string | undefined;
}

export interface TlsSettings {
  readonly rejectUnauthorized: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
}

/**
 * The same as `tls.connect` has it, with the files read.
 * @throws {UsageError} when one cannot be read, or certificate and key do not come together
 */
export function readTlsSettings({ insecure, ca, cert, key, servername }: TlsValues): TlsSettings {
  return {
    rejectUnauthorized: !insecure,
    ...(ca !== undefined && { ca: readPem('ca', ca) }),
    ...readPair(['cert', cert], ['key', key]),
    ...(servername !== undefined && { servername }),
  };
}

type Named = readonly [option: string, path: string | undefined];

/** Certificate and key. @throws {UsageError} when one is missing, or cannot be read */
export function readPair([certOption, cert]: Named, [keyOption, key]: Named): { cert?: string; key?: string } {
  if (cert === undefined && key === undefined) return {};
  if (cert === undefined || key === undefined) {
    const [has, lacks] = cert === undefined ? [keyOption, certOption] : [certOption, keyOption];
    throw new UsageError(`--${has} goes with --${lacks}: give both`);
  }
  return { cert: readPem(certOption, cert), key: readPem(keyOption, key) };
}

/** @throws {UsageError} when the file cannot be read, or is none of that form */
export function readPem(option: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (error) {
    throw new UsageError(`--${option}: cannot read ${path}: ${(error as Error).message}`);
  }
  if (text.includes('-----BEGIN ')) return text;
  throw new UsageError(`--${option}: ${path} is no PEM file: it has to have a line "-----BEGIN …"`);
}
