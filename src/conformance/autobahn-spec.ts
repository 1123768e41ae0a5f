/**
 * The configuration files of Autobahn, `fuzzingclient.json` and `fuzzingserver.json`, as Autobahn reads them: which cases,
 * which servers or which port, and where reports go. Pure: reading the file is the caller's business.
 */

import { CASES } from './cases/index.ts';
import { parseTargetUrl, type Target } from './dial.ts';

export interface AutobahnSpec {
  /** Ids in numeric order, as `cases` of the suite takes them. */
  readonly cases: string;
  /** `exclude-agent-cases`. */
  readonly skips: (agent: string, id: string) => boolean;
  /** Where reports go, if the file says so. */
  readonly outdir: string | undefined;
  /** Of a fuzzingclient.json. */
  readonly servers?: readonly SpecServer[];
  /** Of a fuzzingserver.json: where to listen. */
  readonly url?: URL;
  /** Paths of the certificate and the key. */
  readonly cert?: string;
  readonly key?: string;
  /** Options in the file that have no effect here. */
  readonly ignored: readonly string[];
}

export interface SpecServer extends Target {
  readonly agent?: string;
}

/** A configuration that cannot be used. The message says what in it, and what to do. */
export class SpecFault extends Error {}

/** What Autobahn knows and does: there is nothing to do for them here, or there is nothing else. */
const WITHOUT_EFFECT = ['version', 'tcpNoDelay', 'utf8validateIncoming'];
const KNOWN_MEMBERS = [
  ...['outdir', 'cases', 'exclude-cases', 'exclude-agent-cases', 'options', 'servers'],
  ...['url', 'protocols', 'webport', 'key', 'cert', 'failByDrop'],
];

/** @throws {SpecFault} when the text is no such configuration */
export function parseAutobahnSpec(json: string): AutobahnSpec {
  const spec = parseObject(json);
  const servers = spec.servers;
  const common = {
    cases: selectAsAutobahn(strings(spec, 'cases') ?? ['*'], strings(spec, 'exclude-cases') ?? []),
    skips: readExclusions(spec['exclude-agent-cases']),
    outdir: string(spec, 'outdir'),
  };
  const ignored = Object.keys(spec).filter((name) => !KNOWN_MEMBERS.includes(name));
  if (servers !== undefined) {
    if (!Array.isArray(servers) || servers.length === 0) {
      throw new SpecFault(
        '"servers" must be a list with at least one server, such as [{"url": "ws://127.0.0.1:9001"}]',
      );
    }
    const read = servers.map((server, i) => readServer(server, `servers[${i}]`, spec.options));
    return {
      ...common,
      servers: read.map(({ server }) => server),
      ignored: [...ignored, ...read.flatMap((one) => one.ignored)],
    };
  }
  const url = string(spec, 'url');
  if (url === undefined) {
    throw new SpecFault(
      'it has neither "servers", as a fuzzingclient.json has, nor "url", as a fuzzingserver.json has',
    );
  }
  const [cert, key] = [string(spec, 'cert'), string(spec, 'key')];
  return {
    ...common,
    url: checkUrl(url, '"url"'),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ignored: [...ignored, ...readOptions(spec.options, '"options"').ignored],
  };
}

function readServer(
  given: unknown,
  place: string,
  commonOptions: unknown,
): { server: SpecServer; ignored: readonly string[] } {
  if (!isObject(given)) throw new SpecFault(`${place} must be an object with a "url"`);
  const url = string(given, 'url', place);
  if (url === undefined) throw new SpecFault(`${place} has no "url"`);
  checkUrl(url, `${place}.url`);
  const agent = string(given, 'agent', place);
  const hostname = string(given, 'hostname', place);
  const origin = string(given, 'origin', place);
  const common = readOptions(commonOptions, '"options"');
  const own = readOptions(given.options, `${place}.options`);
  const handshakeTimeoutMs = own.handshakeTimeoutMs ?? common.handshakeTimeoutMs;
  return {
    server: {
      url,
      // Autobahn checks certificates only where a name is given.
      rejectUnauthorized: hostname !== undefined,
      subprotocols: strings(given, 'protocols', place) ?? [],
      ...(agent !== undefined && { agent }),
      ...(hostname !== undefined && { serverName: hostname }),
      ...(origin !== undefined && { origin }),
      ...(handshakeTimeoutMs !== undefined && { handshakeTimeoutMs }),
    },
    ignored: [...common.ignored, ...own.ignored],
  };
}

