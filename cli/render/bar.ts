/** A progress bar of block characters, an eighth of a column fine: how far an epoch has come. */

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;
const full = '█';
const empty = '░';

/** `fraction` outside 0 … 1 is cut to it. */
export const progressBar = (fraction: number, width: number): string => {
  const filled = Math.round(Math.min(1, Math.max(0, fraction)) * width * 8);
  const whole = Math.floor(filled / 8);
  const part = eighths[filled % 8] ?? '';
  return full.repeat(whole) + part + empty.repeat(width - whole - (part === '' ? 0 : 1));
};
