/**
 * The URL in `text`, or undefined. Not by `URL.canParse`: once the engine has optimised a call of it, it reads
 * Latin-1 as UTF-8 and says yes to what `new URL` then throws at (Node 20 and 22).
 */
export function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
