/** One connection to the stream of events. */
import type { EventPayloads } from './wire.ts';

type Type = keyof EventPayloads;

const types: readonly Type[] = [
  'beat',
  'message',
  'message.edited',
  'message.deleted',
  'reaction',
  'chat',
  'chat.deleted',
  'member.joined',
  'member.changed',
  'member.left',
  'user',
  'read',
  'notify',
  'typing',
  'session.ended',
  'reset',
];

interface Listener {
  /** The server has sent `hello`: after the first connection, and after each reconnection. */
  onHello(): void;
  /** @param id of the last event in the server's log; empty before the first. */
  onEvent(type: Type, data: unknown, id: string): void;
  /** The connection is broken; if it is closed, the browser does not reconnect automatically. */
  onBreak(isClosed: boolean): void;
}

export class Stream {
  /** Whether the server has sent `hello`. */
  isGreeted = false;
  readonly #source: EventSource;
  #lastEventAt = Date.now();

  /** @param since the id of the last received event; empty to start from now. */
  constructor(since: string, { onHello, onEvent, onBreak }: Listener) {
    this.#source = new EventSource(`/api/events${since === '' ? '' : `?since=${since}`}`);
    const listen = (type: Type) => {
      this.#source.addEventListener(type, ({ data, lastEventId }) => {
        this.#lastEventAt = Date.now();
        if (type === 'hello') {
          this.isGreeted = true;
          onHello();
        }
        onEvent(type, parsed(data), lastEventId);
      });
    };
    for (const type of ['hello', ...types] as const) listen(type);
    this.#source.onerror = () => onBreak(this.#source.readyState === EventSource.CLOSED);
  }

  /** The time since the last event, in ms. */
  get silentFor(): number {
    return Date.now() - this.#lastEventAt;
  }

  close(): void {
    this.#source.close();
  }
}

/** Anything that is not JSON counts as an event without data. */
function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
