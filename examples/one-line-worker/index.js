// The whole Worker as a dependency. Its configuration is the variable ASSAY in wrangler.jsonc. `Assay` is for service bindings, and `Coordinator`
// does nothing unless it is bound.
export { default, Assay, Coordinator } from 'edge-assay';
