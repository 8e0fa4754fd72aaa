// One call of the coordinator's object.

/**
 * The answer of the object `name` of a Durable Object namespace to a question, cut after `most` characters. A longer one is never
 * copied into the memory of the instance, which does not shrink.
 *
 * @param {{ idFromName(name: string): unknown, get(id: unknown): { ask(question: string): Promise<unknown> } }} namespace
 * @param {string} name
 * @param {string} question
 * @param {number} most
 */
export async function ask(namespace, name, question, most) {
  // A stub that has failed once stays broken, so each question has its own.
  const answer = await namespace.get(namespace.idFromName(name)).ask(question);
  return typeof answer === 'string' ? answer.slice(0, most) : undefined;
}
