/** Cuts secrets out of text. */
export type Redactor = (text: string) => string

/**
 * A redactor for the secrets given (each as it is and percent-encoded) and for whatever has a secret's shape, such as a
 * token of the vendor's that an answer quotes.
 */
export function redactor(secrets: readonly string[], shapes: readonly RegExp[]): Redactor {
  const exact = secrets.filter(one => one !== '').flatMap(one => [one, encodeURIComponent(one)])
  return text => {
    const cut = exact.reduce((shown, one) => shown.replaceAll(one, '[redacted]'), text)
    return [...commonShapes, ...shapes].reduce((shown, shape) => shown.replace(global(shape), '[redacted]'), cut)
  }
}

const commonShapes: readonly RegExp[] = [
  /(?<=\bBearer )[^\s"',]+/g,
  // A password in an address, as far as the last @ before a slash or a space.
  /(?<=\b[a-z][a-z0-9+.-]*:\/\/[^\s/@:"']*:)[^\s"']+(?=@)/gi,
]

function global(shape: RegExp): RegExp {
  return shape.flags.includes('g') ? shape : new RegExp(shape.source, `${shape.flags}g`)
}
