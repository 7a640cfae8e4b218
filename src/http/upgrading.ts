import http from 'node:http';
import { Refusal } from '../errors.ts';
import { plainHeaders } from './headers.ts';
import { jsonType } from './send.ts';

/** An upgrade takes minutes where it takes long; tried again after this, in s. */
const retryAfter = '10';

/** As much is enough for those who look what goes on. */
const connections = 500;

/** A server that answers every request that the database is being upgraded; it does not listen yet. */
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
