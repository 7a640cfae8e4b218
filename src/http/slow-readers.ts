import type { Socket } from 'node:net';

/**
 * Watches whether readers take their answers. A timer for each answer would find the same, at a
 * cost to every answer. Event streams have a limit of their own: see events/stream.ts.
 *
 * @returns a function that destroys the connections that have taken nothing since its last call
 * although bytes were waiting for them.
 */
export function watchReaders(sockets: () => Iterable<Socket>): () => void {
  let behind = new Map<Socket, number>();
  return () => {
    const before = behind;
    behind = new Map();
    for (const socket of sockets()) {
      const { writableLength, bytesWritten } = socket;
      // More is written only when the reader has taken the rest; a stream's heartbeat always is.
      if (writableLength > 0 && before.get(socket) === bytesWritten) socket.destroy();
      else if (writableLength > 0) behind.set(socket, bytesWritten);
    }
  };
}
