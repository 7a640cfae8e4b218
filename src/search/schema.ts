import * as Type from 'typebox';
import { errorMessage, Id, Time, WireId } from '../http/schema.ts';
import { Name } from '../users/schema.ts';

export const SearchQuery = Type.Object({
  q: Type.String({
    maxLength: 200,
    pattern: '^[^\\u0000\\p{Cs}]*$',
    examples: ['hike "at nine"'],
    description: 'Words and "quoted phrases"; the last word may be the beginning of one.',
    ...errorMessage('Enter the text to search for in q, with at most 200 characters.'),
  }),
  chat_id: Type.Optional(Id('chat id')),
  from: Type.Optional(Name),
  before: Type.Optional(Id('message id in before')),
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9]|[1-4][0-9]|50)$',
      examples: ['20'],
      ...errorMessage('The limit must be a whole number from 1 to 50.'),
    }),
  ),
});

export const SearchAnswer = Type.Object({
  hits: Type.Array(
    Type.Object({
      chat_id: WireId,
      id: WireId,
      sender_id: WireId,
      snippet: Type.String(),
      marks: Type.Array(Type.Array(Type.Integer(), { minItems: 2, maxItems: 2 }), {
        description: 'The matches in the snippet: [start, end) in UTF-16 code units.',
      }),
      time: Time,
    }),
  ),
});
