// The whole Worker as a dependency. Its configuration is the variable ASSAY in wrangler.jsonc. `Assay` is for service bindings.
export { default, Assay } from 'edge-assay';
