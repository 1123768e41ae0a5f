/**
 * `npm run build:kernel`: assembles src/memory/mask-kernel.wat and writes the bytes to mask-kernel-bytes.ts beside it.
 * A test assembles it again and compares.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

const SOURCE = new URL('../../src/memory/mask-kernel.wat', import.meta.url);
const TARGET = new URL('../../src/memory/mask-kernel-bytes.ts', import.meta.url);

/** The module in base64. */
export async function assembleKernel(): Promise<string> {
  const { parseWat } = await wabt();
  const module = parseWat('mask-kernel.wat', await readFile(SOURCE, 'utf8'), { simd: true });
  return Buffer.from(module.toBinary({}).buffer).toString('base64');
}

/** The file that holds it. */
export function kernelFile(base64: string): string {
  const lines = base64.match(/.{1,100}/g)!.map((line) => `  '${line}',`);
  return `/** mask-kernel.wat, assembled: \`npm run build:kernel\` writes this file. */

export const MASK_KERNEL_BASE64 = [
${lines.join('\n')}
].join('');
`;
}

if (argv[1] === fileURLToPath(import.meta.url)) await writeFile(TARGET, kernelFile(await assembleKernel()));
