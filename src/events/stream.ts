import type { ServerResponse } from 'node:http';

/** A reader may be so far behind, in bytes, before it is cut off; it resumes by Last-Event-ID. */
const backlogLimit = 256 * 1024;

/** One open GET /api/events. */
export class Stream {
  readonly userId: number;
  readonly sessionId: number;
  /** The chats whose events it is told of. */
  readonly chats = new Set<number>();
  /** The id of the last event that it was told of, or spared. */
  position = Number.POSITIVE_INFINITY;
  readonly #response: ServerResponse;
  #unsent = '';

  constructor({ userId, id }: { userId: number; id: number }, response: ServerResponse) {
    this.userId = userId;
    this.sessionId = id;
    this.#response = response;
  }

  get isOpen(): boolean {
    return this.#response.writable;
  }

  /** Puts text by until `flush`, so that what comes together costs one system call. */
  push(text: string): void {
    this.#unsent += text;
  }

  /** Sends what was put by; cuts a reader off that does not keep up. */
  flush(): void {
    if (this.#unsent === '' || !this.isOpen) return;
    this.#response.write(this.#unsent);
    this.#unsent = '';
    if (this.#response.writableLength > backlogLimit) this.#response.destroy();
  }

  /** Ends the stream after what it has been told. */
  end(): void {
    this.flush();
    this.#response.end();
  }
}
