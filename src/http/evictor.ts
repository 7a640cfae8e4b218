import type { Connection } from './connection.ts';

/** So many are chosen in one search through all connections, which would cost too much for each. */
const batch = 256;

interface Candidate {
  readonly connection: Connection;
  /** What these were when it was chosen. */
  readonly lastUse: number;
  readonly hasSession: boolean;
}

/**
 * Chooses the connection that is closed when there are too many: first those without a session, then
 * idle ones with a session, of each the one that was not used for longest. Event streams and other
 * requests in work with a session stay, as do the connections of trusted proxies.
 */
export class Evictor {
  /** The one that goes first is the last. */
  #candidates: Candidate[] = [];

  /**
   * Returns the connection that goes first, or undefined if all must stay.
   *
   * @param added the newest one, which is not a candidate.
   */
  next(all: Iterable<Connection>, added: Connection): Connection | undefined {
    const known = this.#take();
    if (known !== undefined) return known;
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

/** Whether nothing has come over it since it was chosen. */
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
