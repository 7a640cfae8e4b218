import { isIPv4, isIPv6 } from 'node:net';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';

interface Options {
  readonly publicUrl: URL | undefined;
  /** Further host names to answer to, in the form of a URL: lower-case ASCII. */
  readonly allowedHosts: readonly string[];
}

/**
 * Names that nobody can register in the public DNS: they are reserved (RFC 6761, 6762 and 8375, and
 * ICANN's resolution 2024.07.29.06 for `internal`), or routers have used them for so long that they
 * will not be given away.
 */
const local = /^[\w.-]+\.(localhost|test|local|home\.arpa|internal|lan|home|localdomain)$/;

/** The name of a host in a network without a domain. */
const oneLabel = /^[\w-]+$/;

/** RFC 9112, 3.2: a name or an address, and an optional port. */
const form = /^(\[[\da-f:.]+\]|[\w.-]*)(?::\d*)?$/;

/**
 * Refuses requests for a host that is not ours. A page of another site can point its own name at
 * this server (DNS rebinding), and the browser then takes both for the same site; but such a name
 * is in the public DNS and is none of ours. The port does not matter.
 */
export const hosts = fp<Options>(
  async (app: FastifyInstance, { publicUrl, allowedHosts }: Options) => {
    const names = new Set(allowedHosts);
    if (publicUrl !== undefined) names.add(withoutDot(publicUrl.hostname));
    // Nearly all requests name the same host.
    let latest: string | undefined;
    const check = (host: string | undefined) => {
      if (host === latest || host === undefined) return;
      if (!isOurs(host, names)) throw new Refusal('misdirected');
      latest = host;
    };
    app.addCheck((request) => {
      const { headers, url = '/' } = request.raw;
      // HTTP/1.0 requests may have no host.
      check(headers.host);
      // Only a trusted proxy's header counts: `request.host` sees to that.
      if (headers['x-forwarded-host'] !== undefined) check(request.host);
      // RFC 9112, 3.2.2: an absolute URL overrides the header.
      if (!url.startsWith('/')) check(hostIn(url));
    });
  },
  { name: 'hosts', dependencies: ['request-sanity'] },
);

const hostIn = (url: string) => /^https?:\/\/([^/?#]*)/i.exec(url)?.[1];

const withoutDot = (name: string) => name.replace(/\.$/, '');

/**
 * Whether this server answers to a host as given in a header.
 *
 * @throws Refusal `bad_request` if the value is not a host.
 */
function isOurs(host: string, names: ReadonlySet<string>): boolean {
  const [, found] = form.exec(host.toLowerCase()) ?? [];
  if (found === undefined) throw new Refusal('bad_request');
  const name = withoutDot(found);
  if (names.has(name) || oneLabel.test(name) || local.test(name) || isIPv4(name)) return true;
  return name.startsWith('[') && isIPv6(name.slice(1, -1));
}
