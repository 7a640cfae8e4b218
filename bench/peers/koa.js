/** Koa and TypeORM, which maps objects to rows. */
import { bodyParser } from '@koa/bodyparser';
import Router from '@koa/router';
import Koa from 'koa';
import { DataSource, EntitySchema } from 'typeorm';
import { file, pageSize, pragmas } from './database.js';

const id = { type: 'integer', primary: true, generated: 'increment' };
const Session = new EntitySchema({
  name: 'sessions',
  columns: { id, user_id: { type: 'integer' }, token: { type: 'text' } },
});
const Membership = new EntitySchema({
  name: 'memberships',
  columns: {
    chat_id: { type: 'integer', primary: true },
    user_id: { type: 'integer', primary: true },
  },
});
const Message = new EntitySchema({
  name: 'messages',
  columns: {
    id,
    chat_id: { type: 'integer' },
    sender_id: { type: 'integer' },
    content: { type: 'text' },
    time: { type: 'text' },
  },
});

const source = await new DataSource({
  type: 'better-sqlite3',
  database: file,
  entities: [Session, Membership, Message],
  prepareDatabase: (connection) => {
    for (const pragma of pragmas) connection.pragma(pragma);
  },
}).initialize();
const sessions = source.getRepository(Session);
const memberships = source.getRepository(Membership);
const messages = source.getRepository(Message);

const router = new Router();

router.use('/api/chats/:chat_id', async (ctx, next) => {
  const [user_id, token] = [Number(ctx.cookies.get('user_id')), ctx.cookies.get('token')];
  const session = await sessions.findOneBy({ user_id, token });
  const chat_id = Number(ctx.params.chat_id);
  if (!session || !(await memberships.findOneBy({ chat_id, user_id }))) return ctx.throw(403);
  ctx.state = { chat_id, user_id };
  await next();
});

router.get('/api/chats/:chat_id', async (ctx) => {
  const { chat_id } = ctx.state;
  const page = await messages.find({ where: { chat_id }, order: { id: 'DESC' }, take: pageSize });
  ctx.body = { messages: page.reverse().map(({ chat_id, ...message }) => message) };
});

router.post('/api/chats/:chat_id', async (ctx) => {
  const { chat_id, user_id } = ctx.state;
  const { content } = ctx.request.body;
  const time = new Date().toISOString();
  await messages.save({ chat_id, sender_id: user_id, content, time });
  ctx.status = 201;
  ctx.body = { status: 'ok' };
});

new Koa().use(bodyParser()).use(router.routes()).listen(Number(process.env.PORT), '127.0.0.1');
