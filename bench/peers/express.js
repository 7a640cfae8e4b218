/** Express 5, knex and better-sqlite3, in the usual style. */
import cookieParser from 'cookie-parser';
import express from 'express';
import { openKnex, pageSize } from './database.js';

const db = openKnex();
const app = express();
app.use(express.urlencoded({ extended: false }));
app.use(cookieParser());

app.use(async (req, res, next) => {
  const { user_id = '', token = '' } = req.cookies;
  const session = await db('sessions').where({ user_id, token }).first();
  if (!session) return res.status(403).json({ error: 'Sign in first.' });
  req.userId = session.user_id;
  next();
});

app.use('/api/chats/:chat_id', async (req, res, next) => {
  const key = { chat_id: req.params.chat_id, user_id: req.userId };
  const membership = await db('memberships').where(key).first();
  if (!membership) return res.status(403).json({ error: 'This is not your chat.' });
  next();
});

app.get('/api/chats/:chat_id', async (req, res) => {
  const messages = await db('messages')
    .select('id', 'sender_id', 'content', 'time')
    .where({ chat_id: req.params.chat_id })
    .orderBy('id', 'desc')
    .limit(pageSize);
  res.json({ messages: messages.reverse() });
});

app.post('/api/chats/:chat_id', async (req, res) => {
  await db('messages').insert({
    chat_id: req.params.chat_id,
    sender_id: req.userId,
    content: req.body.content,
    time: new Date().toISOString(),
  });
  res.status(201).json({ status: 'ok' });
});

app.listen(process.env.PORT, '127.0.0.1');
