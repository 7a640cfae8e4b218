import { parse } from 'fast-querystring';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { Refusal } from '../errors.ts';
import { isDecodable, textOf } from './utf8.ts';

interface Options {
  /** In bytes. */
  readonly bodyLimit: number;
}

/**
 * Parses forms. A field that occurs twice becomes an array, which no schema accepts.
 * @fastify/formbody would store bytes and escapes that are not UTF-8 as something else.
 */
export const form = fp<Options>(
  async (app: FastifyInstance, { bodyLimit }: Options) => {
    app.addContentTypeParser<Buffer>(
      'application/x-www-form-urlencoded',
      { parseAs: 'buffer', bodyLimit },
      (request, bytes, done) => {
        const text = textOf(request, bytes);
        if (!isDecodable(text)) throw new Refusal('bad_encoding');
        done(null, parse(text));
      },
    );
  },
  { name: 'form' },
);
