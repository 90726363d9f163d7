import type { z } from 'zod'
import type { ObjectStore } from '../store/object-store.js'

type Products = Readonly<
  Record<string, { readonly destinations: Readonly<Record<string, { readonly store: ObjectStore }>> }>
>

/**
 * Refuses a store that lies inside the folder of another product: both would write under one prefix, and what one calls
 * foreign is the other's backup. One bucket name may exist at several services, told apart by their host.
 */
export function checkNesting(products: Products, context: z.RefinementCtx): void {
  const folders = Object.entries(products).flatMap(([product, { destinations }]) =>
    Object.entries(destinations ?? {})
      .filter(([, destination]) => typeof destination?.store === 'object' && destination.store?.name !== 'memory')
      .map(([name, { store }]) => ({
        ...{ product, name, service: `${store.name} ${store.host ?? ''}` },
        root: `${store.location}/`,
        own: `${store.location}/${product}/`,
      })),
  )
  for (const { product, name, service, root } of folders) {
    const outer = folders.find(
      other => other.product !== product && other.service === service && root.startsWith(other.own),
    )
    if (outer === undefined) continue
    const path = [product, 'destinations', name, 'store']
    const message = `lies inside the folder of the product ${outer.product} (${outer.own.slice(0, -1)})`
    context.addIssue({ code: 'custom', path, message })
  }
}
