/** Clients that come through a proxy. */
import { once } from 'node:events';
import { request as askPlainly, type IncomingMessage } from 'node:http';
import { type IncomingHttpHeaders, connect as openSession } from 'node:http2';
import { request as askSecurely } from 'node:https';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { connect as connectSecurely, type TLSSocket } from 'node:tls';
import { createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib';
import { password } from './world.ts';

/** The client's address as the proxy sees it, which other headers contradict. */
export const address = '127.0.0.2';
const claims = { 'x-forwarded-for': '6.6.6.6', 'x-real-ip': '6.6.6.6' };

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  /** Gives up on the rest of the body. */
  close(): void;
}

/** A program with a cookie jar. */
export class Client {
  readonly origin: URL;
  readonly port: number;
  cookie = '';
  /** The attributes of the cookies that were set last. */
  attributes: readonly string[] = [];
  readonly headers: Record<string, string>;

  /** @param headers sent with every request. */
  constructor(origin: string, port: number, headers: Record<string, string> = {}) {
    this.origin = new URL(origin);
    this.port = port;
    this.headers = headers;
  }

  async open(method: string, path: string, fields?: Record<string, string>): Promise<Answer> {
    const answer = await this.send({
      method,
      path,
      headers: {
        ...claims,
        ...this.headers,
        ...(this.cookie !== '' && { cookie: this.cookie }),
        ...(method !== 'GET' && { origin: this.origin.origin }),
        ...(fields && { 'content-type': 'application/x-www-form-urlencoded' }),
      },
      body: fields && new URLSearchParams(fields).toString(),
    });
    const set = answer.headers['set-cookie'] ?? [];
    if (set.length > 0) {
      this.cookie = set.map((one) => one.split(';')[0]).join('; ');
      this.attributes = set;
    }
    const body = decoded(answer);
    const close = () => {
      // First, because the end of half an encoded body is an error.
      body.destroy();
      answer.close();
    };
    return { ...answer, body, close };
  }

  async ask(method: string, path: string, fields?: Record<string, string>) {
    const { status, headers, body } = await this.open(method, path, fields);
    return { status, headers, body: JSON.parse(await text(body)) };
  }

  register(name: string, more: Record<string, string> = {}) {
    const fields = { name, password, email: `${name}@example.org`, ...more };
    return this.ask('POST', '/api/user', fields);
  }

  protected async send({ method, path, headers, body }: Sent): Promise<Answer> {
    const isSecure = this.origin.protocol === 'https:';
    const sent = (isSecure ? askSecurely : askPlainly)({
      ...{ host: '127.0.0.1', port: this.port, localAddress: address, method, path, agent: false },
      headers: { host: this.origin.host, ...headers },
      ...(isSecure && { servername: this.origin.hostname, rejectUnauthorized: false }),
    });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const { statusCode: status } = response;
    return { status, headers: response.headers, body: response, close: () => sent.destroy() };
  }
}

/** The same as a browser does it: over HTTP/2, and every encoding is welcome. */
export class Browser extends Client {
  constructor(origin: string, port: number, headers: Record<string, string> = {}) {
    super(origin, port, { 'accept-encoding': 'gzip, deflate, br, zstd', ...headers });
  }

  protected override async send({ method, path, headers, body }: Sent): Promise<Answer> {
    const socket = await this.#dial();
    const session = openSession(this.origin, { createConnection: () => socket });
    const { cookie, ...others } = headers;
    const fields = {
      ...{ ':method': method, ':path': path, ...others },
      // RFC 9113, 8.2.3: each cookie in a field of its own.
      ...(cookie !== undefined && { cookie: cookie.split('; ') }),
    };
    const stream = session.request(fields, { endStream: body === undefined });
    stream.once('close', () => session.destroy());
    if (body !== undefined) stream.end(body);
    const [answered] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    const close = () => stream.destroy();
    return { status: Number(answered[':status']), headers: answered, body: stream, close };
  }

  async #dial(): Promise<TLSSocket> {
    const where = { host: '127.0.0.1', port: this.port, localAddress: address };
    const tls = { servername: this.origin.hostname, rejectUnauthorized: false };
    const socket = connectSecurely({ ...where, ...tls, ALPNProtocols: ['h2'] });
    await once(socket, 'secureConnect');
    if (socket.alpnProtocol !== 'h2') throw new Error('HTTP/2 is not offered');
    return socket;
  }
}

const decoders = { br: createBrotliDecompress, gzip: createGunzip, zstd: createZstdDecompress };

function decoded({ headers, body }: Answer): Readable {
  const encoding = headers['content-encoding'] ?? 'identity';
  return encoding === 'identity' ? body : body.pipe(decoders[encoding as keyof typeof decoders]());
}
