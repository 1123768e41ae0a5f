/**
 * `node compile.mjs typescript-folder config...`: what that version of TypeScript says of each program, by JSON, in one
 * process: of its own files and of all declarations that it uses but those of TypeScript and of Node.js themselves.
 */

import { createRequire } from 'node:module';

const [typescript, ...configs] = process.argv.slice(2);
const ts = createRequire(import.meta.url)(typescript);
const host = {
  ...ts.sys,
  onUnRecoverableConfigFileDiagnostic: ({ messageText }) => {
    throw new Error(ts.flattenDiagnosticMessageText(messageText, '\n'));
  },
};
const asText = (diagnostics) =>
  ts.formatDiagnostics(diagnostics, { ...host, getCanonicalFileName: (name) => name, getNewLine: () => '\n' });

const complaints = configs.map((config) => {
  const { fileNames, options, errors } = ts.getParsedCommandLineOfConfigFile(config, {}, host);
  const program = ts.createProgram(fileNames, options);
  const files = program
    .getSourceFiles()
    .filter(({ fileName }) => !/\/node_modules\/(typescript|types)-/.test(fileName));
  const uses = (part) => files.some(({ fileName }) => fileName.includes(part));
  if (!uses('node_modules/framewright/dist/') || !uses(fileNames[0])) return 'The program is not what it should be.';
  const found = files.flatMap((file) => [
    ...program.getSyntacticDiagnostics(file),
    ...program.getSemanticDiagnostics(file),
  ]);
  return asText([...errors, ...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics(), ...found]);
});
console.log(JSON.stringify(complaints));
