// The Worker, and its entrypoint for other Workers that call it through a service binding.
export { Assay, default } from 'edge-assay';
