import { isIPv4, isIPv6 } from 'node:net';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';

interface Options {
  readonly publicUrl: URL | undefined;
  /** Further names to answer to, as a URL has them: in lower case, and in ASCII. */
  readonly allowedHosts: readonly string[];
}

/**
 * Names that nobody can register in the public DNS: they are reserved (RFC 6761, 6762 and 8375, and
 * ICANN's resolution 2024.07.29.06 for `internal`), or routers have used them for so long that they
 * are not given away.
 */
const local = /^[\w.-]+\.(localhost|test|local|home\.arpa|internal|lan|home|localdomain)$/;

/** A host of a network without a domain. */
const oneLabel = /^[\w-]+$/;

/** RFC 9112, 3.2: a name or an address, and perhaps a port. */
const form = /^(\[[\da-f:.]+\]|[\w.-]*)(?::\d*)?$/;

/**
 * Refuses requests for a host that is not ours. A page of another site can have its own name point
 * at this server (DNS rebinding), and is then the same site to the browser; but such a name is in
 * the public DNS, and none of ours. Whatever the port.
 */
export const hosts = fp<Options>(
  async (app: FastifyInstance, { publicUrl, allowedHosts }: Options) => {
    const names = new Set(allowedHosts);
    if (publicUrl !== undefined) names.add(withoutDot(publicUrl.hostname));
    // Nearly all requests name the same one.
    let latest: string | undefined;
    const check = (host: string | undefined) => {
      if (host === latest || host === undefined) return;
      if (!isOurs(host, names)) throw new Refusal('misdirected');
      latest = host;
    };
    app.addCheck((request) => {
      const { headers, url = '/' } = request.raw;
      // An old request (HTTP/1.0) need not have one.
      check(headers.host);
      // Counts by the word of a trusted proxy only: `request.host` sees to that.
      if (headers['x-forwarded-host'] !== undefined) check(request.host);
      // RFC 9112, 3.2.2: a whole URL counts more than the header.
      if (!url.startsWith('/')) check(hostIn(url));
    });
  },
  { name: 'hosts', dependencies: ['protocol'] },
);

const hostIn = (url: string) => /^https?:\/\/([^/?#]*)/i.exec(url)?.[1];

const withoutDot = (name: string) => name.replace(/\.$/, '');

/**
 * Whether a host, as a header has it, is one that this server answers to.
 *
 * @throws Refusal `bad_request` for what is no host at all.
 */
function isOurs(host: string, names: ReadonlySet<string>): boolean {
  const [, found] = form.exec(host.toLowerCase()) ?? [];
  if (found === undefined) throw new Refusal('bad_request');
  const name = withoutDot(found);
  if (names.has(name) || oneLabel.test(name) || local.test(name) || isIPv4(name)) return true;
  return name.startsWith('[') && isIPv6(name.slice(1, -1));
}
