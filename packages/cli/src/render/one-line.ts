/**
 * Text as one safe line: control characters (a key in a store may hold an escape sequence) become spaces, and the
 * user and password of an address are cut out, whoever put them there.
 */
export function oneLine(text: string): string {
  return redact(text.replace(/\p{Cc}+/gu, ' ').trim())
}

/** Cuts credentials out of the addresses in a text. */
export function redact(text: string): string {
  return text
    .replace(/\b(?!(?:s3|file):)([a-z][a-z0-9+.-]*:\/\/)[^\s'"]*@/gi, '$1')
    .replace(/([?&](?:password|sslpassword|passfile)=)[^\s&'"]*/gi, '$1***')
}
