/**
 * The connection to the server: one stream of events for all tabs of a browser. The leading tab has
 * the stream and forwards its events; when it closes or stops answering, another tab takes over.
 */
import { signal } from '@preact/signals';
import { Election, type Vote } from '../lib/election.ts';
import { Stream } from '../lib/stream.ts';
import type { EventPayloads } from '../lib/wire.ts';
import { account, loadAccount, ownId } from './account.ts';

type Type = keyof EventPayloads;

/** The state of the connection; `held` if the server answers but its events do not arrive. */
export const connection = signal<'connecting' | 'open' | 'broken' | 'held'>('connecting');

/**
 * Counts the times that the server was found again: when a stream starts, when it answers without
 * one, and when the browser is online again. What failed without the server may work now.
 */
export const reached = signal(0);
addEventListener('online', noteReached);

function noteReached(): void {
  reached.value += 1;
}

/** A message between tabs. */
type TabMessage =
  | Vote
  | { readonly event: Type; readonly data: unknown; readonly id: string }
  | { readonly state: typeof connection.value }
  /** The user has come back, or an event is missing: the stream may be dead. See `checkStream`. */
  | { readonly maxSilence: number };

interface Follower {
  onEvent(type: Type, data: never): void;
  /** A stream starts from now, without earlier events. @param isFirst of this page. */
  onStart(isFirst: boolean): void;
}

/** How often the stream is checked, in ms. */
const interval = 2_500;

/** A stream without events for longer than this is dead, in ms: the server sends one every 15 s. */
const silence = 35_000;

/** The same when the user comes back to the page, in ms. */
const silenceOnReturn = 10_000;

/** The event of a message that the user has posted arrives within this time, in ms. */
const echoTime = 5_000;

/**
 * The first event of a stream arrives within this time, in ms. The browser may have put the stream
 * on a connection that died unnoticed: it has at most 6, and each failed attempt closes one.
 */
const helloTime = 5_000;
const deadConnections = 6;

/** The delay before a closed stream is opened again, in ms, up to half as much more or less. */
const reopenDelay = 2_000;

/** These events are not in the server's log and have no id of their own. */
const transient: ReadonlySet<Type> = new Set(['hello', 'beat', 'typing', 'session.ended', 'reset']);

let lastId = '';
let hasStarted = false;
let stream: Stream | undefined;
let checkStream = (_: number) => {};
let leads = () => false;

/** Whether this tab acts for all tabs of the browser. */
export const isLeading = () => leads();

/** Follows the user's events for as long as the page is open. */
export function openConnection(follower: Follower): void {
  const channel = new BroadcastChannel(`snug.${ownId()}`);
  const send = (message: TabMessage) => channel.postMessage(message);
  const receive = (type: Type, data: unknown, id: string) => {
    if (type === 'hello') noteReached();
    if (!isDuplicate(type, id)) follower.onEvent(type, data as never);
  };
  const start = () => {
    follower.onStart(!hasStarted);
    hasStarted = true;
  };
  let failures = 0;
  const election = new Election(String(ownId()), {
    send,
    onLead: () => connect(),
    onFollow() {
      stream?.close();
      stream = undefined;
      if (!hasStarted) start();
    },
  });
  leads = () => election.isLeader;
  const connect = () => {
    stream?.close();
    let isResumed = lastId !== '' && hasStarted;
    const opened = new Stream(lastId, {
      onHello() {
        connection.value = 'open';
        if (isResumed) return;
        // When the browser reconnects automatically, it resumes the stream.
        isResumed = true;
        start();
        send({ event: 'reset', data: {}, id: '' });
      },
      onEvent(type, data, id) {
        send({ event: type, data, id });
        receive(type, data, id);
      },
      onBreak(isClosed) {
        connection.value = 'broken';
        if (isClosed) reopen(opened);
      },
    });
    stream = opened;
  };
  /**
   * The server refused the stream: the session may be over, or the server may still be starting.
   */
  const reopen = (closed: Stream) => {
    const again = () => {
      if (stream === closed && account.value) connect();
    };
    // A random delay, so that not all clients reconnect at once to a server that was away.
    const wait = reopenDelay * (0.5 + Math.random());
    setTimeout(() => void loadAccount().then(again, again), wait);
  };
  /** Opens a new stream if the current one has been silent for longer than `maxSilence`, in ms. */
  checkStream = (maxSilence) => {
    if (!election.isLeader) {
      send({ maxSilence });
      election.check();
    } else if (stream === undefined || stream.silentFor > maxSilence) connect();
  };
  const watch = () => {
    election.check();
    if (stream === undefined) return;
    if (stream.isGreeted) failures = 0;
    const limit = stream.isGreeted || failures > deadConnections ? silence : helloTime;
    if (stream.silentFor < limit) return;
    if (connection.value !== 'held') connection.value = 'broken';
    failures += 1;
    connect();
    if (failures > 1) void loadWithoutStream(follower);
  };
  channel.onmessage = ({ data: message }: MessageEvent<TabMessage>) => {
    if ('event' in message) receive(message.event, message.data, message.id);
    else if ('state' in message) connection.value = message.state;
    else if ('maxSilence' in message) {
      if (election.isLeader) checkStream(message.maxSilence);
    } else {
      election.receive(message);
      if (message.vote === 'ask' && election.isLeader) send({ state: connection.value });
    }
  };
  connection.subscribe((state) => {
    if (election.isLeader) send({ state });
  });
  setInterval(watch, interval);
  watchReturns();
  addEventListener('pagehide', () => election.resign());
  election.start();
}

/** Whether an event has arrived already, through another tab that led at the same time. */
function isDuplicate(type: Type, id: string): boolean {
  const isNewer = lastId === '' || Number(id) > Number(lastId);
  // After a restore from a backup, the server's newest event may be older than the last one here.
  if (id !== '' && (isNewer || type === 'reset')) lastId = id;
  return !isNewer && !transient.has(type);
}

/** Expects the event of a message that was posted: if it does not arrive, the stream is dead. */
export function expectEvent(id: number): void {
  setTimeout(() => {
    if (lastId === '' || Number(lastId) < id) checkStream(echoTime);
  }, echoTime);
}

/** Checks the stream when the user returns: sleep or a change of network can kill it silently. */
function watchReturns(): void {
  const back = () => {
    if (!document.hidden) checkStream(silenceOnReturn);
  };
  document.addEventListener('visibilitychange', back);
  for (const type of ['focus', 'pageshow']) addEventListener(type, back);
  addEventListener('online', () => checkStream(0));
}

/** Loads what is new when the stream does not get through, for example behind a buffering proxy. */
async function loadWithoutStream(follower: Follower): Promise<void> {
  const isReachable = await loadAccount().then(
    () => true,
    () => false,
  );
  if (!isReachable || stream?.isGreeted) return;
  connection.value = 'held';
  noteReached();
  follower.onStart(false);
}
