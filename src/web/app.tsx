import { useEffect } from 'preact/hooks';
import { route } from './lib/route.ts';
import { openDays } from './lib/time.ts';
import { account } from './state/account.ts';
import { connection, openConnection } from './state/connection.ts';
import { applyEvent, onStreamStart } from './state/events.ts';
import { watchNotifications } from './state/notifications.ts';
import { openOutbox, sendNow } from './state/outbox.ts';
import { report } from './state/reading.ts';
import { openUpdates } from './state/update.ts';
import { texts } from './texts/index.ts';
import { Boundary } from './views/boundary.tsx';
import { ChatPane } from './views/chat.tsx';
import { ConnectionText, Notices } from './views/connection.tsx';
import { DirectoryPane } from './views/directory.tsx';
import { InvitePane } from './views/invite.tsx';
import { MembersPane } from './views/members.tsx';
import { OpenQuestion } from './views/question.tsx';
import { SearchPane } from './views/search.tsx';
import { SettingsPane } from './views/settings.tsx';
import { Sidebar } from './views/sidebar.tsx';
import { SignIn } from './views/sign-in.tsx';
import { Switcher } from './views/switcher.tsx';

export function App() {
  return (
    <>
      <Page />
      <Notices />
    </>
  );
}

function Page() {
  const who = account.value;
  if (who === undefined) return <Waiting />;
  return who === null ? <SignIn /> : <Home key={who.user.id} />;
}

/** Shown until the server has said who is signed in; empty unless the server cannot be reached. */
function Waiting() {
  return (
    <p class="empty" role="status">
      {connection.value === 'broken' && <ConnectionText />}
    </p>
  );
}

/** The client for a user who is signed in. */
function Home() {
  useEffect(start, []);
  const here = route.value;
  return (
    <div class="home" data-at={here.name}>
      <button type="button" class="skip" onClick={skip}>
        {texts.skipToChat}
      </button>
      <Sidebar />
      <main id="main" tabIndex={-1}>
        <Boundary fallback={<Broken />}>
          <Pane />
        </Boundary>
      </main>
      <Switcher />
      <OpenQuestion />
    </div>
  );
}

function start(): void {
  openDays();
  watchNotifications();
  openOutbox();
  openUpdates();
  openConnection({ onEvent: applyEvent, onStart: onStreamStart });
  connection.subscribe((state) => {
    if (state !== 'open' && state !== 'held') return;
    sendNow();
    report();
  });
}

/** Moves the focus past the list of chats, for keyboard users. */
function skip(): void {
  document.getElementById('main')?.focus();
}

/** Replaces a pane that cannot be drawn; the rest of the page still works. */
function Broken() {
  return (
    <p class="empty" role="alert">
      {texts.broken}
    </p>
  );
}

function Pane() {
  const here = route.value;
  switch (here.name) {
    case 'chat':
      return <ChatPane key={here.chatId} chatId={here.chatId} messageId={here.messageId} />;
    case 'members':
      return <MembersPane key={here.chatId} chatId={here.chatId} />;
    case 'search':
      return <SearchPane query={here.query} chatId={here.chatId} />;
    case 'directory':
      return <DirectoryPane />;
    case 'settings':
      return <SettingsPane />;
    case 'invite':
      return <InvitePane code={here.code} />;
    default:
      return <p class="empty">{texts.pickChat}</p>;
  }
}
