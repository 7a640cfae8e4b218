/** A circle with an initial, in a colour that stays the same for the same id. */
export function Avatar({ id, name }: { id: number; name: string }) {
  const [first] = new Intl.Segmenter().segment(name);
  return (
    <span class="avatar" data-hue={id % 8} dir="auto" aria-hidden="true">
      {first?.segment.toLocaleUpperCase()}
    </span>
  );
}
