/**
 * The opening handshake of the testee with switches, both sides: the request that it sends and judges, and the answer. Each
 * `has` is one fault; without any it keeps to §4 and to HTTP. Written apart from src/handshake, so that neither can hide
 * what the other gets wrong.
 */

import { createHash } from 'node:crypto';
import type { SwitchedFault } from './switched-faults.ts';

export type Has = (fault: SwitchedFault) => boolean;

/** What was agreed on about compression. */
export interface Terms {
  readonly serverBits: number;
  readonly serverKeepsContext: boolean;
  readonly clientBits: number;
  readonly clientKeepsContext: boolean;
}

export interface Agreed {
  /** The lines of the answer, of a server. */
  readonly lines: readonly string[];
  readonly deflate: Terms | undefined;
}

/** An answer that refuses. */
export interface Refused {
  readonly status: number;
  readonly lines?: readonly string[];
}

type Fields = readonly (readonly [name: string, raw: string])[];

const TOKEN = "[!#$%&'*+\\-.^_`|~\\w]+";
const IS_TOKEN = new RegExp(`^${TOKEN}$`);
const EXTENSION = new RegExp(`^${TOKEN}(?:[ \t]*;[ \t]*${TOKEN}(?:=(?:${TOKEN}|"${TOKEN}"))?)*$`);
const HOST = /^(?:\[[\da-f:.]+\]|[\w.-]+)(?::\d+)?$/i;

