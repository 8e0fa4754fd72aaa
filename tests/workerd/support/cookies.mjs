// Behaves like a browser: carries cookies from one answer to the next request. Its callers follow redirects.

/**
 * A `fetch` that remembers cookies. Redirects are returned.
 *
 * @returns {(url: string | URL, init?: RequestInit) => Promise<Response>}
 */
export function browser() {
  const cookies = new Map();
  return async (url, { headers = {}, ...init } = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { redirect: 'manual', ...init, headers: { ...headers, ...(cookie ? { cookie } : {}) } });
    for (const line of response.headers.getSetCookie()) {
      const [pair] = line.split(';');
      const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    return response;
  };
}
