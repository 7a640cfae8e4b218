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
  /** The server has greeted: at the first connection, and whenever the browser has connected again. */
  onHello(): void;
  /** @param id of the last event in the server's log; empty before the first. */
  onEvent(type: Type, data: unknown, id: string): void;
  /** The line is broken; where it is closed, the browser does not try again by itself. */
  onBreak(isClosed: boolean): void;
}

export class Stream {
  /** Whether the server has said anything on it. */
  isGreeted = false;
  readonly #source: EventSource;
  #heardAt = Date.now();

  /** @param since the id of the last event that is known; empty to begin with now. */
  constructor(since: string, { onHello, onEvent, onBreak }: Listener) {
    this.#source = new EventSource(`/api/events${since === '' ? '' : `?since=${since}`}`);
    const hear = (type: Type) => {
      this.#source.addEventListener(type, ({ data, lastEventId }) => {
        this.#heardAt = Date.now();
        if (type === 'hello') {
          this.isGreeted = true;
          onHello();
        }
        onEvent(type, parsed(data), lastEventId);
      });
    };
    for (const type of ['hello', ...types] as const) hear(type);
    this.#source.onerror = () => onBreak(this.#source.readyState === EventSource.CLOSED);
  }

  /** For how long nothing has come, in ms. */
  get silentFor(): number {
    return Date.now() - this.#heardAt;
  }

  close(): void {
    this.#source.close();
  }
}

/** What is not JSON is taken as an event without data. */
function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
