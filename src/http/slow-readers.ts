import type { Socket } from 'node:net';

/**
 * Watches how readers take what they are sent. A timer for each answer would find the same, at a
 * cost to all of them. Event streams have a limit of their own: see events/stream.ts.
 *
 * @returns what cuts off, at each second look, who has not taken in between what lay there for them.
 */
export function watchReaders(sockets: () => Iterable<Socket>): () => void {
  let behind = new Map<Socket, number>();
  return () => {
    const before = behind;
    behind = new Map();
    for (const socket of sockets()) {
      const { writableLength, bytesWritten } = socket;
      // More is written only when what was written is taken; a stream's heartbeat always is.
      if (writableLength > 0 && before.get(socket) === bytesWritten) socket.destroy();
      else if (writableLength > 0) behind.set(socket, bytesWritten);
    }
  };
}
