import type { Connection } from './connection.ts';

/** Candidates per search through all connections; a search for each would cost too much. */
const batch = 256;

interface Candidate {
  readonly connection: Connection;
  /** The connection's values when it was chosen. */
  readonly lastUse: number;
  readonly hasSession: boolean;
}

/**
 * Chooses the connection to close when there are too many: first those without a session, then idle
 * ones with a session, the least recently used first in each group. Event streams and other
 * requests in progress with a session stay, and so do the connections of trusted proxies.
 */
export class Evictor {
  /** The next one to go is the last. */
  #candidates: Candidate[] = [];

  /**
   * Returns the next connection to close, or undefined if all must stay.
   *
   * @param added the newest connection, which is not a candidate.
   */
  next(all: Iterable<Connection>, added: Connection): Connection | undefined {
    const chosen = this.#take();
    if (chosen !== undefined) return chosen;
    this.#candidates = choose(all, added);
    return this.#take();
  }

  #take(): Connection | undefined {
    for (;;) {
      const candidate = this.#candidates.pop();
      if (candidate === undefined) return undefined;
      if (isStillFirst(candidate)) return candidate.connection;
    }
  }
}

function choose(all: Iterable<Connection>, added: Connection): Candidate[] {
  const evictable = [...all].filter((one) => one !== added && isEvictable(one));
  return evictable
    .sort(compare)
    .slice(0, batch)
    .reverse()
    .map((connection) => {
      const { lastUse, hasSession } = connection;
      return { connection, lastUse, hasSession };
    });
}

/** Whether the connection has not been used since it was chosen. */
function isStillFirst({ connection, lastUse, hasSession }: Candidate): boolean {
  const isUnused = connection.lastUse === lastUse && connection.hasSession === hasSession;
  return isUnused && isEvictable(connection);
}

function isEvictable({ socket, peer, hasSession, current }: Connection): boolean {
  return !socket.destroyed && !peer.isProxy && (!hasSession || current === undefined);
}

function compare(one: Connection, other: Connection): number {
  return Number(one.hasSession) - Number(other.hasSession) || one.lastUse - other.lastUse;
}
