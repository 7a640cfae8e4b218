import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import t from 'tap';
import { fill, tokenOf } from '../../bench/fill.ts';
import { openStore } from '../../src/db/open.ts';
import type { Store } from '../../src/db/store.ts';
import { beyondIds } from '../../src/http/schema.ts';
import { ChatsBehind, extendAll } from '../../src/jobs/search-vocabulary.ts';
import { indexAllWaiting } from '../../src/jobs/waiting-messages.ts';
import { deleteMessage, editMessage, postMessage } from '../../src/messages/messages.ts';
import { searchMessages } from '../../src/search/search.ts';
import { blockSize } from '../../src/search-index/blocks.ts';
import { parseQuery } from '../../src/search-index/fts-query.ts';
import { indexNext } from '../../src/search-index/rebuild.ts';
import { countUnlearned } from '../../src/search-index/vocabulary/check.ts';
import { listBlocks } from '../../src/search-index/vocabulary/queries.ts';
import { forgetStaleWords } from '../../src/search-index/vocabulary/stale.ts';
import { extendVocabularies, wantedOf } from '../../src/search-index/vocabulary/vocabulary.ts';
import { leastCpuTime } from '../helpers/cpu.ts';
import { hurried } from '../helpers/database.ts';
import { seedOf } from '../helpers/random.ts';
import { execute, query } from '../helpers/rows.ts';
import { ids, replaceIndex, search } from '../helpers/search.ts';
import { type Person, startCast, startWorld, tempFolder } from '../helpers/world.ts';

/** How many messages the most expensive search covers. SEARCH_MESSAGES=1000000 takes a minute. */
const messageCount = Number(process.env.SEARCH_MESSAGES ?? 20_000);

const idOf = (url: string) => Number(url.split('/').at(-1));

t.test('a message is found by what people would type for it', async (t) => {
  const { alice, bob, chat } = await startCast(t);
  const found = {
    'Viele Grüße': ['grusse', 'GRÜSSE', 'viele gr', '"viele grüße"'],
    'im Café Ångström': ['cafe angstrom', 'angstr', 'CAFÉ'],
    'İstanbul güzel': ['istanbul', 'İSTANBUL', 'guzel'],
    'ο Σίσυφος γελά': ['σισυφος', 'ΣΙΣΥΦΟΣ', 'σίσυφοσ', 'σισ'],
    'мой ёж': ['мои', 'МОЙ', 'еж'],
    明日は東京に行きます: ['東京', '明日', '東京に', '行き', '"東京"'],
    我们去爬山: ['爬山', '山', '去爬'],
    '오늘 한국어를 배워요': ['한국', '국어', '배워'],
    ฉันชอบดื่มน้ำ: ['น้ำ', 'ชอบ', 'ดื่ม'],
    'قَرَأتُ كِتَابًا': ['كتاب', 'قرأت', 'كِتَابًا'],
    'see you 👍🏽': ['👍', 'see 👍', 'you 👍🏽'],
    "it's 100% o'clock": ["it's", '100', "o'clock", 'clo'],
  };
  for (const [content, queries] of Object.entries(found)) {
    const id = await alice.send(chat, content);
    for (const q of queries) {
      const hits = await search(bob, q);
      t.ok(
        hits.some((hit) => hit.id === id),
        `${q} finds ${content}`,
      );
    }
  }
  for (const q of ['rüße', 'iele', '"viele gr"', '"grüße viele"', '京東', 'g v']) {
    t.strictSame(await ids(bob, q), [], `${q} finds nothing`);
  }
  t.strictSame(await ids(bob, 'gr viele'), [], 'only the last word may be a prefix');
});