/** Options of Autobahn's protocol. Versions from 13 on are RFC 6455, in Autobahn's counting. */
function readOptions(given: unknown, place: string): { handshakeTimeoutMs?: number; ignored: readonly string[] } {
  if (given === undefined || given === null) return { ignored: [] };
  if (!isObject(given)) throw new SpecFault(`${place} must be an object`);
  const { version, openHandshakeTimeout: seconds } = given;
  if (version !== undefined && !(typeof version === 'number' && version >= 13 && version <= 18)) {
    throw new SpecFault(`${place}: version ${JSON.stringify(version)} is older than RFC 6455: use 18, or leave it out`);
  }
  const ignored = Object.keys(given).filter(
    (name) =>
      name !== 'openHandshakeTimeout' &&
      !WITHOUT_EFFECT.includes(name) &&
      !(name === 'failByDrop' && !given.failByDrop),
  );
  if (seconds === undefined) return { ignored };
  if (typeof seconds !== 'number' || !(seconds > 0)) {
    throw new SpecFault(`${place}: openHandshakeTimeout must be a number of seconds above 0`);
  }
  return { ignored, handshakeTimeoutMs: 1000 * seconds };
}

function checkUrl(url: string, place: string): URL {
  try {
    return parseTargetUrl(url);
  } catch (error) {
    throw new SpecFault(`${place}: ${(error as Error).message}`);
  }
}

// ---- Which cases ---------------------------------------------------------------------------------------------------

/**
 * A pattern without `*` is an id. One with it fits every id that it is the beginning of, as Autobahn has it: `7.*` fits
 * 7.1.1, and so does `*.1.`. What is excluded need not exist.
 */
function selectAsAutobahn(patterns: readonly string[], excluded: readonly string[]): string {
  const chosen = new Set(patterns.flatMap((pattern) => idsOf(pattern)));
  for (const id of chosen) {
    if (CASES.some((testCase) => testCase.id === id)) continue;
    throw new SpecFault(
      `"cases": there is no case ${JSON.stringify(id)}: use ids such as 7.9.1, or patterns such as 7.*`,
    );
  }
  for (const id of excluded.flatMap((pattern) => idsOf(pattern))) chosen.delete(id);
  if (chosen.size === 0) throw new SpecFault('no case is left: see "cases" and "exclude-cases"');
  return CASES.filter(({ id }) => chosen.has(id))
    .map(({ id }) => id)
    .join(',');
}

function idsOf(pattern: string): string[] {
  if (!pattern.includes('*')) return [pattern];
  const expression = expressionOf(pattern);
  return CASES.filter(({ id }) => expression.test(id)).map(({ id }) => id);
}

/** Of these, a pattern fits the whole of an agent's name or of an id. */
function readExclusions(given: unknown): AutobahnSpec['skips'] {
  if (given === undefined || given === null) return () => false;
  if (!isObject(given)) {
    throw new SpecFault('"exclude-agent-cases" must be an object, such as {"MyAgent*": ["9.*", "12.1.1"]}');
  }
  const rules = Object.entries(given).map(([agent, patterns]) => ({
    agent: expressionOf(agent, '$'),
    ids: listOf(patterns, `"exclude-agent-cases": ${JSON.stringify(agent)}`).map((pattern) =>
      expressionOf(pattern, '$'),
    ),
  }));
  return (agent, id) => rules.some((rule) => rule.agent.test(agent) && rule.ids.some((pattern) => pattern.test(id)));
}

/** As Autobahn has it: a dot is a dot, `*` is any characters, and all else is a regular expression. */
function expressionOf(pattern: string, end = ''): RegExp {
  try {
    return new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '.*')}${end}`);
  } catch {
    throw new SpecFault(`${JSON.stringify(pattern)} is no pattern: use ids such as 7.9.1, with * for any characters`);
  }
}

// ---- JSON ----------------------------------------------------------------------------------------------------------

type Members = Readonly<Record<string, unknown>>;

function parseObject(json: string): Members {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (error) {
    throw new SpecFault(`it is not JSON: ${(error as Error).message}`);
  }
  if (!isObject(parsed)) throw new SpecFault('it must be an object, as fuzzingclient.json and fuzzingserver.json are');
  return parsed;
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function string(members: Members, name: string, place?: string): string | undefined {
  const value = members[name];
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined;
  throw new SpecFault(`${place === undefined ? '' : `${place}: `}"${name}" must be a string`);
}

function strings(members: Members, name: string, place?: string): readonly string[] | undefined {
  const value = members[name];
  if (value === undefined || value === null) return undefined;
  return listOf(value, `${place === undefined ? '' : `${place}: `}"${name}"`);
}

function listOf(value: unknown, what: string): readonly string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw new SpecFault(`${what} must be a list of strings`);
}
