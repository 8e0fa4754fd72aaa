#!/bin/sh
# What CI can run before `wrangler deploy`. It ends with the first exit code that is not 0.
#
#   sh before-deploy.sh wrangler.toml
#
# SIGNING_KEYS: the secret of the exchange, if there is one. TOKEN: a token that the configuration must accept. Both come from the
# environment, because other users of the machine can see arguments.
set -eu

config=${1:-wrangler.toml}
edge_assay() {
  ${EDGE_ASSAY:-npx edge-assay} "$@"
}

# Lists each fault of the configuration with its path and what to write instead.
edge_assay check "$config"

# Says from when on no key signs, early enough to add the next one.
if [ -n "${SIGNING_KEYS:-}" ]; then
  printf %s "$SIGNING_KEYS" | edge_assay keys check
fi

# Names the one cause if the token is refused.
if [ -n "${TOKEN:-}" ]; then
  printf %s "$TOKEN" | edge_assay explain --config "$config"
fi
