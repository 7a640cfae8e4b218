/** Between a browser and the server: a proxy that answers itself, or a connection that dies. */
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener, request } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Test } from 'tap';

/**
 * A proxy that forwards the requests for which `isOwn` is false, and answers the rest itself.
 *
 * @returns its address.
 */
export async function startProxy(
  t: Test,
  target: string,
  answer: RequestListener,
  isOwn: (path: string) => boolean,
): Promise<string> {
  const proxy = createHttpServer((incoming, outgoing) => {
    const { method, headers, url = '/' } = incoming;
    if (isOwn(url)) return void answer(incoming, outgoing);
    const passed = request(target + url, { method, headers }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
    });
    passed.on('error', () => outgoing.destroy());
    outgoing.on('close', () => passed.destroy());
    incoming.pipe(passed);
  });
  t.teardown(() => proxy.close().closeAllConnections());
  return listen(proxy);
}

/** A connection that can die silently, as behind a NAT that has forgotten it. */
export interface Wire {
  readonly url: string;
  /** From now on nothing passes on the open connections; new ones work. */
  die(): void;
}

export async function startWire(t: Test, target: string): Promise<Wire> {
  const port = Number(new URL(target).port);
  const open = new Set<Socket>();
  const wire = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.pipe(to);
      from.on('error', () => undefined);
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
    }
  });
  t.teardown(() => {
    wire.close();
    for (const socket of open) socket.destroy();
  });
  const die = () => {
    for (const socket of open) socket.unpipe().resume();
    open.clear();
  };
  return { url: await listen(wire), die };
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
