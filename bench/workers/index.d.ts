// The built Worker, beside which a benchmark or soak puts its modules.
declare const worker: { fetch(request: Request, env: object, context: unknown): Promise<Response> };
export default worker;
