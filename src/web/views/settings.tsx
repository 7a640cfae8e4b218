import { useSignal } from '@preact/signals';
import { ApiError, ask, getAll, put, remove } from '../lib/api.ts';
import { forgetAll } from '../lib/store.ts';
import { fullTime } from '../lib/time.ts';
import type { Device } from '../lib/wire.ts';
import { account, loadAccount, ownId, signOutBy } from '../state/account.ts';
import { useLoading } from '../state/failing.ts';
import { attempt } from '../state/failures.ts';
import { notifications, setNotifications } from '../state/notifications.ts';
import { texts } from '../texts/index.ts';
import { ErrorText } from './error-text.tsx';
import { emailHint, Field, Form } from './form.tsx';
import { Pane } from './pane.tsx';
import { askFirst } from './question.tsx';
import { Written } from './written.tsx';

export function SettingsPane() {
  return (
    <Pane title={texts.settings}>
      <Profile />
      <Notifications />
      <Password />
      <Devices />
      <section class="card">
        <button type="button" onClick={() => attempt(signOut())}>
          {texts.signOut}
        </button>
        <DeleteAccount />
      </section>
    </Pane>
  );
}

/** Turns notifications on this device on or off; says why where they are not available. */
function Notifications() {
  const state = notifications.value;
  const why = state === 'on' || state === 'off' ? '' : texts.noNotifications[state];
  const choose = async (box: HTMLInputElement) => {
    await setNotifications(box.checked);
    // The browser may have denied the permission; the box would stay ticked.
    box.checked = notifications.value === 'on';
  };
  return (
    <section class="card">
      <h2>{texts.notifications}</h2>
      <label class="check">
        <input
          type="checkbox"
          checked={notifications.value === 'on'}
          disabled={notifications.value === 'insecure' || notifications.value === 'missing'}
          onChange={(event) => attempt(choose(event.currentTarget))}
        />
        {texts.notifyDevice}
      </label>
      {why !== '' && <p role="status">{why}</p>}
    </section>
  );
}

function Profile() {
  const user = account.value?.user;
  const proof = useProof();
  const change = async (fields: Record<string, string>) => {
    await proof.during(put(`/api/user/${ownId()}`, fields));
    await loadAccount();
  };
  return (
    <section class="card">
      <h2>{texts.profile}</h2>
      <Form action={texts.save} onSubmit={change} done={texts.saved}>
        <Field name="name" label={texts.name} defaultValue={user?.name} required />
        <Field
          name="email"
          label={texts.email}
          type="email"
          hint={emailHint()}
          defaultValue={user?.email}
          required
        />
        {proof.field}
      </Form>
    </section>
  );
}

/** Shows a field for the password once the server asks for it, as it does in an old session. */
function useProof() {
  const isAsked = useSignal(false);
  const during = async (work: Promise<void>) => {
    try {
      await work;
      isAsked.value = false;
    } catch (error) {
      if (error instanceof ApiError && error.code === 'password_needed') isAsked.value = true;
      throw error;
    }
  };
  const field = isAsked.value && <CurrentPassword />;
  return { field, during };
}

function DeleteAccount() {
  const ask = () =>
    askFirst({
      title: texts.deleteAccountQuestion,
      detail: texts.deleteAccountDetail,
      action: texts.deleteAccount,
      fields: <CurrentPassword isFirst />,
      act: async (fields) => {
        await signOutBy(remove('/api/user', fields));
        forget();
      },
    });
  return (
    <button type="button" class="danger" onClick={ask}>
      {texts.deleteAccount}
    </button>
  );
}

function CurrentPassword({ isFirst = false }: { isFirst?: boolean }) {
  return (
    <Field
      name="current_password"
      label={texts.currentPassword}
      type="password"
      autocomplete="current-password"
      autofocus={isFirst}
      required
    />
  );
}

function Password() {
  return (
    <section class="card">
      <h2>{texts.changePassword}</h2>
      <Form
        action={texts.changePassword}
        done={texts.passwordChanged}
        onSubmit={(fields) => put(`/api/user/${ownId()}/password`, fields)}
      >
        <CurrentPassword />
        <Field
          name="password"
          label={texts.newPassword}
          type="password"
          autocomplete="new-password"
          minLength={8}
          hint={texts.passwordHint}
          required
        />
      </Form>
    </section>
  );
}

function Devices() {
  const devices = useSignal<readonly Device[]>([]);
  const refresh = async () => {
    devices.value = await getAll<Device>('/api/sessions', 'sessions');
  };
  const end = async (query: string) => {
    await remove(`/api/sessions?${query}`);
    await refresh();
  };
  const { error } = useLoading(refresh, []);
  return (
    <section class="card">
      <h2>{texts.devices}</h2>
      <ErrorText of={error} />
      <ul class="people">
        {devices.value.map(({ id, device, last_seen: seen, current }) => (
          <li key={id}>
            <span class="name">
              <Written text={device} /> {current && <small class="tag">{texts.thisDevice}</small>}
              <small>{texts.lastSeen(fullTime(seen))}</small>
            </span>
            {!current && (
              <button type="button" onClick={() => attempt(end(`id=${id}`))}>
                {texts.endSession}
              </button>
            )}
          </li>
        ))}
      </ul>
      {devices.value.length > 1 && (
        <button type="button" onClick={() => attempt(end('others=1'))}>
          {texts.endOthers}
        </button>
      )}
    </section>
  );
}

async function signOut(): Promise<void> {
  await signOutBy(ask('GET', '/api/logout'));
  forget();
}

/** Removes all traces for the next user of this browser. */
function forget(): void {
  forgetAll();
  location.hash = '';
  location.reload();
}
