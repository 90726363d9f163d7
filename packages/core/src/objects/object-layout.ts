/** The prefix of everything that belongs to the copies of one set of objects. */
export function setPrefix(product: string, set: string): string {
  return `${product}/objects/${set}/`
}

export function snapshotsPrefix(product: string, set: string): string {
  return `${setPrefix(product, set)}snapshots/`
}

/** The head of a snapshot: written last, and without it the snapshot does not exist. */
export function snapshotKey(product: string, set: string, id: string): string {
  return `${snapshotsPrefix(product, set)}${id}.json`
}

/** What a snapshot holds, sorted by key, encrypted. */
export function listingKey(product: string, set: string, id: string): string {
  return `${setPrefix(product, set)}listings/${id}.ndjson.gz.gpg`
}

/** Where verifications of snapshots are recorded, below the product. */
export function recordsFolder(set: string): string {
  return `objects/${set}/verifications`
}

export function recordsPrefix(product: string, set: string): string {
  return `${product}/${recordsFolder(set)}/`
}

/** Which stored content a snapshot needs: names, lengths and hashes of ciphertext. */
export function inventoryKey(product: string, set: string, id: string): string {
  return `${setPrefix(product, set)}inventories/${id}.ndjson.gz`
}

/** What runs wrote down of themselves before they ended; gone once there is a snapshot. */
export function checkpointsPrefix(product: string, set: string): string {
  return `${setPrefix(product, set)}checkpoints/`
}

export function checkpointKey(product: string, set: string, run: string, number: number): string {
  return `${checkpointsPrefix(product, set)}${contentName(run, number)}.json`
}

export function checkpointListKey(product: string, set: string, run: string, number: number): string {
  return `${checkpointsPrefix(product, set)}${contentName(run, number)}.ndjson.gz.gpg`
}

export function contentPrefix(product: string, set: string): string {
  return `${setPrefix(product, set)}content/`
}

/** The n-th thing that a run stored. Its name says nothing of the objects in it. */
export function contentKey(product: string, set: string, run: string, number: number): string {
  return `${contentPrefix(product, set)}${contentName(run, number)}.gpg`
}

/** `20261121T020000Z-7f3k9q/00000001`. */
export function contentName(run: string, number: number): string {
  return `${run}/${String(number).padStart(8, '0')}`
}

/** The run and number of a name of content, or undefined when it is none. */
export function parseContentName(name: string): { readonly run: string; readonly number: number } | undefined {
  const found = /^(\d{8}T\d{6}Z-[a-z0-9]{6})\/(\d{8,10})$/.exec(name)
  return found === null ? undefined : { run: found[1]!, number: Number(found[2]) }
}