t.test('every query gets an answer, whatever is typed', async (t) => {
  const { alice, chat } = await startCast(t);
  const id = await alice.send(chat, 'a plain body');
  const hostile = [
    ...['"', '""', '"""', 'AND', 'a NOT', 'NOT a', 'a*', '*', '^', '^a', '-', '-a', '+', 'a OR'],
    ...['body:x', 'nocol:x', 'words:a', 'scope:c1', '{words}:a', 'NEAR(', 'NEAR(a b,99999999999)'],
    ...['('.repeat(200), ')', "'", "';--", '', ' ', '%', '_', '\\', '\u0001', '\u200b', '👍', '山'],
    ...[
      'x'.repeat(200),
      '𝒳'.repeat(200),
      'a '.repeat(100),
      '"a '.repeat(66),
      'x'.repeat(199),
      '𝒳'.repeat(199),
      '⑴ (',
      'ﷺ',
      'ﹰ',
    ],
  ];
  for (const q of hostile) {
    const { status, body } = await alice.get(`/api/search?${new URLSearchParams({ q })}`);
    t.strictSame([status, Array.isArray(body.hits)], [200, true], JSON.stringify(q));
  }
  const tooLong = ['x'.repeat(201), '𝒳'.repeat(201), '('.repeat(5000), 'a '.repeat(5000)];
  for (const q of ['a\0b', ...tooLong]) {
    t.equal((await alice.get(`/api/search?${new URLSearchParams({ q })}`)).status, 400);
  }
  t.equal((await alice.get('/api/search')).status, 400);
  t.strictSame(await ids(alice, 'body:'), [id], 'signs count as spaces');
  const anything = fc.string({ unit: 'binary', maxLength: 100 });
  const syntax = fc.string({ unit: fc.constantFrom(...'ab"*^-+:(){}., \'ANDORT'), maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(fc.oneof(anything, syntax), async (text) => {
      const { status } = await alice.get(`/api/search?${new URLSearchParams({ q: text })}`);
      return status === (text.includes('\0') ? 400 : 200);
    }),
    { seed: seedOf(t), numRuns: 500 },
  );
});

t.test('only the caller’s chats are searched', async (t) => {
  const { alice, bob, carol, chat } = await startCast(t);
  const id = await alice.send(chat, 'the secret plan');
  t.strictSame(await ids(bob, 'secret'), [id]);
  t.strictSame(await ids(bob, 'secret', { chat_id: String(idOf(chat)) }), [id]);
  const nothing = { hits: [] };
  const findsNothing = async (person: Person, why: string) => {
    const answer = await person.get('/api/search?q=secret');
    t.strictSame([answer.status, answer.body], [200, nothing], why);
    t.equal(answer.headers.link, undefined, `${why}: no trace in Link`);
    for (const from of ['', '&from=alice', '&from=nobody']) {
      const own = await person.get(`/api/search?q=secret&chat_id=${idOf(chat)}${from}`);
      t.equal(own.status, 403, `${why}, by its id ${from}`);
      const absent = await person.get(`/api/search?q=secret&chat_id=999999${from}`);
      t.equal(absent.status, 404, `${why}, by an unknown id ${from}`);
    }
  };
  await findsNothing(carol, 'an outsider');
  await carol.createChat('of her own');
  await findsNothing(carol, 'an outsider with a chat');
  await bob.delete(`/api/chats?chat_id=${idOf(chat)}`);
  await findsNothing(bob, 'a user who left');
  await alice.post(`${chat}/members`, { name: 'carol' });
  t.strictSame(await ids(carol, 'secret'), [id], 'an added user');
  await alice.delete(`${chat}/members?user_id=${carol.id}`);
  await findsNothing(carol, 'a removed user');
});

t.test('deleted texts, and the previous texts of edited messages, are not found', async (t) => {
  const { alice, bob, chat, file } = await startCast(t);
  const left = await alice.send(chat, 'apple tree');
  const edited = await alice.send(chat, 'apple pie');
  const deleted = await alice.send(chat, 'apple juice');
  await alice.put(`${chat}/messages/${edited}`, { content: 'cherry pie' });
  await alice.delete(`${chat}?id=${deleted}`);
  t.strictSame(await ids(bob, 'apple'), [left]);
  t.strictSame(await ids(bob, 'juice'), []);
  t.strictSame(await ids(bob, 'cherry'), [edited]);
  t.strictSame(await ids(bob, 'pie'), [edited]);
  await bob.delete(`/api/chats?chat_id=${idOf(chat)}`);
  await alice.delete(`/api/chats?chat_id=${idOf(chat)}`);
  t.strictSame(indexOf(file), [], 'a deleted chat leaves no words');
});

t.test('hits come newest first, filtered by sender and limited', async (t) => {
  const { alice, bob, chat } = await startCast(t);
  const sent: number[] = [];
  for (let n = 0; n < 25; n += 1) sent.push(await (n % 2 ? bob : alice).send(chat, `walk ${n}`));
  const newest = sent.toReversed();
  t.strictSame(await ids(bob, 'walk'), newest);
  t.equal((await bob.get('/api/search?q=walk')).body.hits.length, 20, 'a page');
  t.strictSame(await ids(bob, 'walk', { limit: '3' }), newest);
  t.equal((await bob.get('/api/search?q=walk&limit=3')).body.hits.length, 3);
  const before = String(sent[10]);
  t.strictSame(await ids(bob, 'walk', { before }), newest.slice(15));
  const hits = await search(bob, 'walk', { from: 'ALICE' });
  t.ok(hits.every((hit) => hit.sender_id === alice.id) && hits.length === 13);
  t.strictSame(await ids(bob, 'walk', { from: 'nobody' }), []);
  for (const limit of ['0', '51', '-1', '1e1', '']) {
    t.equal((await bob.get(`/api/search?q=walk&limit=${limit}`)).status, 400, `limit=${limit}`);
  }
});

t.test('nothing is lost where two blocks of a chat meet', async (t) => {
  const { alice, chat, file } = await startCast(t);
  const sent = [await alice.send(chat, 'edge')];
  // As after many posts and deletions.
  execute(file, 'update chats set posted = ? where id = ?', blockSize - 1, idOf(chat));
  for (let n = 0; n < 4; n += 1) sent.unshift(await alice.send(chat, 'edge'));
  t.strictSame(blocksOf(file), [sent[4], sent[2]]);
  t.strictSame(await ids(alice, 'edge'), sent);
  t.strictSame(await ids(alice, 'edge', { limit: '1' }), sent);
  t.strictSame(await ids(alice, 'edge', { before: String(sent[1]) }), sent.slice(2));
  await alice.delete(`${chat}?id=${sent[2]}`);
  t.strictSame(await ids(alice, 'edge'), sent.toSpliced(2, 1), 'also without its first message');
});

t.test('a search that runs out of time links to the rest, and finds all of it', async (t) => {
  const { alice, bob, db } = await startCast(t);
  const chats: string[] = [];
  for (let n = 0; n < 12; n += 1) {
    const chat = await alice.createChat(`chat ${n}`);
    await alice.post(`${chat}/members`, { name: 'bob' });
    chats.push(chat);
  }
  const sent: number[] = [];
  for (let n = 0; n < 60; n += 1) {
    const chat = chats[(5 * n) % chats.length] ?? '';
    sent.unshift(await alice.send(chat, n % 3 === 0 ? `walk ${n}` : `talk ${n}`));
  }
  const walks = sent
    .toReversed()
    .filter((_, n) => n % 3 === 0)
    .toReversed();
  const findAll = async () => {
    const found: number[] = [];
    let pages = 0;
    for (let before: number | undefined = beyondIds; before !== undefined; pages += 1) {
      const input = { userId: bob.id, query: 'walk', limit: 50, before };
      const page = await searchMessages(db, input, { slice: 0, deadline: 0 });
      found.push(...page.hits.map(({ id }) => id));
      if (page.next !== undefined) t.ok(page.next < before, 'each page leads further');
      before = page.next;
      await bob.send(chats[pages % chats.length] ?? '', 'walk on');
    }
    return { found, pages };
  };
  const { found, pages } = await findAll();
  t.strictSame(found, walks);
  t.ok(pages > 2, `${pages} pages`);
  await replaceIndex(db);
  await db.write(indexNext, { limit: 20 });
  const again = await findAll();
  t.strictSame(again.found.slice(-walks.length), walks, 'also while the index is rebuilt');
  t.ok(again.pages > 2, `${again.pages} pages`);
});

t.test('the index can be rebuilt from the messages', async (t) => {
  const { alice, bob, chat, db, file } = await startCast(t);
  for (let n = 0; n < 30; n += 1) await alice.send(chat, `Grüße ${n} 山 @bob`);
  const edited = await bob.send(chat, 'before');
  await bob.put(`${chat}/messages/${edited}`, { content: 'after' });
  await bob.delete(`${chat}?id=${await bob.send(chat, 'gone')}`);
  await indexAllWaiting(db);
  const before = indexOf(file);
  t.ok(before.length > 100);
  await rebuild(db);
  t.strictSame(indexOf(file), before, 'a sound index stays the same');
  const sqlite = new Database(file);
  sqlite.exec("delete from search where rowid % 2; insert into search values('stray', '1†1')");
  sqlite.close();
  t.notSame(indexOf(file), before);
  await rebuild(db);
  t.strictSame(indexOf(file), before, 'a broken index becomes right');
  t.strictSame((await ids(bob, 'grusse')).length, 30);
});

t.test('the most expensive search delays nobody else', async (t) => {
  const world = await startWorld(t);
  const sqlite = new Database(world.file);
  fill(sqlite, messageCount, 7);
  sqlite.close();
  const cookies = { user_id: '1', token: tokenOf(1) };
  const reader = Object.assign(world.nobody(), { cookies });
  // When all of them have signed in.
  world.clock.now = Date.parse('2024-11-01T00:00:00Z');
  const expensive = [
    'a',
    'e',
    't',
    'a e i o',
    'the',
    'the a',
    'th',
    '"the a"',
    '山',
    `${'a '.repeat(16)}`,
  ];
  for (const q of expensive) {
    const url = `/api/search?${new URLSearchParams({ q })}`;
    const took = await leastCpuTime(3, async () => {
      t.equal((await reader.get(url)).status, 200);
    });
    t.ok(took < 100, `${q}: ${took} ms`);
  }
  t.ok((await reader.get('/api/search?q=the')).body.hits.length > 0, 'there is much to find');
});

t.test('repeated changes within one batch are found in their last state', async (t) => {
  const { db, file, bob, chat } = await startCast(t);
  const mine = { chatId: idOf(chat), userId: bob.id };
  const posts = ['posted and left', 'posted and edited', 'posted and deleted'];
  const [left, edited, deleted] = await db.write(async (unit) => {
    const made: number[] = [];
    for (const content of posts) made.push((await postMessage(unit, { ...mine, content })).id);
    return made;
  }, {});
  t.same(await ids(bob, 'posted'), [deleted, edited, left]);
  const again = await db.write(async (unit) => {
    const { id } = await postMessage(unit, { ...mine, content: 'posted again' });
    await editMessage(unit, { ...mine, id, content: 'written anew' });
    await editMessage(unit, { ...mine, id: Number(edited), content: 'written otherwise' });
    await deleteMessage(unit, { ...mine, id: Number(deleted), ownOnly: true });
    const gone = await postMessage(unit, { ...mine, content: 'posted in vain' });
    await deleteMessage(unit, { ...mine, id: gone.id, ownOnly: true });
    return id;
  }, {});
  t.same(await ids(bob, 'posted'), [left]);
  t.same(await ids(bob, 'written'), [again, edited]);
  t.same(query(file, 'select id from search_docsize except select id from messages'), []);
});

t.test('many messages are one segment of the index, not one each', async (t) => {
  const { db, file, bob, chat } = await startCast(t);
  const pieces = () =>
    Number(query(file, 'select count(distinct segid) as n from search_idx')[0]?.n);
  const before = pieces();
  const posts = Array.from({ length: 30 }, (_, i) =>
    db.write(postMessage, { chatId: idOf(chat), userId: bob.id, content: `batched ${i}` }),
  );
  await Promise.all(posts);
  t.equal(pieces(), before, 'they wait');
  await indexAllWaiting(db);
  t.equal(pieces() - before, 1);
  t.equal((await ids(bob, 'batched')).length, 30);
});

/** How many blocks of a person's chats a search would look up in the index. */
async function countLookUps(db: Store, { id: userId }: Person, query: string): Promise<number> {
  const wanted = wantedOf(parseQuery(query));
  return (await db.read(listBlocks, { ...wanted, userId, before: beyondIds })).length;
}

t.test('blocks without the words are not looked up', async (t) => {
  const { alice, db, file } = await startCast(t);
  const texts = ['a walk in Rauðhólar', 'an internationalist talk', 'walk and talk 山川 café'];
  const chats: string[] = [];
  for (const text of texts) chats.push(await alice.createChat(text.slice(0, 10)));
  for (const [n, text] of texts.entries()) await alice.send(chats[n] ?? '', text);
  t.equal(await countLookUps(db, alice, 'nowhere'), 3, 'an unlearned block may have any word');
  await extendAll(db);
  const wanted = {
    nowhere: 0,
    'walk ': 2,
    'wal ': 0,
    wal: 2,
    'walk talk ': 1,
    '"walk and"': 1,
    rauðhól: 1,
    'internationalist ': 1,
    internationale: 1,
    'internal ': 0,
    川: 1,
    '山 ': 1,
    CAFÉ: 1,
    'a walk in the park with alice ': 0,
  };
  for (const [query, count] of Object.entries(wanted)) {
    t.equal(await countLookUps(db, alice, query), count, query);
  }
  const posted = await alice.send(chats[0] ?? '', 'more');
  t.equal(await countLookUps(db, alice, 'nowhere '), 1, 'the block with a new message');
  t.strictSame(await ids(alice, 'more'), [posted]);
  await extendAll(db);
  t.equal(await countLookUps(db, alice, 'nowhere '), 0);
  t.strictSame(await ids(alice, 'more '), [posted]);
  await alice.put(`${chats[0]}/messages/${posted}`, { content: 'less' });
  t.equal(await countLookUps(db, alice, 'less '), 1);
  t.strictSame(await ids(alice, 'less '), [posted], 'an edited message');
  execute(file, "insert into search_vocabulary select first_id, 'stray' from search_blocks");
  await rebuild(db);
  t.equal(await countLookUps(db, alice, 'nowhere '), 3, 'a rebuild forgets all of them');
  await extendAll(db);
  t.equal(await countLookUps(db, alice, 'stray '), 0);
  t.equal(await countLookUps(db, alice, 'walk '), 2);
});

t.test('vocabularies learn from the changes of others and of other processes', async (t) => {
  const { alice, chat, db, file } = await startCast(t);
  const behind = new ChatsBehind(db);
  const knownUpTo = () => query(file, 'select max(known_to) as id from search_blocks')[0]?.id;
  await alice.send(chat, 'before');
  t.equal(await behind.extend(), false);
  const id = await alice.send(chat, 'after');
  t.ok(Number(knownUpTo()) < id);
  t.equal(await behind.extend(), false);
  t.equal(knownUpTo(), id);
  execute(file, 'update search_blocks set known_to = 0');
  await alice.send(chat, 'and on');
  await db.catchUp();
  await behind.extend();
  t.ok(Number(knownUpTo()) > id);
  t.equal(await countLookUps(db, alice, 'before '), 1);
});

t.test('a long chat is learned in portions', async (t) => {
  const { alice, chat, db, file } = await startCast(t);
  const [userId, chatId] = [alice.id, idOf(chat)];
  const posts = Array.from({ length: 120 }, (_, n) =>
    db.write(postMessage, { chatId, userId, content: `word${n}` }),
  );
  await Promise.all(posts);
  await indexAllWaiting(db);
  const words = () => query(file, 'select count(*) as n from search_vocabulary')[0]?.n;
  for (const learned of [50, 100, 120]) {
    t.strictSame(await db.write(hurried(extendVocabularies), { chatIds: [chatId] }), [chatId]);
    t.equal(words(), learned);
    t.equal(await countLookUps(db, alice, 'nowhere '), learned === 120 ? 0 : 1);
  }
  t.strictSame(await db.write(extendVocabularies, { chatIds: [chatId] }), []);
});

/** How many words of vocabularies start with this. */
const countKnown = (file: string, start: string) =>
  query(file, 'select 1 from search_vocabulary where instr(word, ?) = 1', start).length;

t.test('words of deleted or edited texts leave the vocabularies', async (t) => {
  const { alice, bob, chat, db, file } = await startCast(t);
  await alice.send(chat, 'zebra crossing, abcdefg\u{10428}');
  const deleted = await alice.send(chat, 'zebra crossings by xylophonist, abcdefg\u{10428}h');
  const edited = await alice.send(chat, 'quicksilver crossroads');
  await extendAll(db);
  await alice.delete(`${chat}?id=${deleted}`);
  await alice.put(`${chat}/messages/${edited}`, { content: 'roads' });
  const foundBy = async (query: string) => (await ids(bob, query)).length;
  const areRight = async () => {
    for (const q of ['zebra ', 'crossi', 'roads ', 'abcdefg', 'abcdefg\u{10428} ']) {
      t.equal(await foundBy(q), 1, q);
    }
    for (const q of ['xylo', 'by ', 'quicksilver ', 'crossr']) t.equal(await foundBy(q), 0, q);
  };
  await areRight();
  t.equal(countKnown(file, 'xylophon'), 1, 'the deletion itself does not wait for that');

  t.equal(await db.write(hurried(forgetStaleWords), {}), true);
  await areRight();
  // A kill leaves the file and its WAL as they are.
  const copy = join(await tempFolder(t), 'snug.db');
  for (const end of ['', '-wal']) copyFileSync(file + end, copy + end);
  const restarted = openStore(copy);
  await extendAll(restarted);
  await restarted.close();
  await extendAll(db);
  for (const name of [file, copy]) {
    for (const gone of ['xylo', 'by', 'quick', 'crossroa'])
      t.equal(countKnown(name, gone), 0, gone);
    for (const left of ['zebra', 'crossing', 'roads', 'abcdefg'])
      t.equal(countKnown(name, left), 1);
    t.strictSame(query(name, 'select * from stale_words'), []);
  }
  await areRight();
});

t.test('an emptied chat keeps no words', async (t) => {
  const { alice, chat, db, file } = await startCast(t);
  const sent = [await alice.send(chat, 'xylophone'), await alice.send(chat, 'xylophonist')];
  await extendAll(db);
  for (const id of sent) await alice.delete(`${chat}?id=${id}`);
  execute(file, 'update search_blocks set known_to = 0');
  execute(file, 'delete from stale_words');
  await extendAll(db);
  t.equal(countKnown(file, 'x'), 0, 'also if its block will be learned again');
});

t.test('a check finds words missing from the vocabularies', async (t) => {
  const { alice, chat, db, file } = await startCast(t);
  for (let n = 0; n < 20; n += 1) await alice.send(chat, `word${n} again`);
  await alice.send(await alice.createChat('other'), 'elsewhere');
  t.equal(await db.read(countUnlearned, {}), 0, 'words yet to be learned are not missing');
  await extendAll(db);
  t.equal(await db.read(countUnlearned, {}), 0);
  execute(file, "delete from search_vocabulary where word = 'word7'");
  t.strictSame(await ids(alice, 'word7 '), [], 'a missing word hides a message');
  t.equal(await db.read(countUnlearned, {}), 1);
  execute(file, 'delete from search_vocabulary');
  t.strictSame(await ids(alice, 'elsewhere '), []);
  t.equal(await db.read(countUnlearned, {}), 2);
  await rebuild(db);
  await extendAll(db);
  t.equal(await db.read(countUnlearned, {}), 0);
});

async function rebuild(db: Store): Promise<void> {
  await replaceIndex(db);
  while ((await db.write(indexNext, { limit: 7 })) > 0);
}

/** The first messages of the blocks of all chats. */
const blocksOf = (file: string) =>
  query(file, 'select first_id from search_blocks order by first_id').map((row) => row.first_id);

/** All words of the index and their positions. */
function indexOf(file: string): unknown[] {
  const sqlite = new Database(file);
  sqlite.exec("create virtual table temp.places using fts5vocab(main, search, 'instance')");
  const places = sqlite.prepare('select * from places order by doc, col, "offset"').raw().all();
  sqlite.close();
  return places;
}
