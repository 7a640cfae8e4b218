import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Refusal } from '../errors.ts';
import { Anything, answers } from './schema.ts';

const day = 86_400_000;

/** How long the file is valid, in ms; RFC 9116, 2.5.5, recommends less than a year. */
const lifetime = 180 * day;

interface Options {
  /** A URI. */
  readonly contact: string | undefined;
  readonly publicUrl: URL | undefined;
  /** The time in ms since 1970. */
  readonly clock: () => number;
}

/** Says where to report a vulnerability of this server (RFC 9116). */
export const securityTxtRoutes: FastifyPluginAsyncTypebox<Options> = async (
  app,
  { contact, publicUrl, clock },
) => {
  app.get(
    '/.well-known/security.txt',
    {
      config: { public: true, refuses: ['no_contact'] },
      schema: {
        summary: 'Where to report a vulnerability',
        hide: true,
        response: answers(200, Anything),
      },
    },
    async ({ routeOptions }, reply) => {
      if (contact === undefined) throw new Refusal('no_contact');
      // Rounded up to a whole day, so that the file is the same all day long.
      const expires = new Date(Math.ceil((clock() + lifetime) / day) * day).toISOString();
      const canonical = publicUrl && `Canonical: ${publicUrl.origin}${routeOptions.url}\n`;
      reply.type('text/plain; charset=utf-8').header('cache-control', 'no-cache');
      return `Contact: ${contact}\nExpires: ${expires}\n${canonical ?? ''}`;
    },
  );
};
