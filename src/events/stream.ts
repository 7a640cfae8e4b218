import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LiveSession } from '../sessions/sessions.ts';

/** A reader may leave so much unread, in bytes, before it is cut off; it resumes by Last-Event-ID. */
const backlogLimit = 256 * 1024;

const none: ReadonlySet<number> = new Set();

/** Is told how many bytes are unsent: see http/unsent.ts. */
interface Counter {
  set(bytes: number): void;
}

/** One open GET /api/events. */
export class Stream {
  readonly userId: number;
  readonly sessionId: number;
  /** When its session runs out, as far as is known, in ms since 1970. */
  sessionEndsAt: number;
  /** The chats whose events it is told of: one set for all streams of its user. */
  chats: ReadonlySet<number> = none;
  /** The id of the last event that it was told of, or spared. */
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

  /** Not `writable`: that stays true to the end of a response and beyond. */
  get isOpen(): boolean {
    return !this.#response.destroyed && !this.#response.writableEnded;
  }

  /** Whether it is sent what happens as it happens, and has been sent all that came before. */
  get isLive(): boolean {
    return this.position !== Number.POSITIVE_INFINITY;
  }

  /** Whether the system takes no more before its reader has. */
  get isBehind(): boolean {
    return this.#response.socket?.writableNeedDrain === true;
  }

  /** Puts text by until `flush`, so that what comes together costs one system call. */
  push(text: string): void {
    this.#unsent += text;
  }

  /** Sends what was put by; cuts a reader off that does not keep up. */
  flush(): void {
    if (this.#unsent === '' || !this.isOpen) return;
    // Looked at before the write: what is written now could not leave yet.
    if (this.#response.writableLength > backlogLimit) this.cut();
    else this.#response.write(this.#unsent);
    this.#unsent = '';
    this.#count();
  }

  /** Resolves in another turn of the event loop, once the reader has taken what was sent or is gone. */
  async drained(): Promise<void> {
    await nextTurn();
    // Of the socket: a response may need a drain that is never told, for it counts in another way.
    const { socket } = this.#response;
    if (!this.isOpen || !this.isBehind || socket === null) return;
    // Made for this wait alone: most streams never wait, and there may be ten thousand.
    const settled = new AbortController();
    const { signal } = settled;
    const ends = [once(socket, 'drain', { signal }), once(this.#response, 'close', { signal })];
    await Promise.race(ends).catch(() => undefined);
    settled.abort();
    this.#count();
  }

  /** Ends the stream after what it has been told. */
  end(): void {
    this.flush();
    this.#response.end();
    // A reader that is behind by then would hold the line open for as long as it likes.
    setImmediate(() => {
      if (!this.#response.writableFinished) this.cut();
    });
  }

  /** Breaks the stream off as it is. */
  cut(): void {
    this.#response.destroy();
  }

  #count(): void {
    const { writableLength } = this.#response;
    // Nearly always nothing is unsent, before and after.
    if (writableLength === this.#counted) return;
    this.#counted = writableLength;
    this.#counter.set(writableLength);
  }
}
