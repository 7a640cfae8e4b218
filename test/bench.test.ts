/** What the benchmark measures, and how it reports its figures. No test measures anything. */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import t from 'tap';
import { variants } from '../bench/bundle.ts';
import { drawCharts } from '../bench/charts.ts';
import { fill } from '../bench/fill.ts';
import type { Sample } from '../bench/measure.ts';
import { dueTimes, resultIn } from '../bench/open-loop.ts';
import { insertFigures } from '../bench/publish.ts';
import { Random } from '../bench/random.ts';
import { formatReport } from '../bench/report.ts';
import type { Result, Results } from '../bench/results.ts';
import { giveChats } from '../bench/trials/list-sizes.ts';
import { openStore } from '../src/db/open.ts';
import { clearOldEvents, limits } from '../src/event-log/retention.ts';
import { startCast, tempFolder } from './helpers/world.ts';

const figures = { cpu: 20, p50: 1, p99: 2, share: 1 };
const floor: Sample = { ...figures, rate: 60_000, loadShare: 0.4 };
const memory = { idle: 70e6, after: 100e6, peak: 100e6 };

/** A run that measured only the list of chats. */
function resultsOf({ sleeps = false, loadShare = 0.2 }): Results {
  const round = {
    floor,
    snug: { ...floor, rate: 54_000, loadShare },
    'not cached': { ...floor, rate: 6_000 },
  };
  const list = {
    ...{ title: 'list of chats', load: 'wrk', sleeps, connections: 64, rounds: [round] },
    memory: { floor: memory, snug: memory, 'not cached': memory },
  };
  const settings = {
    ...{ messages: 1_000_000, sizes: [10_000], rounds: 1, seconds: 3, connections: 64 },
    ...{ rates: [500], streams: 5_000, idleStreams: 10_000, seed: 1 },
  };
  const conditions = { program: 'any', settings, machine: 'any', at: '2026-11-22', took: 1 };
  return { list: { ...conditions, comparisons: { list } } };
}

t.test('a generated database has the event log that a server would keep', async (t) => {
  const file = join(await tempFolder(t), 'snug.db');
  await openStore(file).close();
  const sqlite = new Database(file);
  t.teardown(() => sqlite.close());
  fill(sqlite, 500, 1);
  const select = (rows: string) => sqlite.prepare(`select ${rows}`).raw().all() as number[][];
  const log = () => select('id, chat_id, user_id, at from events order by id');
  const messages = select('id, chat_id, sender_id, created_at from messages order by id');
  const [last = 0, , , now = 0] = messages.at(-1) ?? [];
  const young = messages.filter(([, , , at = 0]) => at >= now - limits.maxAge);
  t.equal(young.length, 10);
  t.strictSame(log(), young);
  t.strictSame(select(`seq from sqlite_sequence where name = 'events'`), [[last]]);

  const db = openStore(file, { clock: () => now });
  t.equal(await db.write(clearOldEvents, {}), false);
  await db.close();
  t.strictSame(log(), young, 'there is nothing to clear');
});

t.test('a person gets exactly as many chats as are measured', async (t) => {
  const { alice, bob, chat, file } = await startCast(t);
  await bob.send(chat, 'the last event so far');
  const sqlite = new Database(file);
  t.teardown(() => sqlite.close());
  const given = giveChats(sqlite, new Random(1), alice.id, 120);
  const next = await bob.send(chat, 'and the next one');
  const { chats } = (await alice.get('/api/chats')).body;
  t.strictSame(
    chats.map(({ id }: { id: number }) => id),
    given.toReversed(),
  );
  t.ok(chats.every((each: object) => !('unread' in each)));
  t.ok(next > (given.at(-1) ?? 0) + 1, 'no id is used twice');
});

t.test('the report and the chart say which targets are reached', async (t) => {
  const results = resultsOf({});
  const charts = drawCharts(results);
  const report = formatReport(results, charts);
  t.match(report, '| list of chats | ≥ 0.75 × the floor | **0.90** | yes |');
  t.match(report, '| memory after the loads | ≤ 180 MB | **100** at worst | yes |');
  t.match(report, '| idle streams | ≥ 10,000 held | not measured |  |');
  t.notMatch(report, 'Doubtful');
  t.strictSame(
    charts.map(({ file }) => file),
    ['page.svg'],
  );
  t.equal(charts[0]?.svg.match(/<rect class="bar"/g)?.length, 2);
});

