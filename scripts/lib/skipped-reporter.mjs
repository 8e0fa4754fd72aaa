// A reporter for node:test that writes one line per skipped test: its name and the reason.
export default async function* skippedTests(events) {
  for await (const { type, data } of events) {
    if (type === 'test:pass' && data.skip !== undefined) {
      yield `  ${data.name}${typeof data.skip === 'string' ? `: ${data.skip}` : ''}\n`;
    }
  }
}
