/**
 * Which proxy the environment asks for: http_proxy, https_proxy and no_proxy as curl and most other programs read them.
 */

import type { Address } from './address.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The proxy for an address, as the variable has it; undefined for a direct connection. */
export function proxyFromEnvironment(
  { isSecure, host, port, socketPath }: Pick<Address, 'isSecure' | 'host' | 'port' | 'socketPath'>,
  environment: Environment,
): string | undefined {
  if (socketPath !== undefined) return undefined;
  const name = isSecure ? 'https_proxy' : 'http_proxy';
  // In a CGI program HTTP_PROXY holds what the client sent as a `Proxy` header.
  const isForged = !isSecure && environment.REQUEST_METHOD !== undefined;
  const proxy = environment[name] || (isForged ? undefined : environment[name.toUpperCase()]);
  if (!proxy || isExcepted(host, Number(port), environment.no_proxy || environment.NO_PROXY || '')) return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

/** Whether one of the exceptions, which stand between commas or spaces, covers the host. */
function isExcepted(host: string, port: number, exceptions: string): boolean {
  const wanted = host.toLowerCase().replace(/\.$/, '');
  return exceptions
    .toLowerCase()
    .split(/[\s,]+/)
    .some((exception) => exception !== '' && covers(exception, wanted, port));
}

/** `*`; a name, which stands for its subdomains too; an address or a range of them; each with `:port` if need be. */
function covers(exception: string, host: string, port: number): boolean {
  if (exception === '*') return true;
  const { isIP } = process.getBuiltinModule('node:net');
  const [, bracketed, plain, wantedPort] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(exception) ?? [];
  if (wantedPort !== undefined && Number(wantedPort) !== port) return false;
  const pattern = (bracketed ?? plain ?? exception).replace(/^\*?\./, '').replace(/\.$/, '');
  if (isIP(host) !== 0) return pattern === host || isInRange(pattern, host);
  return host === pattern || (pattern !== '' && host.endsWith(`.${pattern}`));
}

/** CIDR ranges such as 10.0.0.0/8. */
function isInRange(range: string, host: string): boolean {
  const { BlockList, isIP } = process.getBuiltinModule('node:net');
  const [, network = '', bits] = /^(.+)\/(\d{1,3})$/.exec(range) ?? [];
  const version = isIP(network);
  if (version === 0 || version !== isIP(host) || Number(bits) > (version === 4 ? 32 : 128)) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family);
  return list.check(host, family);
}
