import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { getAll, post, remove } from '../lib/api.ts';
import { loadModule } from '../lib/lazy-modules.ts';
import type { Picture } from '../lib/qr.ts';
import { paths } from '../lib/route.ts';
import { fullTime } from '../lib/time.ts';
import type { Invite } from '../lib/wire.ts';
import { useLoading } from '../state/failing.ts';
import { attempt } from '../state/failures.ts';
import { texts } from '../texts/index.ts';
import { CopyButton } from './copy.tsx';
import { ErrorText } from './error-text.tsx';
import { Form } from './form.tsx';
import { askFirst } from './question.tsx';

/** The invites to a chat that the user may see, with buttons to copy, show and revoke them. */
export function Invites({ chatId }: { chatId: number }) {
  const invites = useSignal<readonly Invite[]>([]);
  const path = `/api/chats/${chatId}/invites`;
  const refresh = async () => {
    invites.value = await getAll<Invite>(path, 'invites');
  };
  const { error } = useLoading(refresh, [chatId]);
  const revoke = (code: string) =>
    askFirst({
      title: texts.revokeQuestion,
      detail: texts.revokeDetail,
      action: texts.revoke,
      act: async () => {
        await remove(`${path}?code=${code}`);
        await refresh();
      },
    });
  return (
    <section class="card">
      <h2>{texts.invites}</h2>
      <ErrorText of={error} />
      <ul class="invites">
        {invites.value.map((invite) => (
          <InviteItem key={invite.code} invite={invite} onRevoke={() => revoke(invite.code)} />
        ))}
      </ul>
      <Form action={texts.newInvite} onSubmit={(fields) => post(path, fields).then(refresh)}>
        <label class="check">
          <input type="checkbox" name="max_uses" value="1" />
          {texts.oneUse}
        </label>
      </Form>
    </section>
  );
}

function InviteItem({ invite, onRevoke }: { invite: Invite; onRevoke: () => void }) {
  const shown = useRef<HTMLInputElement>(null);
  const picture = useSignal<Picture | undefined>(undefined);
  const link = new URL(paths.invite(invite.code), location.origin).href;
  const showCode = async () => {
    const { qrPicture } = await loadModule(import('../lib/qr.ts'));
    picture.value = picture.value === undefined ? qrPicture(link) : undefined;
  };
  return (
    <li>
      <input
        ref={shown}
        type="text"
        readOnly
        value={link}
        aria-label={texts.invites}
        onFocus={(e) => e.currentTarget.select()}
      />
      <small>
        {texts.expires(fullTime(invite.expires))}
        {invite.uses_left !== undefined && `, ${texts.usesLeft(invite.uses_left)}`}
      </small>
      <span class="actions">
        <CopyButton text={link} shown={shown} />
        <button
          type="button"
          aria-expanded={picture.value !== undefined}
          onClick={() => attempt(showCode())}
        >
          QR
        </button>
        <button type="button" onClick={onRevoke}>
          {texts.revoke}
        </button>
      </span>
      {picture.value && <QrCode picture={picture.value} />}
    </li>
  );
}

/** A QR code with the margin of 4 modules that scanners need. */
function QrCode({ picture: { size, path } }: { picture: Picture }) {
  return (
    <svg class="qr" viewBox={`-4 -4 ${size + 8} ${size + 8}`} role="img" aria-label={texts.qrCode}>
      <path d={path} />
    </svg>
  );
}
