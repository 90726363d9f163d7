import type { z } from 'zod'
import type { ObjectStore } from '../store/object-store.js'

type Products = Readonly<
  Record<string, { readonly destinations: Readonly<Record<string, { readonly store: ObjectStore }>> }>
>

/**
 * Refuses a folder store that lies inside the folder of another product: both would write under one prefix, and what one
 * calls foreign is the other's backup. Buckets are not compared: one name may exist at several services.
 */
export function checkNesting(products: Products, context: z.RefinementCtx): void {
  const folders = Object.entries(products).flatMap(([product, { destinations }]) =>
    Object.entries(destinations ?? {})
      .filter(([, destination]) => destination?.store?.name === 'directory')
      .map(([name, { store }]) => ({
        product,
        name,
        root: `${store.location}/`,
        own: `${store.location}/${product}/`,
      })),
  )
  for (const { product, name, root } of folders) {
    const outer = folders.find(other => other.product !== product && root.startsWith(other.own))
    if (outer === undefined) continue
    const path = [product, 'destinations', name, 'store']
    const message = `lies inside the folder of the product ${outer.product} (${outer.own.slice(0, -1)})`
    context.addIssue({ code: 'custom', path, message })
  }
}
