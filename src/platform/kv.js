// Workers KV: what kv.rs asks of a namespace.

export const get = (namespace, key, cacheTtl) => namespace.get(key, { cacheTtl });

export const put = (namespace, key, value, expirationTtl) => namespace.put(key, value, { expirationTtl });

export const remove = (namespace, key) => namespace.delete(key);
