/** QR codes, loaded when somebody first asks for one. */
import qrcode from 'qrcode-generator';

export interface Picture {
  /** The side of the square, in modules, without the margin. */
  readonly size: number;
  /** The dark modules, as the `d` of an SVG path. */
  readonly path: string;
}

export function qrPicture(text: string): Picture {
  // 0: the smallest that holds the text; M: a tenth of it may be unreadable.
  const code = qrcode(0, 'M');
  code.addData(text);
  code.make();
  const size = code.getModuleCount();
  const modules = Array.from({ length: size * size }, (_, i) => [i % size, Math.floor(i / size)]);
  const dark = modules.filter(([x = 0, y = 0]) => code.isDark(y, x));
  return { size, path: dark.map(([x, y]) => `M${x} ${y}h1v1h-1z`).join('') };
}
