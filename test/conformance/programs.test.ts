/**
 * The cases with programs: a testee without fault passes each of them, and each finds the fault that it is about. That it
 * is the only one to find it, and those that move megabytes, is for `npm run test:conformance`.
 */

import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { compareIds } from '../../src/conformance/case.ts';
import {
  PROGRAM_CASES,
  runSuite,
  selectAnyCases,
  selectCases,
  startFuzzingServer,
} from '../../src/conformance/index.ts';
import { NAMESPACES } from '../../src/conformance/programs/cases/index.ts';
import { answerLine } from '../../src/conformance/programs/extensions.ts';
import { utf8 } from '../../src/conformance/programs/moves.ts';
import { Peer } from '../../src/conformance/programs/peer.ts';
import { rawFrame } from '../../src/conformance/programs/raw-frame.ts';
import { Opcode } from '../../src/protocol/index.ts';
import { driveClient } from './client-driver.ts';
import { isFound, isHeavy, ROLES, runAll, SHORT_PATIENCE_MS } from './faulty/program-roles.ts';
import { faultOf } from './faulty/run-programs.ts';
import { FAULT_OF } from './faulty/switched-faults.ts';
import { makeOwnHttp2Client, startOwnHttp2Server } from './targets.ts';
import { idsOf, shortcomings } from './verdicts.ts';

describe.each(ROLES)('cases with programs, %s as testee', (role, cases, run) => {
  const light = cases.filter((testCase) => !isHeavy(testCase));

  it('pass without a fault', async () => {
    const verdicts = await runAll(light, run, () => ({}));
    const notOk = Object.entries(verdicts).filter(([, verdict]) => verdict !== 'OK' && verdict !== 'INFORMATIONAL');
    const withoutOffer = 'UNIMPLEMENTED: the client offers client_max_window_bits';
    expect(Object.fromEntries(notOk)).toEqual(role === 'a client' ? { 'D.2.9': withoutOffer } : {});
  });

  it('find each the fault that it is about', async () => {
    const judged = light.filter(({ id }) => faultOf(id) !== undefined);
    const verdicts = await runAll(judged, run, ({ id }) => ({ fault: faultOf(id), patienceMs: SHORT_PATIENCE_MS }));
    const unseen = judged.filter((testCase) => !isFound(testCase, verdicts[testCase.id]!));
    expect(unseen.map(({ id }) => `${id} ${faultOf(id)}: ${verdicts[id]}`)).toEqual([]);
  });
});

describe('cases with programs over HTTP/2', () => {
  const cases = 'H.1.1,M.1.1,L.2.1,D.3.1,D.5.2,A.3.1,X.3.*,X.4.1,T.1.2,T.3.4';

  it('RFC 8441 §5 pass against a server, but for those about HTTP/1.1', async () => {
    const server = await startOwnHttp2Server();
    const { results } = await runSuite({ url: server.url, cases, http2: true });
    await server.close();
    expect(shortcomings(results)).toEqual({});
    expect(idsOf(results, ({ behavior }) => behavior !== 'OK')).toEqual(['H.1.1']);
  });

  it('RFC 8441 §5 pass against a client', async () => {
    const server = await startFuzzingServer({ port: 0, cases: cases.replace('H.1.1,', ''), http2: true });
    await driveClient(makeOwnHttp2Client, server.url, { agent: 'own', lanes: 4 });
    const { results } = server.report('own');
    await server.close();
    expect(idsOf(results, ({ behavior }) => behavior !== 'OK')).toEqual([]);
  });
});

it('§5.4 a message is whole to programs, whatever pongs came between its fragments', async () => {
  const socket = new PassThrough();
  const peer = new Peer({ role: 'server', socket });
  socket.write(rawFrame({ opcode: Opcode.Text, payload: utf8('so '), fin: false }));
  socket.write(rawFrame({ opcode: Opcode.Pong, payload: utf8('pong') }));
  socket.write(rawFrame({ opcode: Opcode.Continuation, payload: utf8('be it') }));
  expect((await peer.next()).type).toBe('pong');
  expect(await peer.next()).toEqual({ type: 'text', payload: Buffer.from('so be it') });
  peer.destroy();
});

it('RFC 7692 §7.1.1.1 an answer repeats what the client asks of the server', () => {
  const asked = { server_no_context_takeover: '', server_max_window_bits: '10', client_max_window_bits: '' };
  expect(answerLine(new Map(Object.entries(asked)), 'server_max_window_bits=9')).toBe(
    'Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; server_max_window_bits=9',
  );
});

describe('table of cases with programs', () => {
  const ids = PROGRAM_CASES.map(({ id }) => id);

  it('has each id once, in a namespace that has a title, and in order', () => {
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^[A-Z]\.\d+\.\d+$/.test(id) || NAMESPACES[id[0]!] === undefined)).toEqual([]);
    for (const letter of Object.keys(NAMESPACES)) {
      const own = ids.filter((id) => id.startsWith(letter)).map((id) => id.slice(2));
      expect(own.toSorted(compareIds)).toEqual(own);
    }
  });

  it('has a program for at least one role, and a fault for each case that can fail', () => {
    expect(PROGRAM_CASES.filter(({ server, client }) => server === undefined && client === undefined)).toEqual([]);
    const withoutFault = PROGRAM_CASES.filter(({ id }) => faultOf(id) === undefined);
    expect(withoutFault.every(({ severity }) => severity === 'INFORMATIONAL')).toBe(true);
    expect(new Set(Object.values(FAULT_OF)).size).toBe(PROGRAM_CASES.length - withoutFault.length);
  });

  it('names a clause of an RFC', () => {
    expect(PROGRAM_CASES.filter(({ clause }) => !/^(?:RFC \d{4} )?§[\d.]+$/.test(clause))).toEqual([]);
  });
});

describe('choosing among all cases', () => {
  const chosen = (...choice: Parameters<typeof selectAnyCases>) => selectAnyCases(...choice).map(({ id }) => id);

  it('leaves * to the cases of Autobahn', () => {
    expect(chosen('*')).toEqual(selectCases('*').map(({ id }) => id));
    expect(chosen('*.1')).toEqual(selectCases('*.1').map(({ id }) => id));
  });

  it('takes a namespace by its letter, and everything by "all"', () => {
    expect(chosen('M.*,1.1.1')).toEqual([
      '1.1.1',
      ...PROGRAM_CASES.filter(({ id }) => id[0] === 'M').map(({ id }) => id),
    ]);
    expect(chosen('all')).toHaveLength(517 + PROGRAM_CASES.length);
    expect(chosen('all', 'H.*,*')).not.toContain('H.1.1');
  });

  it('leaves out what is about the other role', () => {
    expect(chosen('M.2.*', '', 'server')).toEqual(['M.2.1', 'M.2.2', 'M.2.3']);
    expect(chosen('M.2.*,M.3.*', '', 'client')).toEqual(['M.2.1', 'M.2.2', 'M.2.3', 'M.2.4', 'M.2.5']);
    expect(() => chosen('H.1.*', '', 'client')).toThrow('No conformance case is left');
  });
});
