import type { ComponentChildren } from 'preact';
import { isolated } from '../lib/bidi.ts';
import { paths } from '../lib/route.ts';
import { texts } from '../texts/index.ts';
import { IconLink } from './icons.tsx';

interface Props {
  readonly title: string;
  readonly back?: string;
  readonly children: ComponentChildren;
}

/** A pane other than a chat: its title, a link back, and its content. */
export function Pane({ title, back = paths.home, children }: Props) {
  return (
    <section class="pane" aria-label={isolated(title)}>
      <header class="bar">
        <IconLink of="back" label={texts.back} href={back} />
        <h1 dir="auto">{title}</h1>
      </header>
      <div class="scroll">{children}</div>
    </section>
  );
}
