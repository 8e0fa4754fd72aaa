#!/usr/bin/env node
// The command `edge-assay` of the npm package.
import './cli/main.js';
