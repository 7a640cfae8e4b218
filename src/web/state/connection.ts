/**
 * The line to the server: one stream of events for all tabs of a browser. The tab that leads has the
 * stream and passes on what comes; when it closes or answers no more, another one takes over.
 */
import { signal } from '@preact/signals';
import { Election, type Vote } from '../lib/election.ts';
import { Stream } from '../lib/stream.ts';
import type { EventPayloads } from '../lib/wire.ts';
import { account, loadAccount, ownId } from './account.ts';

type Type = keyof EventPayloads;

/** How the line stands, for people to see; `held` if the server answers, but its events do not come. */
export const connection = signal<'connecting' | 'open' | 'broken' | 'held'>('connecting');

/** What tabs tell each other. */
type Note =
  | Vote
  | { readonly event: Type; readonly data: unknown; readonly id: string }
  | { readonly line: typeof connection.value }
  /** Somebody is back, or misses an event: the line may be dead. */
  | { readonly doubt: number };

interface Follower {
  take(type: Type, data: never): void;
  /** The stream begins with now, and what came before is not told; the first one, or a later one. */
  began(isFirst: boolean): void;
}

/** How often the line is looked at, in ms. */
const interval = 2_500;

/** The server says something every 15 s; a line that is silent for longer than this is dead, in ms. */
const silence = 35_000;

/** Whoever comes back to the page does not rely on a line that is silent for longer than this, in ms. */
const restedSilence = 10_000;

/** The event of what one has posted comes within this, in ms. */
const echoTime = 5_000;

/**
 * A stream says its first word within this, in ms. The browser may have put it on a connection that
 * died unnoticed: it has six at most, and each try in vain ends one.
 */
const greetingTime = 5_000;
const deadConnections = 6;

/** A closed stream is opened again after this, in ms, or up to half as much more or less. */
const patience = 2_000;

/** These are not in the server's log, and have no id of their own. */
const passing: ReadonlySet<Type> = new Set(['hello', 'beat', 'typing', 'session.ended', 'reset']);

let lastId = '';
let hasBegun = false;
let stream: Stream | undefined;
let doubt = (_: number) => {};
let leads = () => false;

/** Whether this tab is the one that acts for all of the browser's. */
export const isLeading = () => leads();

/** Follows the events of whoever is signed in, for as long as the page is open. */
export function openConnection(follower: Follower): void {
  const channel = new BroadcastChannel(`snug.${ownId()}`);
  const tell = (note: Note) => channel.postMessage(note);
  const hear = (type: Type, data: unknown, id: string) => {
    if (!isKnown(type, id)) follower.take(type, data as never);
  };
  const begin = () => {
    follower.began(!hasBegun);
    hasBegun = true;
  };
  let missed = 0;
  const election = new Election(String(ownId()), {
    tell,
    onLead: () => connect(),
    onFollow() {
      stream?.close();
      stream = undefined;
      if (!hasBegun) begin();
    },
  });
  leads = () => election.isLeader;
  const connect = () => {
    stream?.close();
    let isResumed = lastId !== '' && hasBegun;
    const opened = new Stream(lastId, {
      onHello() {
        connection.value = 'open';
        if (isResumed) return;
        // When the browser connects again by itself, it resumes.
        isResumed = true;
        begin();
        tell({ event: 'reset', data: {}, id: '' });
      },
      onEvent(type, data, id) {
        tell({ event: type, data, id });
        hear(type, data, id);
      },
      onBreak(isClosed) {
        connection.value = 'broken';
        if (isClosed) reopen(opened);
      },
    });
    stream = opened;
  };
  /** The server said no: perhaps the session is over, perhaps it is only starting. */
  const reopen = (closed: Stream) => {
    const again = () => {
      if (stream === closed && account.value) connect();
    };
    // At random, because a server that was away is met by all its clients at once.
    const wait = patience * (0.5 + Math.random());
    setTimeout(() => void loadAccount().then(again, again), wait);
  };
  /** Makes a new stream unless the one that is there has shown life since so many ms. */
  doubt = (since) => {
    if (!election.isLeader) {
      tell({ doubt: since });
      election.check();
    } else if (stream === undefined || stream.silentFor > since) connect();
  };
  const watch = () => {
    election.check();
    if (stream === undefined) return;
    if (stream.isGreeted) missed = 0;
    const limit = stream.isGreeted || missed > deadConnections ? silence : greetingTime;
    if (stream.silentFor < limit) return;
    if (connection.value !== 'held') connection.value = 'broken';
    missed += 1;
    connect();
    if (missed > 1) void lookWithout(follower);
  };
  channel.onmessage = ({ data: note }: MessageEvent<Note>) => {
    if ('event' in note) hear(note.event, note.data, note.id);
    else if ('line' in note) connection.value = note.line;
    else if ('doubt' in note) {
      if (election.isLeader) doubt(note.doubt);
    } else {
      election.hear(note);
      if (note.vote === 'ask' && election.isLeader) tell({ line: connection.value });
    }
  };
  connection.subscribe((state) => {
    if (election.isLeader) tell({ line: state });
  });
  setInterval(watch, interval);
  watchReturns();
  addEventListener('pagehide', () => election.resign());
  election.start();
}

/** Whether an event came already, by another tab that led at the same time. */
function isKnown(type: Type, id: string): boolean {
  const isNewer = lastId === '' || Number(id) > Number(lastId);
  // After a backup was restored, the server's newest event may be older than what was known.
  if (id !== '' && (isNewer || type === 'reset')) lastId = id;
  return !isNewer && !passing.has(type);
}

/** Something was posted, whose event must come: if it does not, the line is dead. */
export function expectEvent(id: number): void {
  setTimeout(() => {
    if (lastId === '' || Number(lastId) < id) doubt(echoTime);
  }, echoTime);
}

/** After a sleep, or a change of network, a line can be dead without a word. */
function watchReturns(): void {
  const back = () => {
    if (!document.hidden) doubt(restedSilence);
  };
  document.addEventListener('visibilitychange', back);
  for (const sign of ['focus', 'pageshow']) addEventListener(sign, back);
  addEventListener('online', () => doubt(0));
}

/** The stream does not come through, as behind a proxy that holds it back: what is new is looked up. */
async function lookWithout(follower: Follower): Promise<void> {
  const isThere = await loadAccount().then(
    () => true,
    () => false,
  );
  if (!isThere || stream?.isGreeted) return;
  connection.value = 'held';
  follower.began(false);
}
