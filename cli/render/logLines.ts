/** Log lines for a terminal: what `renderLogLine` says, with level, node and action in colour. */
import { renderLogLine } from '../../actors/system/worldParts.ts';
import type { Paint } from '../output.ts';

/** `HH:MM:SS.mmm LEVEL node …`: the three columns that `renderLogLine` puts first. */
const columns = /^(\S+) (\S+)( +)(\S+) (.*)$/s;

const paintLevel = (level: string, paint: Paint): string => {
  switch (level) {
    case 'error':
    case 'fatal':
      return paint('red', level);
    case 'warn':
      return paint('yellow', level);
    case 'info':
      return paint('green', level);
    default:
      return paint('dim', level);
  }
};

/** One NDJSON line as people read it. A line that is no JSON object is shown as it is, without control characters. */
export const renderLog = (json: string, paint: Paint): string => {
  const line = renderLogLine(json);
  if (!json.startsWith('{')) return line;
  const [, time, level, gap, node, rest] = columns.exec(line) ?? [];
  if (time === undefined || level === undefined || gap === undefined || node === undefined || rest === undefined)
    return line;
  const painted = rest.replace(/^action=(\S+)/, (action) => paint('bold', action));
  return `${paint('dim', time)} ${paintLevel(level, paint)}${gap}${paint('cyan', node)} ${painted}`;
};
