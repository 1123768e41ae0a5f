/**
 * The API reference in spec-notes/api, made from the docstrings of src by TypeDoc: `npm run build:api`. A page for each entry
 * of the package.
 *
 * TypeDoc works with the compiler API of TypeScript 6, which TypeScript 7 does not have: it gets that under another name.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { register } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { ENTRIES } from './entries.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const API_FOLDER = join(ROOT, 'spec-notes/api');
const RESOLVE = `export const resolve = (specifier, context, next) =>
  next(specifier === 'typescript' ? 'typescript-api' : specifier, context);`;

const sourceOf = ({ source, types = source }: (typeof ENTRIES)[string]) => types;

/** Writes the pages into an empty folder. */
export async function writeApiPages(folder: string): Promise<void> {
  register(`data:text/javascript,${encodeURIComponent(RESOLVE)}`, import.meta.url);
  const { Application } = await import('typedoc');
  const names = new Map(
    Object.entries(ENTRIES).map(([entry, files]) => [
      sourceOf(files).replace(/^src\/(?:(.*)\/)?index\.ts$/, (_, path: string | undefined) => path ?? 'index'),
      entry === '.' ? 'framewright' : `framewright-${entry.slice(2)}`,
    ]),
  );
  const application = await Application.bootstrapWithPlugins({
    plugin: ['typedoc-plugin-markdown'],
    entryPoints: Object.values(ENTRIES).map((entry) => join(ROOT, sourceOf(entry))),
    tsconfig: join(ROOT, 'src/tsconfig.build.json'),
    out: folder,
    name: 'API reference',
    readme: 'none',
    excludePrivate: true,
    excludeInternal: true,
    excludeExternals: true,
    disableSources: true,
    disableGit: true,
    skipErrorChecking: true,
    logLevel: 'Error',
    // Options of the plugin, which TypeDoc's own types do not know.
    ...({
      router: 'module',
      hidePageHeader: true,
      hideBreadcrumbs: true,
      useCodeBlocks: true,
      useHTMLAnchors: true,
      parametersFormat: 'table',
      propertiesFormat: 'table',
      interfacePropertiesFormat: 'table',
    } as object),
  });
  const project = await application.convert();
  if (project === undefined) throw new Error('TypeDoc has made nothing of src');
  for (const module of project.children ?? []) module.name = names.get(module.name) ?? module.name;
  await application.generateOutputs(project);
  if (application.logger.hasErrors()) throw new Error('TypeDoc has failed');
}

/** The files in a folder, by path. */
export function readPages(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.md'));
  return Object.fromEntries(paths.sort().map((path) => [path, readFileSync(join(folder, path), 'utf8')]));
}

/** @returns the pages as src has them now */
export async function makeApiPages(): Promise<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), 'framewright-api-'));
  try {
    await writeApiPages(folder);
    return readPages(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  rmSync(API_FOLDER, { recursive: true, force: true });
  await writeApiPages(API_FOLDER);
}
