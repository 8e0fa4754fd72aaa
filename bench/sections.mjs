// The parts of documents that are made from figures: between `<!-- MARK: name -->` and `<!-- end -->`, in lines of their own or within a line.

/**
 * The document with every such section replaced. `sections` has a function for each name, which returns the text for these results, or `undefined` to
 * leave the section as it is.
 *
 * @param {string} page
 * @param {string} mark
 * @param {Record<string, (results: any) => string | undefined>} sections
 * @param {unknown} results
 */
export function filledSections(page, mark, sections, results) {
  return page.replace(new RegExp(`<!-- ${mark}: ([\\w-]+) -->(\\n?)[^]*?<!-- end -->`, 'g'), (old, name, newline) => {
    const text = sections[name](results);
    return text === undefined ? old : `<!-- ${mark}: ${name} -->${newline}${text}${newline}<!-- end -->`;
  });
}

/** A table of Markdown whose columns have equal width, the first one aligned to the left and the others to the right. */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
}

/** A ratio with its quartiles, as text. */
export const spread = (ratio) =>
  ratio ? `${ratio.median.toFixed(2)} (${ratio.quartiles.map((quartile) => quartile.toFixed(2)).join(' to ')})` : '–';
