#!/usr/bin/env node
/**
 * The `framewright` command: finds the sub-command and runs it. It refuses to know what they do.
 */

import { readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { nearestName } from '../options/option-check.ts';
import type { Command } from './command.ts';
import { conformance } from './conformance.ts';
import { connect } from './connect.ts';
import { decode } from './decode.ts';
import { inspect } from './inspect.ts';
import { serve } from './serve.ts';
import { complain, endQuietlyOnBrokenPipe, print } from './terminal.ts';

export const COMMANDS: readonly Command[] = [decode, serve, inspect, connect, conformance];

/**
 * Runs `framewright` with these arguments.
 * @returns the exit status, as `Command.run` has it
 */
export async function run(args: readonly string[]): Promise<number> {
  const [word, ...rest] = args;
  if (word === undefined) {
    process.stderr.write(overview());
    return 2;
  }
  if (word === '--version' || word === '-v') {
    await print(`${packageVersion()}\n`);
    return 0;
  }
  if (word === '--help' || word === '-h' || (word === 'help' && rest.length === 0)) {
    await print(overview());
    return 0;
  }
  const name = word === 'help' ? rest[0]! : word;
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) return unknownCommand(name);
  const end = rest.indexOf('--');
  const options = end === -1 ? rest : rest.slice(0, end);
  if (word === 'help' || options.includes('--help') || options.includes('-h')) {
    await print(command.help);
    return 0;
  }
  return command.run(rest);
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length)) + 2;
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}\n`);
  return [
    'Usage: framewright <command> [options]\n\n',
    'WebSocket for Node.js, written from the RFCs up.\n\nCommands:\n',
    ...lines,
    '\n  framewright <command> --help   how to use a command\n  framewright --version          the version\n',
  ].join('');
}

function unknownCommand(name: string): 2 {
  const names = COMMANDS.map((command) => command.name);
  const isBeginning = (candidate: string): boolean => name.length > 1 && candidate.startsWith(name);
  const nearest = nearestName(name, names) ?? names.find(isBeginning);
  const hint = nearest === undefined ? 'see "framewright --help"' : `did you mean "${nearest}"?`;
  complain(`there is no command ${JSON.stringify(name)}: ${hint}`);
  return 2;
}

/** package.json lies two folders up from src/cli and from dist/cli alike. */
function packageVersion(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}

/** Whether this file is what Node was started with, possibly by way of the link that npm makes for `bin`. */
function isStarted(): boolean {
  const started = process.argv[1];
  return started !== undefined && realpathSync(started) === fileURLToPath(import.meta.url);
}

if (isStarted()) {
  endQuietlyOnBrokenPipe(process.stdout);
  endQuietlyOnBrokenPipe(process.stderr);
  void run(process.argv.slice(2)).then((status) => {
    process.exitCode = status;
  });
}
