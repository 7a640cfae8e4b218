import http from 'node:http';
import { Refusal } from '../errors.ts';
import { plainHeaders } from './headers.ts';
import { jsonType } from './send.ts';

/** When to try again, in s; a long upgrade takes minutes. */
const retryAfter = '10';

/** Enough connections for people who check what is going on. */
const connections = 500;

/**
 * A server, not yet listening, that answers every request with the news that the database is being
 * upgraded.
 */
export function upgradingServer(): http.Server {
  const { code, status, message } = new Refusal('upgrading');
  const body = JSON.stringify({ error: message });
  const headers = {
    ...plainHeaders,
    'content-type': jsonType,
    'content-length': String(Buffer.byteLength(body)),
    'error-code': code,
    'retry-after': retryAfter,
    connection: 'close',
  };
  const server = http.createServer((_, response) => {
    response.writeHead(status, headers).end(body);
  });
  server.maxConnections = connections;
  return server;
}
