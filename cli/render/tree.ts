/** Trees with box-drawing characters. */

export interface TreeItem {
  readonly label: string;
  readonly children: readonly TreeItem[];
}

/** One line a item; `dim` paints the branches. */
export const renderTree = (root: TreeItem, dim: (text: string) => string = (text) => text): string[] => {
  const lines = [root.label];
  const walk = (items: readonly TreeItem[], indent: string): void => {
    for (const [index, { label, children }] of items.entries()) {
      const last = index === items.length - 1;
      lines.push(`${dim(`${indent}${last ? '└─ ' : '├─ '}`)}${label}`);
      walk(children, `${indent}${last ? '   ' : '│  '}`);
    }
  };
  walk(root.children, '');
  return lines;
};