t.test('the report begins with what was measured in plain words', async (t) => {
  const { list } = resultsOf({});
  const values = { 'post p50 ms': [30, 50, 40], 'post p99 ms': [90], 'page p50 ms': [2] };
  const results = { pi: { ...(list as Result), comparisons: {}, values } };
  const charts = drawCharts(results);
  const [, page = '', chart = '', ...rest] = formatReport(results, charts).split('\n\n');
  t.match(page, 'wait 40 ms for a message, seldom more than 90 ms, and 2.00 ms for a page.');
  t.equal(page.split('\n').length, 1, 'and nothing that was not measured');
  t.match(chart, '![On a small computer](pi.svg)');
  t.equal(rest[0], '### Targets');
});

t.test('the report lists what makes figures doubtful', async (t) => {
  t.match(formatReport(resultsOf({ sleeps: true }), []), 'Doubtful:** wrk slept while waiting');
  const limit = 'the load generator was at its limit (busy 95 % of the time)';
  t.match(formatReport(resultsOf({ loadShare: 0.95 }), []), limit);
});

t.test('requests of the open loop come at random times, at its rate', async (t) => {
  const due = dueTimes({ rate: 1_000, seconds: 20 }, new Random(1));
  t.ok(due.length > 19_000 && due.length < 21_000, `${due.length}`);
  t.ok(due.every((time, i) => time > (due[i - 1] ?? 0) && time < 20_000));
  t.strictSame(due, dueTimes({ rate: 1_000, seconds: 20 }, new Random(1)));
});

t.test('the open loop sends what is due while earlier answers are missing', async (t) => {
  const held: ServerResponse[] = [];
  let count = 0;
  const server = createServer((_, response) => {
    count += 1;
    held.push(response);
    // The first two requests warm up.
    if (count <= 2 || count >= 12) for (const each of held.splice(0)) each.end('{}');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  const file = join(await tempFolder(t), 'requests.json');
  writeFileSync(file, JSON.stringify([{ method: 'GET', route: '/', path: '/', userId: 1 }]));

  const load = { rate: 100, seconds: 0.5, connections: 2, seed: 1, sleeps: true };
  const script = fileURLToPath(new URL('../bench/open-generator.ts', import.meta.url));
  const args = [script, `${port}`, file, JSON.stringify(load)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const { posts, reads } = resultIn(stdout);
  const due = dueTimes(load, new Random(load.seed));
  t.equal(posts.count, 0);
  t.equal(reads.count, due.length);
  t.ok(reads.p99 >= (due[9] ?? 0) - (due[1] ?? 0), 'and counts their wait');
});

t.test('clients that were at their limit make figures doubtful', async (t) => {
  const values = { 'generator’s share of its core': [0.95], 'p99 ms': [5] };
  const { list } = resultsOf({});
  const report = formatReport(
    { 'open-loop': { ...(list as Result), comparisons: {}, values } },
    [],
  );
  t.match(report, 'Doubtful:** open-loop: generator’s share of its core: 95 %, so it was');
});

t.test('the report says which trials were skipped, and why', async (t) => {
  const { list } = resultsOf({});
  const pi = { ...(list as Result), comparisons: {}, skipped: 'no CPU quota' };
  t.match(formatReport({ pi }, []), '**Skipped:** pi: no CPU quota.');
});

t.test('publishing replaces the figures published before', async (t) => {
  const page = (inner: string) =>
    `above\n<!-- figures -->\n${inner}<!-- end of figures -->\nbelow\n`;
  const published = insertFigures(page('old\n'), '$& new\n');
  t.equal(published, page('\n$& new\n\n'));
  t.equal(insertFigures(published, '$& new\n'), published);
  t.throws(() => insertFigures('no place', 'new'), /lacks the marks/);
});

t.test('the text that variants of Snug replace occurs once in the sources', async (t) => {
  for (const { file, find } of Object.values(variants)) {
    const source = readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8');
    t.equal(source.split(find).length, 2, `${file}: ${find}`);
  }
});