export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`, 'latin1').digest('base64');
}

const refused = (status: number, lines: readonly string[] = []): Refused => ({ status, lines });
const BAD = refused(400);

/** The values of a field, without white space around them. */
function valuesOf(fields: Fields, name: string, isByCase: boolean): string[] {
  const isNamed = ([own]: Fields[number]): boolean =>
    isByCase ? own === name : own.toLowerCase() === name.toLowerCase();
  return fields.filter(isNamed).map(([, raw]) => raw.trim());
}

function elementsOf(values: readonly string[]): string[] {
  return values.length === 0
    ? []
    : values
        .join(',')
        .split(',')
        .map((element) => element.trim());
}

// ---- The server's side ---------------------------------------------------------------------------------------------

/** Judges a request, without its empty last line. `crash` is what some faults come to. */
export function judgeRequest(text: string, has: Has, crash: () => void): Agreed | Refused {
  const lines = text.split('\r\n').map((line) => dropControls(line, has));
  if (lines.some((line) => /[\r\n\0]/.test(line))) return BAD;
  if (lines[0] === '') {
    if (has('emptyLineRefused')) return BAD;
    lines.shift();
  }
  const [start = '', ...rest] = lines;
  const startFault = judgeStart(start, has);
  if (startFault !== undefined) return startFault;
  const fields = readFields(rest, has);
  if (fields === undefined) return BAD;
  if (fields.length > 2000 && has('manyFieldsCrash')) crash();
  const all = (name: string): string[] => valuesOf(fields, name, has('namesByCase'));
  return (
    judgeHost(all, has) ??
    judgeUpgrade(all, fields, has) ??
    judgeBody(all, has) ??
    judgeVersion(all, has) ??
    judgeOffers(all, fields, has, crash)
  );
}

function dropControls(line: string, has: Has): string {
  const withoutCr = has('crDropped') ? line.replaceAll('\r', '') : line;
  return has('nulDropped') ? withoutCr.replaceAll('\0', '') : withoutCr;
}

function judgeStart(start: string, has: Has): Refused | undefined {
  if (has('http09Accepted') && /^GET \S+$/.test(start)) return undefined;
  const [, sent, target = '', version = ''] = /^(\S+) (.+) HTTP\/(\d\.\d)$/.exec(start) ?? [];
  if (sent === undefined) return BAD;
  const method = has('methodCaseIgnored') ? sent.toUpperCase() : sent;
  if (method === 'CONNECT' && has('connectAccepted')) return undefined;
  if (method !== 'GET' && !(method === 'POST' && has('postAccepted'))) return refused(405);
  const isPath = /^\/[^\s#]*$/.test(target) || (has('spaceInTargetAccepted') && /^\/[^#]*$/.test(target));
  const isAbsolute = /^https?:\/\/[^\s#]+$/.test(target) && !has('absoluteTargetRefused');
  if (!isPath && !isAbsolute && !(has('relativeTargetAccepted') && /^\w+$/.test(target))) return BAD;
  return Number(version) >= 1.1 || has('http10Accepted') ? undefined : refused(505);
}

function readFields(lines: readonly string[], has: Has): Fields | undefined {
  const fields: (readonly [string, string])[] = [];
  for (const sent of lines) {
    if (/^[ \t]/.test(sent) && !has('foldedLineTakenForField')) return undefined;
    const line = sent.trimStart();
    const colon = line.indexOf(':');
    if (colon === -1 && has('lineWithoutColonAccepted')) continue;
    if (colon === -1) return undefined;
    const own = line.slice(0, colon);
    const name = has('spaceBeforeColonAccepted') ? own.trimEnd() : own;
    if (!IS_TOKEN.test(name) && !has('badNameAccepted')) return undefined;
    fields.push([name, line.slice(colon + 1)]);
  }
  return fields;
}

type All = (name: string) => string[];

function judgeHost(all: All, has: Has): Refused | undefined {
  const hosts = all('Host');
  if (hosts.length === 0) return has('noHostAccepted') ? undefined : BAD;
  if (hosts.length > 1 && !has('twoHostsAccepted')) return BAD;
  return HOST.test(hosts[0]!) || has('badHostAccepted') ? undefined : BAD;
}

const KNOWN = ['key', 'version', 'protocol', 'extensions'].map((name) => `sec-websocket-${name}`);

function judgeUpgrade(all: All, fields: Fields, has: Has): Refused | undefined {
  const upgrades = all('Upgrade').slice(has('upgradeOfLastLine') ? -1 : 0);
  const protocols = elementsOf(upgrades);
  const isUpgrade =
    (protocols.some((protocol) => protocol.toLowerCase() === 'websocket') ||
      (has('noUpgradeAccepted') && upgrades.length === 0) ||
      (has('upgradeByPrefix') && protocols.some((protocol) => protocol.startsWith('websocket')))) &&
    !(has('upgradeByCase') && protocols.includes('WEBSOCKET')) &&
    !(has('upgradeListRefused') && upgrades[0]?.includes(','));
  const connections = all('Connection').slice(has('connectionOfLastLine') ? -1 : 0);
  const tokens = elementsOf(connections);
  const isConnection =
    (tokens.some((token) => token.toLowerCase() === 'upgrade') ||
      (has('anyConnectionAccepted') && tokens.includes('keep-alive')) ||
      (has('connectionBySubstring') && connections.join().toLowerCase().includes('upgrade'))) &&
    !(has('connectionByCase') && tokens.includes('UPGRADE')) &&
    !(has('connectionListRefused') && connections[0]?.startsWith('keep-alive,')) &&
    !(has('emptyElementRefused') && tokens.includes(''));
  const isUnknown = ([name]: Fields[number]): boolean =>
    name.toLowerCase().startsWith('sec-websocket-') && !KNOWN.includes(name.toLowerCase());
  if (has('unknownFieldRefused') && fields.some(isUnknown)) return BAD;
  if (has('orderRequired') && fields[0]?.[0].toLowerCase() !== 'host') return BAD;
  return isUpgrade && isConnection ? undefined : BAD;
}

function judgeBody(all: All, has: Has): Refused | undefined {
  if (all('Transfer-Encoding').length > 0 && !has('chunkedIgnored')) return BAD;
  const lengths = all('Content-Length');
  const [length = '0'] = lengths;
  if (lengths.length > 1) return has('firstContentLengthTaken') ? undefined : BAD;
  if (!/^\d+$/.test(length)) return has('badContentLengthAccepted') ? undefined : BAD;
  if (Number(length) > 0) return has('contentLengthIgnored') ? undefined : BAD;
  return lengths.length === 1 && has('noBodyRefused') ? BAD : undefined;
}

function judgeVersion(all: All, has: Has): Refused | undefined {
  const versions = all('Sec-WebSocket-Version');
  const [version = ''] = versions;
  if (versions.length === 0) return has('noVersionAccepted') ? undefined : BAD;
  if (versions.length > 1) return has('firstVersionTaken') ? undefined : BAD;
  if (version === '13' || (has('versionAsNumber') && Number(version) === 13)) return undefined;
  if (has('highVersionAccepted') && Number(version) > 100) return undefined;
  const isNamed = !(has('versionsNotNamed') && version === '12');
  return refused(426, isNamed ? ['Sec-WebSocket-Version: 13'] : []);
}

function isKey(keys: readonly string[], has: Has): boolean {
  const [key = ''] = keys;
  if (keys.length === 0) return has('noKeyAccepted');
  if (keys.length > 1) return has('twoKeysAccepted');
  if (/^[A-Za-z0-9+/]{22}==$/.test(key)) return true;
  return (
    (has('emptyKeyAccepted') && key === '') ||
    (has('shortKeyAccepted') && /^\w{20}$/.test(key)) ||
    (has('longKeyAccepted') && /^\w{23}=$/.test(key)) ||
    (has('unpaddedKeyAccepted') && /^\w{22}$/.test(key)) ||
    (has('urlKeyAccepted') && key.startsWith('-'))
  );
}

function judgeOffers(all: All, fields: Fields, has: Has, crash: () => void): Agreed | Refused {
  const keys = all('Sec-WebSocket-Key');
  if (!isKey(keys, has)) return BAD;
  const raw = fields.find(([name]) => name.toLowerCase() === 'sec-websocket-key')?.[1].slice(1) ?? '';
  const key = has('keyNotTrimmed') ? raw : (keys[0] ?? '');
  const isPlainKey = raw === keys[0];

  const subprotocolLines = all('Sec-WebSocket-Protocol');
  const subprotocols = elementsOf(subprotocolLines);
  if (subprotocols.some((name) => !IS_TOKEN.test(name))) {
    if (subprotocolLines[0]!.length > 1000 && has('spacesStall')) crash();
    if (!has('badSubprotocolAccepted')) return BAD;
  }
  if (subprotocolLines.length > 1 && has('secondSubprotocolLineRefused')) return BAD;

  const extensionLines = all('Sec-WebSocket-Extensions');
  if (extensionLines.join().includes('__proto__') && has('prototypeCrash')) crash();
  if (!extensionLines.every((line) => elementsOf([line]).every((offer) => EXTENSION.test(offer)))) {
    const [line = ''] = extensionLines;
    if (line.length > 1000 && has('backslashesStall')) crash();
    const isForgiven =
      (has('openQuoteAccepted') && line.endsWith('"b')) ||
      (has('namelessExtensionAccepted') && line.startsWith(';')) ||
      (has('quotedSpaceAccepted') && line.includes('b c')) ||
      (has('valuelessEqualsAccepted') && line.endsWith('='));
    if (!isForgiven) return BAD;
  }
  if (extensionLines.length > 1 && has('secondExtensionLineRefused')) return BAD;

  const { answers, terms } = agree(elementsOf(extensionLines), has);
  const accept = has('acceptWrong') && isPlainKey ? acceptOf(`${key}x`) : acceptOf(key);
  const isUnasked = (fault: SwitchedFault, offers: readonly string[]): boolean => has(fault) && offers.length === 0;
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    ...(has('upgradeUnanswered') ? [] : ['Upgrade: websocket']),
    ...(has('connectionUnanswered') ? [] : ['Connection: Upgrade']),
    `Sec-WebSocket-Accept: ${accept}`,
    ...(has('acceptTwice') ? [`Sec-WebSocket-Accept: ${accept}`] : []),
    ...answers.map((answer) => `Sec-WebSocket-Extensions: ${answer}`),
    ...(isUnasked('extensionUnasked', extensionLines) ? ['Sec-WebSocket-Extensions: permessage-deflate'] : []),
    ...choose(subprotocols, has).map((name) => `Sec-WebSocket-Protocol: ${name}`),
    ...(isUnasked('subprotocolUnasked', subprotocolLines) ? ['Sec-WebSocket-Protocol: chat'] : []),
    ...(has('bodyAnnouncedIn101') ? ['Content-Length: 0'] : []),
  ];
  return { lines, deflate: terms };
}

function choose(offered: readonly string[], has: Has): string[] {
  const [first] = offered;
  if (first === 'a.example' && has('subprotocolInvented')) return ['z.example'];
  if (first === 'c.example' && has('subprotocolsInTwoLines')) return ['c.example', 'd.example'];
  return first?.endsWith('.example') ? [first] : [];
}

// ---- Compression ---------------------------------------------------------------------------------------------------

type Params = readonly (readonly [name: string, value: string | undefined])[];

function paramsOf(extension: string): { name: string; params: Params } {
  const [name = '', ...params] = extension.split(';').map((part) => part.trim());
  return {
    name,
    params: params.map((param) => {
      const [key = '', value] = param.split('=');
      return [key, value?.replaceAll('"', '')] as const;
    }),
  };
}

/** What can be wrong with parameters, and the fault of a server and of a client that does not see it. */
const PARAMETER_FAULTS: Readonly<Record<string, readonly [SwitchedFault, SwitchedFault]>> = {
  unknown: ['unknownParameterAgreed', 'unknownParameterTaken'],
  bits7: ['bits7Agreed', 'bits7Taken'],
  bits16: ['bits16Agreed', 'bits16Taken'],
  bits0: ['bits08Agreed', 'bits09Taken'],
  noBits: ['noBitsAgreed', 'noBitsTaken'],
  clientBits: ['clientBits16Agreed', 'noClientBitsTaken'],
  contextValue: ['contextValueAgreed', 'contextValueTaken'],
  repeated: ['repeatedParameterAgreed', 'repeatedParameterTaken'],
};

/** The first thing that is wrong, by the names of the table. */
function parameterFault(params: Params, isOffer: boolean): string | undefined {
  if (new Set(params.map(([name]) => name)).size < params.length) return 'repeated';
  for (const [name, value] of params) {
    if (/^(?:server|client)_no_context_takeover$/.test(name)) {
      if (value !== undefined) return 'contextValue';
    } else if (name === 'server_max_window_bits') {
      if (value === undefined) return 'noBits';
      if (value === '6') return 'bits6';
      if (!/^(?:[89]|1[0-5])$/.test(value)) return value === '7' ? 'bits7' : value.startsWith('0') ? 'bits0' : 'bits16';
    } else if (name === 'client_max_window_bits') {
      if (value === undefined ? !isOffer : !/^(?:[89]|1[0-5])$/.test(value)) return 'clientBits';
    } else return 'unknown';
  }
  return undefined;
}

function termsOf(params: Params): Terms {
  const values = new Map(params);
  const bits = (name: string): number => Math.min(15, Math.max(8, Number(values.get(name) ?? 15) || 15));
  return {
    serverBits: bits('server_max_window_bits'),
    serverKeepsContext: !values.has('server_no_context_takeover'),
    clientBits: bits('client_max_window_bits'),
    clientKeepsContext: !values.has('client_no_context_takeover'),
  };
}

function agree(offers: readonly string[], has: Has): { answers: string[]; terms: Terms | undefined } {
  const ours = offers.map(paramsOf).filter(({ name }) => name === 'permessage-deflate');
  if (has('unknownExtensionAgreed') && offers[0]?.startsWith('x-framewright-none')) {
    return { answers: ['x-framewright-none'], terms: undefined };
  }
  const isMet = ({ params }: { params: Params }): boolean => {
    const fault = parameterFault(params, true);
    const [forgiving] = PARAMETER_FAULTS[fault ?? ''] ?? [];
    return fault === undefined || (forgiving !== undefined && has(forgiving));
  };
  const isForced = has('firstOfTwoTaken') && ours.length === 2;
  const chosen = isForced ? ours[0] : ours.find(isMet);
  if (chosen === undefined) return { answers: [], terms: undefined };
  const { params } = chosen;
  const terms = termsOf(params);
  const values = new Map(params);
  const isQuoted = offers[0]!.includes('"');
  const isAnswered = !has(isQuoted ? 'quotedBitsNotAnswered' : 'serverBitsNotAnswered') || terms.serverBits < 10;
  const hasContext = terms.serverKeepsContext || (has('serverContextNotAnswered') && ours.length === 1);
  const answer = [
    'permessage-deflate',
    ...(values.has('server_max_window_bits') && isAnswered ? [`server_max_window_bits=${terms.serverBits}`] : []),
    ...(hasContext ? [] : ['server_no_context_takeover']),
    ...(has('clientBitsUnasked') && !values.has('client_max_window_bits') ? ['client_max_window_bits=12'] : []),
    ...(has('clientBitsWithoutValue') && values.has('client_max_window_bits') ? ['client_max_window_bits'] : []),
  ].join('; ');
  return { answers: has('bothAgreed') && ours.length > 1 ? [answer, answer] : [answer], terms };
}

// ---- The client's side ---------------------------------------------------------------------------------------------

const SAME_KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

export function requestOf(url: URL, randomKey: string, has: Has): { key: string; text: string } {
  const key = has('asksWithSameKey') ? SAME_KEY : randomKey.slice(0, has('asksWithShortKey') ? 20 : undefined);
  const bits = has('clientBitsNotOfferedTaken') ? '' : '; client_max_window_bits';
  const lines = [
    `${has('asksWithPost') ? 'POST' : 'GET'} ${url.pathname}${url.search}${has('asksWithFragment') ? '#top' : ''} HTTP/1.1`,
    `Host: ${has('asksWithoutPort') ? url.hostname : url.host}`,
    `Upgrade: ${has('asksForNothing') ? 'example/1' : 'websocket'}`,
    `Connection: ${has('asksWithoutConnection') ? 'keep-alive' : 'Upgrade'}`,
    `Sec-WebSocket-Key: ${key}`,
    `Sec-WebSocket-Version: ${has('asksForVersion8') ? 8 : 13}`,
    `Sec-WebSocket-Extensions: permessage-deflate${bits}${has('offersBadly') ? ', ;' : ''}`,
    ...(has('asksWithBody') ? ['Content-Length: 5'] : []),
  ];
  return { key, text: `${lines.join('\r\n')}\r\n\r\n` };
}

/** Judges an answer, without its empty last line; undefined fails the connection, `interim` waits for another one. */
export function judgeAnswer(text: string, key: string, has: Has): Agreed | 'interim' | undefined {
  const [start = '', ...rest] = text.split('\r\n');
  const [, status] = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(start) ?? [];
  if (status === '103') return has('interimNotTaken') ? undefined : 'interim';
  const isForced = (status === '200' && has('status200Taken')) || (status === '404' && has('status404Taken'));
  if (isForced) return { lines: [], deflate: undefined };
  if (status !== '101' && !(has('anyProtocolTaken') && start.startsWith('WEBSOCKET'))) return undefined;
  if (rest.some((line) => /^[ \t]/.test(line))) return undefined;
  if (has('noReasonNotTaken') && start.endsWith('101 ')) return undefined;
  if (has('otherReasonNotTaken') && start.includes('Handshake')) return undefined;
  const fields: Fields = rest.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1)] as const;
  });
  const all = (name: string): string[] => valuesOf(fields, name, has('capitalNamesNotTaken'));
  if (has('orderExpected') && fields[0]?.[0].toLowerCase() !== 'upgrade') return undefined;
  if (has('unknownFieldNotTaken') && all('Set-Cookie').length > 0) return undefined;
  const raw = fields.find(([name]) => name.toLowerCase() === 'sec-websocket-accept')?.[1];
  if (!isUpgradeAnswer(all, has) || !isAcceptAnswer(all('Sec-WebSocket-Accept')[0], raw, key, has)) return undefined;
  if (all('Sec-WebSocket-Protocol').length > 0 && !has('anySubprotocolTaken')) return undefined;
  return judgeExtensions(elementsOf(all('Sec-WebSocket-Extensions')), has);
}

function isUpgradeAnswer(all: All, has: Has): boolean {
  const [upgrade] = all('Upgrade');
  const isUpgrade =
    upgrade === undefined
      ? has('noUpgradeTaken')
      : (upgrade.toLowerCase() === 'websocket' && !(has('upgradeCaseNotTaken') && upgrade === 'WEBSOCKET')) ||
        (has('upgradeByPrefixTaken') && upgrade.startsWith('websocket'));
  const connections = all('Connection');
  const tokens = elementsOf(connections);
  const isConnection =
    connections.length === 0
      ? has('noConnectionTaken')
      : tokens.some((token) => token.toLowerCase() === 'upgrade') || has('anyConnectionTaken');
  const isRefused =
    (has('connectionCaseNotTaken') && tokens.includes('upgrade')) ||
    (has('connectionListNotTaken') && tokens.length > 1);
  return isUpgrade && isConnection && !isRefused;
}

function isAcceptAnswer(value: string | undefined, raw: string | undefined, key: string, has: Has): boolean {
  const expected = acceptOf(key);
  if (value === undefined) return has('noAcceptTaken');
  if (has('acceptNotTrimmed') && raw !== ` ${value}`) return false;
  const isMixed = value !== value.toLowerCase();
  return (
    value === expected ||
    (has('anyAcceptTaken') && isMixed) ||
    (has('acceptCaseIgnored') && value.toLowerCase() === expected.toLowerCase())
  );
}

function judgeExtensions(extensions: readonly string[], has: Has): Agreed | undefined {
  const [extension] = extensions;
  if (extension === undefined) return { lines: [], deflate: undefined };
  if (!EXTENSION.test(extension)) return has('badExtensionsTaken') ? { lines: [], deflate: undefined } : undefined;
  const { name, params } = paramsOf(extension);
  if (name !== 'permessage-deflate') return has('anyExtensionTaken') ? { lines: [], deflate: undefined } : undefined;
  const fault = parameterFault(params, false);
  if (fault !== undefined && !has(PARAMETER_FAULTS[fault]![1])) return undefined;
  const names = params.map(([own]) => own).join();
  if (has('serverContextNotTaken') && names === 'server_no_context_takeover') return undefined;
  if (has('clientContextNotTaken') && params.length === 2) return undefined;
  if (has('serverBitsNotTaken') && names === 'server_max_window_bits' && fault === undefined) return undefined;
  return { lines: [], deflate: termsOf(params) };
}
