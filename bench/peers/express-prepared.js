/** Express 5 and better-sqlite3, with statements that are prepared once. */
import Database from 'better-sqlite3';
import cookieParser from 'cookie-parser';
import express from 'express';
import { file, pageSize, pragmas } from './database.js';

const db = new Database(file);
for (const pragma of pragmas) db.pragma(pragma);
const findSession = db.prepare('select user_id from sessions where token = ? and user_id = ?');
const findMembership = db.prepare('select 1 from memberships where chat_id = ? and user_id = ?');
const readPage = db.prepare(
  'select id, sender_id, content, time from messages where chat_id = ? order by id desc limit ?',
);
const insert = db.prepare(
  'insert into messages (chat_id, sender_id, content, time) values (?, ?, ?, ?)',
);

const app = express();
app.use(express.urlencoded({ extended: false }));
app.use(cookieParser());

app.use((req, res, next) => {
  const { user_id = '', token = '' } = req.cookies;
  const session = findSession.get(token, user_id);
  if (!session) return res.status(403).json({ error: 'Sign in first.' });
  req.userId = session.user_id;
  next();
});

app.use('/api/chats/:chat_id', (req, res, next) => {
  const membership = findMembership.get(req.params.chat_id, req.userId);
  if (!membership) return res.status(403).json({ error: 'This is not your chat.' });
  next();
});

app.get('/api/chats/:chat_id', (req, res) => {
  res.json({ messages: readPage.all(req.params.chat_id, pageSize).reverse() });
});

app.post('/api/chats/:chat_id', (req, res) => {
  insert.run(req.params.chat_id, req.userId, req.body.content, new Date().toISOString());
  res.status(201).json({ status: 'ok' });
});

app.listen(process.env.PORT, '127.0.0.1');
