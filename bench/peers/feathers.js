/** FeathersJS 5 with its knex service on Express, as its generator writes it. */
import express, { rest } from '@feathersjs/express';
import { feathers } from '@feathersjs/feathers';
import { KnexService } from '@feathersjs/knex';
import cookieParser from 'cookie-parser';
import { openKnex, pageSize } from './database.js';

const db = openKnex();
const app = express(feathers());
app.use(express.urlencoded({ extended: false }));
app.use(cookieParser());
app.use((req, _, next) => {
  req.feathers.cookies = req.cookies;
  next();
});
app.configure(rest());

const table = (name) => new KnexService({ Model: db, name, paginate: false, multi: false });
app.use('sessions', table('sessions'), { methods: [] });
app.use('memberships', table('memberships'), { methods: [] });
app.use('api/chats/:chat_id', table('messages'), { methods: ['find', 'create'] });

async function authenticate({ params }) {
  const { user_id, token } = params.cookies;
  const query = { user_id, token, $limit: 1 };
  [params.session] = await app.service('sessions').find({ query });
  if (!params.session) throw new Error('Sign in first.');
}

async function authorise({ params }) {
  const query = { chat_id: params.route.chat_id, user_id: params.session.user_id, $limit: 1 };
  const [membership] = await app.service('memberships').find({ query });
  if (!membership) throw new Error('This is not your chat.');
}

app.service('api/chats/:chat_id').hooks({
  before: {
    all: [authenticate, authorise],
    find: async ({ params }) => {
      const $select = ['id', 'sender_id', 'content', 'time'];
      params.query = {
        chat_id: params.route.chat_id,
        $select,
        $limit: pageSize,
        $sort: { id: -1 },
      };
    },
    create: async (context) => {
      const { route, session } = context.params;
      context.data = {
        chat_id: route.chat_id,
        sender_id: session.user_id,
        content: context.data.content,
        time: new Date().toISOString(),
      };
    },
  },
  after: {
    find: async (context) => {
      context.result = { messages: context.result.reverse() };
    },
  },
});

app.listen(Number(process.env.PORT), '127.0.0.1');
