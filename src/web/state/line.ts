/**
 * The line to the server: one stream of events for all tabs of a browser. The tab that holds the
 * lock has the stream and passes on what comes; when it closes, another one takes over. Where there
 * are no locks (plain http from elsewhere), each tab has a stream of its own.
 */
import { signal } from '@preact/signals';
import type { Told } from '../lib/wire.ts';
import { account, loadAccount, ownId } from './account.ts';

type Type = keyof Told;

/** How the line stands, for people to see. */
export const line = signal<'connecting' | 'open' | 'broken'>('connecting');

/** What tabs tell each other. */
type Note =
  | { readonly event: Type; readonly data: unknown; readonly id: string }
  | { readonly line: typeof line.value }
  | { readonly ask: true };

interface Follower {
  take(type: Type, data: never): void;
  /** The stream begins with now, and what came before is not told; the first one, or a later one. */
  began(isFirst: boolean): void;
}

const types: Type[] = [
  'hello',
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

/** A closed stream is opened again after this, in ms, or up to half as much more or less. */
const patience = 2_000;

/** A clock that stood still for longer means that the machine slept, in ms. */
const nap = 20_000;

let source: EventSource | undefined;
let lastId = '';

/** Follows the events of whoever is signed in, for as long as the page is open. */
export function openLine(follower: Follower): void {
  const channel = new BroadcastChannel(`snug.${ownId()}`);
  const tell = (note: Note) => channel.postMessage(note);
  channel.onmessage = ({ data: note }: MessageEvent<Note>) => {
    if ('event' in note) take(note.event, note.data, note.id, follower);
    else if ('line' in note) line.value = note.line;
    else if (source !== undefined) tell({ line: line.value });
  };
  const lead = () => {
    const onEvent: OnEvent = (event, data, id) => {
      take(event, data, id, follower);
      tell({ event, data, id });
    };
    const onBegin = (isFirst: boolean) => {
      follower.began(isFirst);
      tell({ event: 'reset', data: {}, id: '' });
    };
    connect(onEvent, onBegin, true);
    line.subscribe((state) => tell({ line: state }));
    watchForSleep();
    // For as long as this page is there.
    return new Promise<void>(() => {});
  };
  if (navigator.locks === undefined) void lead();
  else void navigator.locks.request(`snug.line.${ownId()}`, lead);
  tell({ ask: true });
}

type OnEvent = (type: Type, data: unknown, id: string) => void;

function take(type: Type, data: unknown, id: string, follower: Follower): void {
  if (id !== '') lastId = id;
  follower.take(type, data as never);
}

function connect(onEvent: OnEvent, onBegin: (isFirst: boolean) => void, isFirst: boolean): void {
  const reconnect = () => {
    source?.close();
    if (account.value) connect(onEvent, onBegin, false);
  };
  source = new EventSource(`/api/events${lastId === '' ? '' : `?since=${lastId}`}`);
  const isResumed = lastId !== '';
  let isBegun = false;
  source.onopen = () => {
    line.value = 'open';
    // When the browser connects again by itself, it resumes.
    if (!isResumed && !isBegun) onBegin(isFirst);
    isBegun = true;
  };
  source.onerror = () => {
    line.value = 'broken';
    if (source?.readyState !== EventSource.CLOSED) return;
    // The server said no: perhaps the session is over, perhaps it is only starting.
    // At random, because a server that was away is met by all its clients at once.
    const wait = patience * (0.5 + Math.random());
    setTimeout(() => void loadAccount().then(reconnect, reconnect), wait);
  };
  for (const type of types) {
    source.addEventListener(type, ({ data, lastEventId }) => {
      onEvent(type, parsed(data), lastEventId);
    });
  }
  wake = reconnect;
}

/** What is not JSON is taken as an event without data. */
function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

let wake = () => {};

/** After a sleep, a line can be dead without a word; the same after a change of network. */
function watchForSleep(): void {
  let last = Date.now();
  setInterval(() => {
    if (Date.now() - last > nap) wake();
    last = Date.now();
  }, nap / 4);
  addEventListener('online', () => wake());
}
