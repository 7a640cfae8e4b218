import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LiveSession } from '../sessions/sessions.ts';

/** The most unread bytes before a reader is cut off; it resumes by Last-Event-ID. */
const backlogLimit = 256 * 1024;

const none: ReadonlySet<number> = new Set();

/** Receives the number of unsent bytes: see http/unsent.ts. */
interface Counter {
  set(bytes: number): void;
}

/** One open GET /api/events. */
export class Stream {
  readonly userId: number;
  readonly sessionId: number;
  /** When its session expires, as far as is known, in ms since 1970. */
  sessionEndsAt: number;
  /** The chats whose events it receives: one set for all streams of its user. */
  chats: ReadonlySet<number> = none;
  /** The id of the last event that it received or skipped. */
  position = Number.POSITIVE_INFINITY;
  readonly #response: ServerResponse;
  readonly #counter: Counter;
  #counted = 0;
  #unsent = '';

  constructor({ userId, id, endsAt }: LiveSession, response: ServerResponse, counter: Counter) {
    this.userId = userId;
    this.sessionId = id;
    this.sessionEndsAt = endsAt;
    this.#response = response;
    this.#counter = counter;
  }

  /** `writable` would not do: it stays true to the end of a response and beyond. */
  get isOpen(): boolean {
    return !this.#response.destroyed && !this.#response.writableEnded;
  }

  /** Whether it has caught up and receives events as they happen. */
  get isLive(): boolean {
    return this.position !== Number.POSITIVE_INFINITY;
  }

  /** Whether the system's buffer is full until its reader takes something. */
  get isBehind(): boolean {
    return this.#response.socket?.writableNeedDrain === true;
  }

  /** Buffers text until `flush`, so that several events cost one system call. */
  push(text: string): void {
    this.#unsent += text;
  }

  /** Sends the buffered text; cuts off a reader that does not keep up. */
  flush(): void {
    if (this.#unsent === '' || !this.isOpen) return;
    // Checked before the write: bytes written now could not have left yet.
    if (this.#response.writableLength > backlogLimit) this.cut();
    else this.#response.write(this.#unsent);
    this.#unsent = '';
    this.#count();
  }

  /**
   * Resolves in a later turn of the event loop, once the reader has taken everything or is gone.
   */
  async drained(): Promise<void> {
    await nextTurn();
    // Waits for the socket's drain: a response may need a drain that is never emitted, because it
    // counts differently.
    const { socket } = this.#response;
    if (!this.isOpen || !this.isBehind || socket === null) return;
    // Created for this wait only: most streams never wait, and there may be 10,000 of them.
    const settled = new AbortController();
    const { signal } = settled;
    const ends = [once(socket, 'drain', { signal }), once(this.#response, 'close', { signal })];
    await Promise.race(ends).catch(() => undefined);
    settled.abort();
    this.#count();
  }

  /** Ends the stream after the buffered text. */
  end(): void {
    this.flush();
    this.#response.end();
    // A reader that is behind by then could hold the connection open for as long as it likes.
    setImmediate(() => {
      if (!this.#response.writableFinished) this.cut();
    });
  }

  /** Aborts the stream. */
  cut(): void {
    this.#response.destroy();
  }

  #count(): void {
    const { writableLength } = this.#response;
    // Nearly always nothing is unsent, both before and after.
    if (writableLength === this.#counted) return;
    this.#counted = writableLength;
    this.#counter.set(writableLength);
  }
}
