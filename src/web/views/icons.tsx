/** Inline SVG icons. Each is next to a label, so screen readers skip them. */

const shapes = {
  plus: 'M12 5v14M5 12h14',
  search: 'M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM16.5 16.5 21 21',
  settings: 'M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4',
  back: 'M15 5l-7 7 7 7',
  close: 'M6 6l12 12M18 6 6 18',
  send: 'M4 12 20 4l-5 16-3.5-6.5z',
  reply: 'M10 7 5 12l5 5M5 12h9a5 5 0 0 1 5 5v1',
  smile: 'M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM8.5 14a4 4 0 0 0 7 0M9 9.5v.5M15 9.5v.5',
  edit: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3',
  bin: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  people:
    'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20a6 6 0 0 1 12 0M16 5a3 3 0 0 1 0 6M17 14a5 5 0 0 1 4 5',
  compass: 'M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM15.5 8.5l-2 5-5 2 2-5z',
  down: 'M12 5v14M6 13l6 6 6-6',
};

export function Icon({ of }: { of: keyof typeof shapes }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={shapes[of]} />
    </svg>
  );
}

export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 64 64" aria-hidden="true">
      <path d="M32 8C17.6 8 6 18 6 30.500c0 6.600 3.300 12.500 8.500 16.600L12 57l11.500-5.300c2.700.7 5.500 1.100 8.500 1.100 14.400 0 26-10 26-22.300S46.400 8 32 8z" />
      <path class="smile" d="M22 31c2 5 6 7.500 10 7.500S40 36 42 31" />
    </svg>
  );
}

interface IconButtonProps {
  readonly of: keyof typeof shapes;
  readonly label: string;
  readonly onClick: () => void;
}

/** A button with only an icon, and a label for screen readers. */
export function IconButton({ of, label, onClick }: IconButtonProps) {
  return (
    <button type="button" class="icon-button" aria-label={label} title={label} onClick={onClick}>
      <Icon of={of} />
    </button>
  );
}

/** A link with only an icon, and a label for screen readers. */
export function IconLink({ of, label, href }: Omit<IconButtonProps, 'onClick'> & { href: string }) {
  return (
    <a class="icon-button" aria-label={label} title={label} href={href}>
      <Icon of={of} />
    </a>
  );
}
