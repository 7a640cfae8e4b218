/** Connections that no well-behaved client makes, and the resources that they use. */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { Test } from 'tap';
import type { ServerProcess } from './server.ts';

/** How many files and connections a server has open. */
export const descriptors = ({ child }: Pick<ServerProcess, 'child'>) =>
  readdirSync(`/proc/${child.pid}/fd`).length;

/** The resident memory of a server, in bytes. */
export function residence({ child }: Pick<ServerProcess, 'child'>): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/**
 * Sends the same request many times at once, and reads no more of the answers than the system
 * buffers. The connection is closed at the end of the test.
 *
 * @param headers lines, each with its line break.
 */
export async function pipeline(
  t: Test,
  port: number,
  path: string,
  count: number,
  headers = '',
): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  t.teardown(() => socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n${headers}\r\n`.repeat(count));
  return socket;
}
