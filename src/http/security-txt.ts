import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Refusal } from '../errors.ts';
import { Anything, answers } from './schema.ts';

const day = 86_400_000;

/** RFC 9116, 2.5.5, recommends less than a year. */
const holds = 180 * day;

interface Options {
  /** A URI. */
  readonly contact: string | undefined;
  readonly publicUrl: URL | undefined;
  /** The time in ms since 1970. */
  readonly clock: () => number;
}

/** Says to whom a weakness of this server is reported (RFC 9116). */
export const securityTxtRoutes: FastifyPluginAsyncTypebox<Options> = async (
  app,
  { contact, publicUrl, clock },
) => {
  app.get(
    '/.well-known/security.txt',
    {
      config: { public: true, refuses: ['no_contact'] },
      schema: {
        summary: 'Whom to tell of a weakness',
        hide: true,
        response: answers(200, Anything),
      },
    },
    async ({ routeOptions }, reply) => {
      if (contact === undefined) throw new Refusal('no_contact');
      // To the day, so that it says the same all day long.
      const expires = new Date(Math.ceil((clock() + holds) / day) * day).toISOString();
      const canonical = publicUrl && `Canonical: ${publicUrl.origin}${routeOptions.url}\n`;
      reply.type('text/plain; charset=utf-8').header('cache-control', 'no-cache');
      return `Contact: ${contact}\nExpires: ${expires}\n${canonical ?? ''}`;
    },
  );
};
