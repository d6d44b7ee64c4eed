/**
 * Text as a terminal counts it: columns, not UTF-16 units, and no escape codes from strangers. Whatever came over the bus
 * passes `plain` before it is printed: a state name must not be able to move somebody's cursor.
 */

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character is what is looked for
const colourCode = /(\u001b\[[0-9;]*m)/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const control = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
/** East Asian wide and emoji: two columns. */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\p{Emoji_Presentation}]/u;
const zeroWidth = /[\p{Mark}\u200b-\u200d\ufeff]/u;

const ellipsis = '…';

/** The text without the colours that `Style` gave it. */
export const withoutColours = (text: string): string => text.replace(colourCode, '');

/** Text from outside with every control and direction character made visible. */
export const plain = (text: string): string =>
  text.replace(control, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

const widthOf = (character: string): number => (zeroWidth.test(character) ? 0 : wide.test(character) ? 2 : 1);

const ascii = /^[\x20-\x7e]*$/;

/** Columns that `text` takes on a terminal, colours not counted. */
export const displayWidth = (text: string): number => {
  if (ascii.test(text)) return text.length;
  let columns = 0;
  for (const character of withoutColours(text)) columns += widthOf(character);
  return columns;
};

/** `text` in at most `width` columns, ending in `…` when something is missing. Colours survive and are closed. */
export const clip = (text: string, width: number): string => {
  if (displayWidth(text) <= width) return text;
  if (width <= 0) return '';
  let kept = '';
  let columns = 0;
  for (const part of text.split(colourCode)) {
    if (part.startsWith('\u001b[')) {
      kept += part;
      continue;
    }
    for (const character of part) {
      const next = columns + widthOf(character);
      if (next > width - 1) return `${kept}${ellipsis}${text.includes('\u001b[') ? '\u001b[0m' : ''}`;
      kept += character;
      columns = next;
    }
  }
  return kept;
};

/** `text` in lines of at most `width` columns, broken between words; a word that is longer has a line of its own. */
export const wrap = (text: string, width: number): readonly string[] => {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line === '' || displayWidth(longer) <= width) {
      line = longer;
      continue;
    }
    lines.push(line);
    line = word;
  }
  return [...lines, line];
};

export const padEnd = (text: string, width: number): string =>
  text + ' '.repeat(Math.max(0, width - displayWidth(text)));
export const padStart = (text: string, width: number): string =>
  ' '.repeat(Math.max(0, width - displayWidth(text))) + text;
