// The Worker, its entrypoint for other Workers that call it through a service binding, and the class of the coordinator, which does nothing unless it
// is bound.
export { Assay, Coordinator, default } from 'edge-assay';
