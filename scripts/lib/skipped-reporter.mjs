// A reporter for node:test that writes one line for each test that was skipped: its name and the reason it gave.
export default async function* skippedTests(events) {
  for await (const { type, data } of events) {
    if (type === 'test:pass' && data.skip !== undefined) {
      yield `  ${data.name}${typeof data.skip === 'string' ? `: ${data.skip}` : ''}\n`;
    }
  }
}
